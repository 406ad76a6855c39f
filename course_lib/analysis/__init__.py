"""One table, one question, one page: what it is, what is doubtful, how well a model does, and a model to take along."""
