"""The steps of an evaluation: pure functions first, thin Prefect tasks on top."""
