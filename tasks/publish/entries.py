"""Entries: a result as the Hub's two formats have it, each score signed.

`model-index` stands in the header of the model's card, one entry a score; `.eval_results/*.yaml` holds one
value a dataset, the headline score. Both are built by the Hub's own client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tasks import versions
from tasks.publish import signatures
from tasks.publish.results import Result

SOURCE = "Assay"
TASK_NAMES = {"automatic-speech-recognition": "Speech Recognition"}
MACHINE = ("device", "workers", "reuse", "publish", "chunk_rows", "experiment", "batch_cost")
"""Parameters that say how a run went and not what was measured."""


def metric_of(key: str, metrics: tuple[Mapping[str, Any], ...]) -> tuple[str, dict[str, Any]]:
    """Return which metric a score key is of, and its arguments; the key itself where it is nobody's.

    >>> metric_of("f1_macro", ({"name": "accuracy"}, {"name": "f1", "average": "macro"}))
    ('f1', {'average': 'macro'})
    >>> metric_of("rougeL", ({"name": "rouge"},))
    ('rougeL', {})
    """
    owners = [each for each in metrics if key == each["name"] or key.startswith(f"{each['name']}_")]
    # Of F1 with two averages, the one whose arguments the key names.
    named = [each for each in owners if all(str(value) in key for name, value in each.items())]
    for owner in (*named, *sorted(owners, key=lambda each: -len(each["name"]))):
        arguments = {
            name: value for name, value in owner.items() if name not in {"name", "allow_remote_code"}
        }
        return str(owner["name"]), arguments
    return key, {}


def claims(result: Result, key: str) -> dict[str, Any]:
    """Return what is signed of one score: the score, what it was measured on, and what it rests on."""
    score = result.scores[key]
    kind, _ = metric_of(key, result.metrics)
    stated = {
        "model": result.model,
        "model_commit": result.model_commit,
        "task": result.task,
        "dataset": result.dataset,
        "dataset_config": result.config or "default",
        "dataset_split": result.split,
        "dataset_revision": result.revision,
        "limit": result.limit,
        "filters": json.dumps(result.filters, sort_keys=True) if result.filters else None,
        "rows": result.rows,
        "failed": result.failed,
        "metric": kind,
        "score": key,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "level": result.level,
        "predictions": result.predictions,
        "settings": signatures.digest(result.settings, without=MACHINE),
        "assay": versions.pins()["assay"],
        "iat": int(result.finished.timestamp()),
    }
    return {name: value for name, value in stated.items() if value is not None}


def of_card(result: Result, endpoint: str) -> dict[str, Any]:
    """Return a result as an item of a card's `model-index`."""
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    entries = []
    for key, score in result.scores.items():
        kind, arguments = metric_of(key, result.metrics)
        entries.append(
            EvalResult(
                task_type=result.task,
                task_name=TASK_NAMES.get(result.task, result.task.replace("-", " ").title()),
                dataset_type=result.dataset,
                dataset_name=result.dataset_title,
                dataset_config=result.config or "default",
                dataset_split=result.split,
                dataset_revision=result.revision,
                dataset_args=_rows(result),
                metric_type=kind,
                metric_value=score.value,
                metric_name=key,
                metric_args=arguments or None,
                verify_token=signatures.sign(claims(result, key)),
                source_name=SOURCE,
                source_url=f"{endpoint}/datasets/{result.dataset}" if result.dataset_on_hub else endpoint,
            )
        )
    (item,) = eval_results_to_model_index("", entries)[0]["results"]
    return dict(item)


def _rows(result: Result) -> dict[str, Any] | None:
    """Return which rows of the split were evaluated; None for all."""
    taken: dict[str, Any] = {"filters": dict(result.filters)} if result.filters else {}
    return taken | ({"sampled_rows": result.limit} if result.limit else {}) or None


def of_file(result: Result, endpoint: str, task_id: str) -> dict[str, Any]:
    """Return a result's headline score as an entry of an `.eval_results` file.

    Args:
        result: The result.
        endpoint: The Hub's address.
        task_id: What the benchmark calls this task of its own.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    key = result.headline
    score = result.scores[key]
    between = f" [{score.low}, {score.high}]" if score.low is not None else ""
    entry = EvalResultEntry(
        dataset_id=result.dataset,
        task_id=task_id,
        value=score.value,
        dataset_revision=result.revision,
        verify_token=signatures.sign(claims(result, key)),
        date=result.finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
        source_url=f"{endpoint}/datasets/{result.dataset}" if result.dataset_on_hub else endpoint,
        source_name=SOURCE,
        notes=f"{key} {score.value}{between}, {result.rows} rows of {result.split}"
        + (f" where {json.dumps(result.filters)}" if result.filters else ""),
    )
    (written,) = eval_result_entries_to_yaml([entry])
    return written


def task_id(result: Result, benchmark: Mapping[str, Any]) -> str:
    """Return what a benchmark's eval.yaml calls what was evaluated; its config where it says nothing.

    >>> from unittest.mock import Mock
    >>> benchmark = {"tasks": [{"id": "sums", "config": "main", "split": "test"}]}
    >>> task_id(Mock(config="main", split="test"), benchmark)
    'sums'
    """
    config = result.config or "default"
    for each in benchmark.get("tasks") or []:
        fits = str(each.get("config", "default")) == config and each.get("split") in {result.split, None}
        if fits and each.get("id"):
            return str(each["id"])
    return config


def path_of(result: Result) -> str:
    """Return the file of a model's repository that holds its results on a dataset."""
    return f".eval_results/assay-{result.dataset.replace('/', '--').lower()}.yaml"
