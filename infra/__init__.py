"""How Assay runs: the demo, and installations for a team."""
