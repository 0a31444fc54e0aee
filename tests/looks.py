"""Everything a run shows, made without a server; a picture that could not be made fails the test."""

from __future__ import annotations

import logging

from tasks.candidates import Candidate
from tasks.evidence import exhibits
from tasks.plan import Plan
from tasks.predict import PredictionsReference
from tasks.score import Judgement
from tasks.tracking import artifacts


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def looked(
    plan: Plan, candidate: Candidate, predictions: PredictionsReference, judgement: Judgement
) -> dict[str, bytes]:
    """Return by name everything that a run shows."""
    kept = _Kept()
    exhibits.LOG.addHandler(kept)
    try:
        found = dict(artifacts.looks(plan, candidate, predictions, judgement))
    finally:
        exhibits.LOG.removeHandler(kept)
    assert kept.said == []
    return found
