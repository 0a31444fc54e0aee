"""Predictions made elsewhere: files of answers and Python functions in a model's place."""
