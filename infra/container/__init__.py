"""What runs first in every container: its secrets, the databases' migrations, and its probe."""
