"""The demo, `make demo`: make models and data, evaluate them, and show the leaderboard."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from flows import cli, environment
from infra.demo.prepare import prepare
from tasks import home

EVALUATIONS = Path(__file__).parent / "evaluations"
ORDER = ("digits", "photos", "messages-topic", "reuters", "messages-entities", "personal", "speech")


def needs(config: Path) -> set[str]:
    """Return the names of the assets that a config's paths lead to."""
    return set(re.findall(r"\$\{ASSAY_DEMO\}/([\w./-]+)", config.read_text(encoding="utf-8")))


def main() -> None:
    """Run the demo; what cannot be had is named and left out."""
    began = time.perf_counter()
    environment.prepare()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    demo = home.home() / "demo"
    os.environ["ASSAY_DEMO"] = str(demo)
    print("Models and data", flush=True)
    report = prepare(demo)
    lacking = {name for name, outcome in report.items() if outcome.startswith("skipped")}
    chosen = []
    for name in ORDER:
        config = EVALUATIONS / f"{name}.yaml"
        if missing := sorted(needs(config) & lacking):
            print(f"Left out: {name}, for want of {', '.join(missing)}")
        else:
            chosen.append(str(config))
    print("\nEvaluations", flush=True)
    cli.app(["run", *chosen], standalone_mode=False)
    print("Leaderboard", flush=True)
    cli.app(["leaderboard"], standalone_mode=False)
    print(f"\nThe demo took {time.perf_counter() - began:.0f} s. Its data is in {home.home()}.")
    print("Look at it in the browser: .venv/bin/assay ui   (it prints both addresses)")


if __name__ == "__main__":
    main()
