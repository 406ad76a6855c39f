"""The data sets of the course, and a person's own tables."""
