"""What MLflow is told: kept on this disk first, delivered whole or again, and read back as finished runs."""
