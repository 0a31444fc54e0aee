"""Inference: checkpoints, devices, batches, and the chunk store. Knows no task type."""
