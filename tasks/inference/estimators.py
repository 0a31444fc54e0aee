"""Estimators: scikit-learn models stored with skops, whose files say which types they are made of."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks import hub
from tasks.errors import BadEvaluation, Refused, listing
from tasks.inference.checkpoints import Checkpoint


def load(checkpoint: Checkpoint) -> Any:
    """Load an estimator; it is small, so that its labels can be read beforehand.

    Raises:
        Refused: It holds types that skops does not trust, and the evaluation does not allow pickles.
        BadEvaluation: The file is damaged.
    """
    return _load(
        checkpoint.name,
        checkpoint.place,
        checkpoint.commit,
        checkpoint.local,
        checkpoint.file,
        checkpoint.pickled,
    )


@lru_cache(maxsize=4)
def _load(name: str, place: str, commit: str, local: bool, file: str, trusting: bool) -> Any:
    from skops import io

    path = Path(place) / file if local else hub.model_file(place, commit, file)
    try:
        foreign = io.get_untrusted_types(file=path)
        if foreign and not trusting:
            raise Refused(
                f"The model '{name}' holds types that skops does not trust ({listing(sorted(foreign), 5)}), "
                "which may do harm when loaded; set allow_pickle: true if you trust it."
            )
        return io.load(path, trusted=foreign)
    except (OSError, ValueError, KeyError) as error:
        raise BadEvaluation(f"The file {file} of '{name}' is no skops model: {error}.") from error


def columns(estimator: Any) -> list[str] | None:
    """Return the names of the columns that an estimator was fitted on; None where it knows only how many."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def chosen(estimator: Any, fields: list[str], name: str) -> list[str]:
    """Return the columns an estimator is given, in its order.

    Raises:
        BadEvaluation: One that it was fitted on is missing, or there are not as many as it takes.
    """
    wanted = columns(estimator)
    if wanted is not None:
        missing = [each for each in wanted if each not in fields]
        if missing:
            raise BadEvaluation(
                f"The model '{name}' was fitted on the column{'s' if len(missing) > 1 else ''} "
                f"{listing(missing)}, which the features lack; they are: {listing(fields)}."
            )
        return wanted
    count = getattr(estimator, "n_features_in_", len(fields))
    if count != len(fields):
        raise BadEvaluation(
            f"The model '{name}' takes {count} columns whose names it does not know, and the features are "
            f"{len(fields)}: {listing(fields)}; name its own in their order, as features: a, b, c."
        )
    return fields
