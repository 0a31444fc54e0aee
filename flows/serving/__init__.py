"""The servers of Prefect and MLflow on one machine, and who is let in."""
