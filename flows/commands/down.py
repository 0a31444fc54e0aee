"""`assay down`: stops what `assay up` started."""

from __future__ import annotations

from flows import console


def down() -> None:
    """Stop workers, servers and the database, in that order; all data stay."""
    from flows.installation import control

    with console.aside.status("stopping …"):
        ran = control.stop()
    console.out.print("Stopped." if ran else "Nothing was running.")
