"""A team's installation on one machine: what runs, what watches over it, and what says how it is."""
