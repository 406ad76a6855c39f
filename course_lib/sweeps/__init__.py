"""One notebook, many parameter sets: warm, parallel, resumable runs, a record of each, and a report."""
