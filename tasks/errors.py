"""Everything Assay raises on purpose.

AssayError
├── UserError                the evaluation as written cannot run: one sentence that names the thing,
│   │                        lists what there is and suggests the nearest; raised before a model loads
│   ├── UnknownName          a task type, metric, column, split, setting … that does not exist
│   ├── BadEvaluation        the parts exist and do not fit together
│   ├── BadLabels            labels that map to nothing, are hidden, or map to two things
│   ├── NotFound             a model, dataset or file that is not there
│   ├── OutOfReach           the Hub cannot be asked and the local cache does not have it, or an endpoint
│   │                        does not answer
│   ├── NoAccess             a gated or private repository, or an endpoint, without the right key
│   └── Refused              what is off unless the evaluation allows it (remote code, pickled weights)
└── RowFailures              rows failed and the evaluation says `on_error: stop`
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """Root of everything Assay raises on purpose."""


class UserError(AssayError):
    """A mistake the user can mend; its message is one sentence meant for them."""


class UnknownName(UserError):
    """A name that does not exist."""


class BadEvaluation(UserError):
    """Parts that exist and do not fit together."""


class BadLabels(UserError):
    """Labels that map to nothing, are hidden, or map to two things.

    Attributes:
        missing: The dataset's labels that no label of the model's reaches, where that is what is wrong.
    """

    def __init__(self, message: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class NotFound(UserError):
    """A model, dataset or file that is not there."""


class OutOfReach(UserError):
    """The Hub cannot be asked and the local cache does not have it, or an endpoint does not answer."""


class NoAccess(UserError):
    """A gated or private repository, or an endpoint, without the right key."""


class Refused(UserError):
    """Something that is off unless the evaluation allows it."""


class RowFailures(AssayError):
    """Rows failed and the evaluation says `on_error: stop`."""


def nearest(name: str, there_is: Iterable[str]) -> str | None:
    """Return the existing name most like `name`, or None when none is close.

    >>> nearest("text-clasification", ["text-classification", "token-classification"])
    'text-classification'
    >>> nearest("zebra", ["text", "label"]) is None
    True
    """
    folded = {str(each).casefold(): str(each) for each in there_is}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def listing(names: Iterable[str], most: int = 20) -> str:
    """Join names for a message, cut after `most`.

    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    every = [str(name) for name in names]
    if len(every) <= most:
        return ", ".join(every) or "none"
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def unknown(what: str, name: str, there_is: Iterable[str]) -> UnknownName:
    """Build the error for a name that does not exist.

    >>> print(unknown("column", "sentense", ["sentence", "label"]))
    There is no column 'sentense'; there are: sentence, label. Did you mean 'sentence'?
    """
    there = [str(each) for each in there_is]
    close = nearest(name, there)
    hint = f". Did you mean '{close}'?" if close else "."
    return UnknownName(f"There is no {what} '{name}'; there are: {listing(there)}{hint}")
