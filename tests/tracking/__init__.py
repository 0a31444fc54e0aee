"""Tracking, below the flows: runs written, killed, resumed and read."""
