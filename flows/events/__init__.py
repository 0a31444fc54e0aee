"""What a run's end, or a push to the Hub, sets off."""
