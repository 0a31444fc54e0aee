"""The comment under a pull request: scores with intervals, what they rest on, and how to have them again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.cards.header import written
from tasks.publish import signatures
from tasks.publish.results import Result
from tasks.report import escaped
from tasks.settings import Settings

TITLE = "Evaluation results by Assay"
DESCRIPTION = (
    "Scores with confidence intervals, measured by Assay on pinned revisions of this model and the dataset, "
    "as `model-index` in the card and in `.eval_results`. Values reported by others are left as they are."
)


def mark(result: Result) -> str:
    """Return the first line of a comment on a result, invisible, by which it is found again."""
    about = [result.dataset, result.config or "default", result.split]
    about += [json.dumps(result.filters)] if result.filters else []
    named = " ".join([*about, signatures.short(signatures.public_key())])
    return f"<!-- assay: {named.replace('--', '- -')} -->"


def text(result: Result, notes: Sequence[str] = ()) -> str:
    """Write the comment on a result."""
    config = written(evaluation(result)).rstrip()
    # Longer than any fence within, as a prompt's template may hold one.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", config)), default=0))
    key = signatures.public_key()
    lines = [mark(result), f"### {escaped(result.dataset_title)}, {escaped(result.split)}", ""]
    lines += [*_scores(result), "", *(f"> {escaped(note)}\n" for note in notes)]
    lines += [
        "<details><summary>What it rests on, and how to have it again</summary>",
        "",
        *_pins(result),
        "",
        "Save as `evaluation.yaml`, then `assay run evaluation.yaml`:",
        "",
        f"{fence}yaml",
        config,
        fence,
        "",
        "</details>",
        "",
        f"Every score is signed (`verifyToken`) by the key `{key}`; "
        f"`assay verify {result.model} --key {key}` checks that none was altered.",
    ]
    return "\n".join(lines)


def _scores(result: Result) -> list[str]:
    lines = [f"| score | value | {result.level * 100:g}% interval | rows |", "|---|---:|---|---:|"]
    for key, score in result.scores.items():
        between = f"[{score.low:.4g}, {score.high:.4g}]" if None not in (score.low, score.high) else ""
        lines.append(f"| {key} | {score.value:.4g} | {between} | {result.rows} |")
    return lines


def _pins(result: Result) -> list[str]:
    settings = result.settings
    rows = f"{result.rows} rows"
    rows += f", a seeded sample of {result.limit}" if result.limit else ""
    rows += f"; {result.failed} failed and are left out" if result.failed else ""
    pins = {
        "model": f"`{result.model}` at `{result.model_commit}`",
        "dataset": f"`{result.dataset}` at `{result.revision}`",
        "rows": rows,
        "predictions": f"SHA-256 `{result.predictions}`" if result.predictions else "",
        "precision and device": " on ".join(each for each in map(settings.get, ("dtype", "device")) if each),
        "versions": ", ".join(
            f"{name.removeprefix('version_')} {value}"
            for name, value in sorted(settings.items())
            if name.startswith("version_")
        ),
        "evaluated": result.finished.strftime("%Y-%m-%d %H:%M UTC"),
    }
    return [f"- {name}: {value}" for name, value in pins.items() if value]


def evaluation(result: Result) -> dict[str, Any]:
    """Return the config file that gives a result again, settings that are the defaults left out."""
    dataset: dict[str, Any] = {"path": result.dataset, "config": result.config, "split": result.split}
    dataset |= {"revision": result.revision, "limit": result.limit}
    if result.filters:
        dataset["filters"] = dict(result.filters)
    if result.settings.get("dataset_streamed") == "true":
        dataset["streaming"] = True
    model: dict[str, Any] = {"name": result.model, "revision": result.model_commit}
    labels = json.loads(result.settings.get("labels") or "{}")
    if any(ours != theirs for ours, theirs in labels.items()):
        model["labels"] = labels
    return {
        "task": result.task,
        "dataset": {name: value for name, value in dataset.items() if value is not None},
        "columns": dict(result.columns),
        "models": [model],
        "metrics": [
            {name: value for name, value in each.items() if name != "allow_remote_code"}
            for each in result.metrics
        ],
        **_settings(result.settings),
    }


def _settings(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that differ from the defaults, as `settings`; nothing where none does."""
    defaults = Settings().model_dump(mode="json")
    found: dict[str, Any] = {"dtype": given["dtype"]} if given.get("dtype") else {}
    for name, default in defaults.items():
        if name in {"dtype", "device", "experiment", "publish", "engine"} or name not in given:
            continue
        try:
            value = json.loads(given[name])
        except ValueError:
            continue
        if value != default:
            found[name] = value
    return {"settings": found} if found else {}
