"""What there is to see of a run: pictures, mistakes worth reading, an overview of all models."""
