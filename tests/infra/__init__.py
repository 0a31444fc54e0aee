"""What ships in infra/, checked by schema and run as processes."""
