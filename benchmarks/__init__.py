"""Assay beside what a user would otherwise use, timed in one run."""
