"""Publish: results of finished runs to the Hub, as pull requests to the models' own repositories."""
