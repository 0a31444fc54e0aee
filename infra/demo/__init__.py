"""The demo's models and data: trained on the spot, or fetched from pinned packages."""
