"""Finished runs compared: on the rows all of them answered, as a page, and where they disagree."""
