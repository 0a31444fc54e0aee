"""The audit that CI runs: no secret in what is committed, no known hole in what is installed."""
