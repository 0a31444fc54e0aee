"""What starts an evaluation by itself, and who is told when one ends."""
