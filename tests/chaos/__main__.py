"""`python -m tests.chaos --seeds 10`: a suite of evaluations while processes are killed at random.

Prints every seed, every fault with its time, and how each round ended; exits with 1 where one did not end as
the calm run did.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.chaos import material
from tests.chaos.load import told
from tests.chaos.place import installed, say
from tests.chaos.rounds import Rounds


def main() -> int:
    """Run a calm round and one for each seed; return how many were not as the calm one."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=10, help="How many rounds.")
    asked.add_argument("--first", type=int, default=1, help="The first seed.")
    asked.add_argument("--evaluations", type=int, default=20)
    asked.add_argument("--faults", type=int, default=6, help="In each round.")
    asked.add_argument("--load", type=int, default=0, help="In the end, so many evaluations at once.")
    asked.add_argument("--demo", type=Path, default=Path(".assay/demo"), help="`make demo` makes it.")
    given = asked.parse_args()
    demo = given.demo.resolve()
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
        material.clustered(Path(folder)) as ray,
        installed(Path(folder), demo, workers=2, limit=1) as place,
    ):
        say(f"Prefect {place.prefect}, MLflow {place.mlflow}, data in {folder}, process {os.getpid()}")
        rounds = Rounds(place, demo, given.evaluations, given.faults, say, ray)
        calm = rounds.calm()
        seeds = range(given.first, given.first + given.seeds)
        wrong = [seed for seed in seeds if rounds.disturbed(seed, calm)]
        say(f"{given.seeds - len(wrong)} of {given.seeds} seeds passed" + (f"; not {wrong}" if wrong else ""))
        overloaded = told(place, demo, given.load) if given.load else []
    return len(wrong) + len(overloaded)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
