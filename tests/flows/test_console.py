"""What the command line shows."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from flows import console


@pytest.mark.parametrize("rows", [None, 40])
def test_progress_is_shown_with_and_without_a_total(
    monkeypatch: pytest.MonkeyPatch, rows: int | None
) -> None:
    for terminal in (True, False):
        written = io.StringIO()
        monkeypatch.setattr(console, "aside", Console(file=written, force_terminal=terminal, width=100))
        with console.bar("a model", rows) as advance:
            advance(40)
        assert "a model" in written.getvalue()
        total = (
            ("40/?" if rows is None else "40/40")
            if terminal
            else "as they come"
            if rows is None
            else "40 rows"
        )
        assert total in written.getvalue()
