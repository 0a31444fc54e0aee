"""The step of the installation that offers the forms, once Prefect's server answers."""

from __future__ import annotations

from pathlib import Path

from flows import environment


def main() -> None:
    """See that the forms are there; what runs by itself is deployed where nothing ever was."""
    environment.prepare(quiet=False)
    from flows.queue import deployments
    from tasks.events import schedules

    done = deployments.ensure(schedules.read(schedules.SHIPPED), Path.cwd())
    print("deployed:", ", ".join(done.changed) or "nothing new", flush=True)


if __name__ == "__main__":
    main()
