"""What Prefect's pages show of a flow: its form, how far it is, and how it ended."""
