"""Runs made again: the same one reproduced, or a new one where something changed, told from the last."""
