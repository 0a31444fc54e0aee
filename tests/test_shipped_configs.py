"""Every shipped config fits its dataset: found, mapped and checked on rows with the same features."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from tasks import configs, load
from tasks.columns import check_groups, map_columns
from tasks.data.references import references
from tasks.metrics import metric
from tasks.plan import Plan, check_metrics, requests
from tasks.spec import Evaluation
from tasks.types import task_type
from tests.shipped import KNOWN, rows

CONFIGS = configs.shipped()
LOOK_THROUGH_MODELS = {"clip_score", "frechet_distance", "kernel_distance"}
"""Metrics that are checked by finding a model on the Hub."""


def placed(config: Path, folder: Path) -> Evaluation:
    """Return a config's evaluation with its dataset put in place, as small as can be."""
    evaluation = configs.read(config)
    dataset = evaluation.dataset
    base = (dataset.split or "test").partition("[")[0]
    made = rows(dataset.path, dataset.config)
    datasets.DatasetDict({base: made, "another": made}).save_to_disk(folder)
    local = dataset.model_copy(update={"path": str(folder), "config": None, "revision": None, "limit": None})
    kept = [each for each in evaluation.metrics if each.name not in LOOK_THROUGH_MODELS]
    return evaluation.model_copy(update={"dataset": local, "metrics": kept})


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_fits_its_dataset(name: str, tmp_path: Path) -> None:
    evaluation = placed(CONFIGS[name], tmp_path / "data")
    kind = task_type(evaluation.task)
    found = load.load(evaluation.dataset, 0)
    opened = load.open_rows(found)
    mapping = map_columns(kind, opened.features, evaluation.columns, found.name)
    check_groups(evaluation.settings.groups, opened.features, found.name)
    plan = Plan(evaluation, found, mapping, requests(evaluation) if evaluation.metrics else ())
    check_metrics(plan, opened.features)
    for each in configs.read(CONFIGS[name]).metrics:
        assert metric(each.name).takes in kind.judged_by
    # What no config names must not be guessed: on the Hub a column may be there that is none here.
    ways = {column.way for column in kind.columns if column.name in evaluation.columns} | {""}
    needed = (each for each in kind.columns if each.required and not each.rest and each.way in ways)
    required = {column.name for column in needed}
    assert required <= set(evaluation.columns), mapping.notes
    right = references(opened, mapping, kind.references)
    given = set(kind.references) & set(mapping.columns)
    assert set(right) == given
    assert all(len(values) == 2 and None not in values for values in right.values())
    if kind.gives is not None and evaluation.metrics:
        wanted = set(kind.gives(opened.features, mapping.columns))
        assert {each.metric.takes for each in plan.requested} <= wanted


def test_the_table_holds_the_datasets_of_the_configs_and_no_others() -> None:
    used = set()
    for path in CONFIGS.values():
        dataset = configs.read(path).dataset
        named = f"{dataset.path} {dataset.config}"
        used.add(named if named in KNOWN else dataset.path)
    assert used == set(KNOWN)
