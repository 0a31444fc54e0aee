"""Labels: the dataset's names, the model's names, and which of one is which of the other.

Ids are never matched: the two orders differ in practice (MNLI, MASSIVE), and a match by id gives a wrong
number without a sign.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import BadLabels, listing, unknown
from tasks.types.contract import Alignment

if TYPE_CHECKING:
    import datasets

    from tasks.inference.checkpoints import Checkpoint

HIDDEN = -1
_GAP = re.compile(r"[\s_\-]+")


def no_labels(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Match nothing: the alignment of task types whose answers are texts or pictures."""
    return Alignment()


def folded(name: str) -> str:
    """Return a label name without case and with one kind of gap, for comparing.

    >>> folded("Not_Entailment") == folded("not entailment")
    True
    """
    return _GAP.sub(" ", name.strip()).casefold()


def names_in(feature: Any, values: Iterable[Any]) -> list[str]:
    """Return the label names of a dataset column: its ClassLabel's, else the distinct values as strings.

    Raises:
        BadLabels: Labels are hidden (-1 or missing), as in the test splits of benchmarks.
    """
    import datasets

    distinct = set(values)
    if None in distinct or HIDDEN in distinct:
        raise BadLabels(
            "The labels of this split are hidden (some are -1 or missing), so nothing can be judged by them; "
            "choose another split."
        )
    if isinstance(feature, datasets.ClassLabel):
        return list(feature.names)
    return sorted({str(value) for value in distinct})


def named(feature: Any, value: Any) -> Any:
    """Return a column's value with labels as names, wherever in it they are.

    >>> import datasets
    >>> named({"kind": datasets.List(datasets.ClassLabel(names=["no", "yes"]))}, {"kind": [1, 0]})
    {'kind': ['yes', 'no']}
    """
    import datasets

    if value is None:
        return None
    if isinstance(feature, datasets.ClassLabel):
        return value if isinstance(value, str) else feature.names[value]
    if isinstance(feature, Mapping):
        return {name: named(inner, value[name]) for name, inner in feature.items()}
    if isinstance(feature, datasets.List | datasets.LargeList):
        return [named(feature.feature, each) for each in value]
    return value


def match(
    model_labels: Sequence[str],
    dataset_labels: Sequence[str],
    overrides: Mapping[str, str],
    model: str,
) -> Alignment:
    """Match a model's labels to a dataset's by name, after the user's own pairs.

    Every dataset label must be reached by a model label; a model label without a counterpart stays as it
    is and counts as wrong wherever it is predicted, which is noted.

    Raises:
        UnknownName: A pair of the user's names a label that is not there.
        BadLabels: A dataset label is reached by no model label, or by several that are not the user's pairs.

    >>> match(["NEGATIVE", "POSITIVE"], ["positive", "negative"], {}, "m").to_dataset
    {'NEGATIVE': 'negative', 'POSITIVE': 'positive'}
    """
    for given, wanted in overrides.items():
        if given not in model_labels:
            raise unknown(f"label of the model '{model}'", given, model_labels)
        if wanted not in dataset_labels:
            raise unknown("label in the dataset", wanted, dataset_labels)
    to_dataset = {**_by_name(model_labels, dataset_labels, overrides, model), **overrides}
    missing = [name for name in dataset_labels if name not in to_dataset.values()]
    if missing:
        raise BadLabels(
            f"No label of the model '{model}' is called {listing(missing)}: the model has "
            f"{listing(model_labels)}, the dataset {listing(dataset_labels)}; say which is which under the "
            f"model's labels, as {{{(*model_labels, '…')[0]}: {missing[0]}}}.",
            tuple(missing),
        )
    extra = [name for name in model_labels if name not in to_dataset]
    note = f"The model '{model}' has labels that the dataset lacks, counted as wrong: {listing(extra, 8)}."
    ordered = {name: to_dataset[name] for name in model_labels if name in to_dataset}
    return Alignment(tuple(dataset_labels), ordered, (note,) if extra else (), tuple(model_labels))


def _by_name(
    model_labels: Sequence[str], dataset_labels: Sequence[str], overrides: Mapping[str, str], model: str
) -> dict[str, str]:
    exact = set(dataset_labels)
    by_fold: dict[str, list[str]] = defaultdict(list)
    for name in dataset_labels:
        by_fold[folded(name)].append(name)
    found: dict[str, str] = {}
    for name in model_labels:
        if name in overrides:
            continue
        same = [name] if name in exact else by_fold.get(folded(name), [])
        if len(same) > 1:
            raise BadLabels(
                f"The model's label '{name}' could be any of {listing(same)}; say which under its labels."
            )
        if same:
            found[name] = same[0]
    sharing: dict[str, list[str]] = defaultdict(list)
    for name, target in found.items():
        sharing[target].append(name)
    for target, names in sharing.items():
        if len(names) > 1:
            raise BadLabels(
                f"Several labels of the model '{model}' would be '{target}': {listing(names)}; "
                "say which under its labels."
            )
    return found


def align_classes(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    model_labels: Sequence[str],
    overrides: Mapping[str, str],
    model: str,
) -> Alignment:
    """Match the labels of a classifier to those of a dataset's `label` column."""
    return match(model_labels, class_names(features, columns, rows), overrides, model)


def class_names(features: datasets.Features, columns: Mapping[str, str], rows: datasets.Dataset) -> list[str]:
    """Return the label names of a dataset's `label` column; raises `BadLabels` where they are hidden."""
    column = columns["label"]
    # Not `rows.unique`: on a sample it would write an index into the dataset's own folder.
    values = rows.select_columns([column]).with_format("arrow")[:][column].unique().to_pylist()
    return names_in(features[column], values)
