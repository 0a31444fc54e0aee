"""The queue of runs: what can be queued, who works on it, and what becomes of what nobody works on."""
