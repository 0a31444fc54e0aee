"""The nursery: a process that has imported what every run imports, and from which runs are forked."""
