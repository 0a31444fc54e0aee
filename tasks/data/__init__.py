"""What is evaluated: where rows come from, which of them are taken, and how a stream of them is read."""
