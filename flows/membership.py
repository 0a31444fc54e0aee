"""What a suite hands its evaluations: the tags of their MLflow runs, and predictions made before."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from tasks.predict import PredictionsReference


@dataclass(frozen=True)
class Membership:
    """What an evaluation is part of; empty where it is on its own.

    Attributes:
        tags: Of all its MLflow runs.
        predictions: By prediction key, what the suite has predicted, or why it could not be.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    predictions: Mapping[str, PredictionsReference | Exception] = field(default_factory=dict)

    def made(self, key: str) -> PredictionsReference | None:
        """Return what was predicted before under a key; None where nothing was.

        Raises:
            Exception: What came up when it was tried.
        """
        found = self.predictions.get(key)
        if isinstance(found, Exception):
            raise found
        return found


ALONE = Membership()
membership: ContextVar[Membership] = ContextVar("membership", default=ALONE)
