"""Cards: what a dataset's card says of evaluating it, and what a model's card says of its scores."""
