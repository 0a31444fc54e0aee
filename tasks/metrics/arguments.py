"""Arguments of metrics: those a metric has, and those that HF evaluate's metric of its name has beside them.

An argument of HF's is taken where it says what Assay does anyway, translated where Assay calls it something
else, and refused with a sentence on what to use where it asks for another number.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.contract import Metric


@dataclass(frozen=True)
class Foreign:
    """An argument of HF evaluate's that Assay has not under that name.

    Attributes:
        same: Its values that change nothing.
        instead: What to do for others.
        becomes: From another value to Assay's arguments; None where it is refused.
    """

    same: tuple[Any, ...]
    instead: str
    becomes: Callable[[Any], dict[str, Any]] | None = None


_WEIGHT = Foreign((None,), "every row counts alike, so that rows can be drawn for the interval")
_LABELS = Foreign((None,), "a score is over the labels that occur; leave out the rows of others")
_ZERO = Foreign(("warn", 0, 0.0, "0"), "nothing by nothing is 0")
_OUTPUTS = Foreign(
    ("uniform_average",), "a score is the mean over outputs; give the columns one at a time for each one's"
)
_POSITIVE = Foreign((), "", lambda value: {"positive": value, "average": "binary"})
_P_VALUE = Foreign(
    (False,), "a score has an interval instead; for two models' difference there is tasks.metrics.compare"
)
_POOLED = Foreign((False, True), "")
_ENCODER = Foreign((None,), "name the Hub model or folder to look through, as encoder='roberta-large'")
_RENAMED_MODEL = Foreign((), "", lambda value: {"model": value})

_AVERAGED = {"pos_label": _POSITIVE, "labels": _LABELS, "sample_weight": _WEIGHT, "zero_division": _ZERO}
FOREIGN: Mapping[str, Mapping[str, Foreign]] = {
    "accuracy": {
        "normalize": Foreign((True,), "accuracy is a share of rows; times the score's n it is their number"),
        "sample_weight": _WEIGHT,
    },
    "precision": _AVERAGED,
    "recall": _AVERAGED,
    "f1": _AVERAGED,
    "matthews_correlation": {"sample_weight": _WEIGHT},
    "roc_auc": {
        "multi_class": Foreign(
            ("raise", "ovr"), "of several labels the area is each against the rest (ovr), not of pairs (ovo)"
        ),
        "max_fpr": Foreign((None,), "the area is under the whole curve"),
        "sample_weight": _WEIGHT,
    },
    "brier_score": {
        "pos_label": Foreign((None,), "", lambda value: {"positive": value}),
        "sample_weight": _WEIGHT,
    },
    "mse": {
        "squared": Foreign((True,), "its root is the metric 'rmse'"),
        "multioutput": _OUTPUTS,
        "sample_weight": _WEIGHT,
    },
    "mae": {"multioutput": _OUTPUTS, "sample_weight": _WEIGHT},
    "mape": {"multioutput": _OUTPUTS, "sample_weight": _WEIGHT},
    "r_squared": {"multioutput": _OUTPUTS, "sample_weight": _WEIGHT},
    "pearsonr": {"return_pvalue": _P_VALUE},
    "spearmanr": {"return_pvalue": _P_VALUE},
    "wer": {"concatenate_texts": _POOLED},
    "cer": {"concatenate_texts": _POOLED},
    "seqeval": {"sample_weight": _WEIGHT},
    "rouge": {
        "use_aggregator": Foreign(
            (True,),
            "ROUGE is the mean over rows with its interval; for one row's, give that row alone",
        )
    },
    "bertscore": {
        "model_type": Foreign((), "", lambda value: {"encoder": value}),
        "num_layers": Foreign((), "", lambda value: {"layer": value}),
        "lang": _ENCODER,
        "rescale_with_baseline": Foreign((False,), "scores are not rescaled"),
    },
    "perplexity": {
        "model_id": _RENAMED_MODEL,
        "add_start_token": Foreign((True,), "a text starts with the model's start token where it has one"),
    },
}
"""By metric, the arguments of HF evaluate's that Assay's has not."""


def translated(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as Assay has them, from those of HF evaluate's metric of the name.

    Raises:
        BadEvaluation: One asks for a number that Assay does not give.

    >>> translated("f1", {"pos_label": "spam", "sample_weight": None})
    {'positive': 'spam', 'average': 'binary'}
    """
    there = FOREIGN.get(name, {})
    found = {key: value for key, value in arguments.items() if key not in there}
    for key, value in arguments.items():
        if key not in there:
            continue
        foreign = there[key]
        if any(value is same or (same is not None and value == same) for same in foreign.same):
            continue
        if foreign.becomes is None:
            raise BadEvaluation(
                f"The metric '{name}' does not take {key}={value!r} as HF evaluate's does: {foreign.instead}."
            )
        for argument, given in foreign.becomes(value).items():
            found.setdefault(argument, given)
    return found


def check(metric: Metric, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that the metric has not, values it cannot take, and that one is missing.

    Raises:
        UnknownName: There is no such argument, or no such value of it.
        BadEvaluation: One is missing that must be given.
    """
    hints = typing.get_type_hints(metric.measure)
    for argument, value in arguments.items():
        if argument not in metric.arguments:
            raise unknown(f"argument of the metric '{metric.name}'", argument, metric.arguments)
        choices = typing.get_args(hints[argument]) if typing.get_origin(hints[argument]) is Literal else ()
        if choices and value not in choices:
            raise unknown(f"{argument} of the metric '{metric.name}'", str(value), choices)
    for argument, default in metric.arguments.items():
        if default is inspect.Parameter.empty and argument not in arguments:
            raise BadEvaluation(f"The metric '{metric.name}' needs the argument '{argument}'.")
