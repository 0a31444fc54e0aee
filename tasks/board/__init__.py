"""Leaderboards and scoreboards: every model on every dataset, ranked, as a page and as files."""
