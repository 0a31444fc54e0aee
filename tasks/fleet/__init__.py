"""Several processes and machines on one evaluation: chunks dealt out to workers and Ray actors."""
