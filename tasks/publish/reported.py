"""Reported: the scores that models claim on the Hub, in their cards, in `.eval_results`, on leaderboards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks import discovery
from tasks.cards import dataset as dataset_card
from tasks.cards import header
from tasks.errors import UserError
from tasks.publish import merging, signatures, verification
from tasks.publish.claims import Claim, Finding, findings, same_dataset
from tasks.publish.results import Result, finished, of_run
from tasks.tracking.mlflow_store import TAG

MOST = 50
"""Models whose cards are read for one dataset."""


def claims_of(
    texts: Mapping[str, str], model: str, dataset: str, benchmark: Mapping[str, Any], own: merging.Own
) -> Iterator[Claim]:
    """Yield what a model's files claim on a dataset.

    Args:
        texts: Its card and its `.eval_results` files, by path.
        model: Its Hub id.
        dataset: The dataset's Hub id.
        benchmark: The dataset's eval.yaml, which says what its task ids mean.
        own: What tells tokens of this installation.

    Raises:
        BadEvaluation: A file cannot be read.
    """
    tasks = {str(each.get("id")): each for each in benchmark.get("tasks") or [] if isinstance(each, Mapping)}
    for path, text in texts.items():
        if path == merging.CARD:
            yield from _of_card(text, model, dataset, own)
            continue
        for entry in merging.entries_of(text, path):
            about = entry.get("dataset") or {}
            if not same_dataset(str(about.get("id")), dataset):
                continue
            task = tasks.get(str(about.get("task_id")), {})
            yield Claim(
                model=model,
                dataset=str(about.get("id")),
                metric="",
                value=entry.get("value"),
                origin=path,
                config=_string(task.get("config")),
                split=_string(task.get("split")),
                revision=_string(about.get("revision")),
                ours=own(entry.get("verifyToken")),
            )


def _of_card(text: str, model: str, dataset: str, own: merging.Own) -> Iterator[Claim]:
    for entry in merging.index_of(text, model):
        for item in entry.get("results") or []:
            about = item.get("dataset") or {}
            if not same_dataset(str(about.get("type")), dataset):
                continue
            for metric in item.get("metrics") or []:
                arguments = metric.get("args")
                yield Claim(
                    model=model,
                    dataset=str(about.get("type")),
                    metric=str(metric.get("type") or ""),
                    value=metric.get("value"),
                    origin="model-index",
                    config=_string(about.get("config")),
                    split=_string(about.get("split")),
                    revision=_string(about.get("revision")),
                    name=str(metric.get("name") or ""),
                    arguments=arguments if isinstance(arguments, Mapping) else {},
                    ours=own(metric.get("verifyToken")),
                )


def _string(value: Any) -> str | None:
    return None if value is None else str(value)


def measured(dataset: str) -> list[Result]:
    """Return what was measured here on a dataset of the Hub, the latest first."""
    quoted = dataset.replace("'", "''")
    return [of_run(run) for run in finished(f"tags.`{TAG}.dataset_place` = '{quoted}'")]


def reported(dataset: str) -> tuple[list[Finding], list[str]]:
    """Return the claims on a dataset beside what was measured here, and what could not be read, as sentences.

    The models are those that were evaluated here and those that the Hub's leaderboard and tags lead to.

    Raises:
        UserError: There is no such dataset, or it may not be read.
    """
    _, text = dataset_card.texts(dataset)
    benchmark = header.mapping(text, f"The eval.yaml of '{dataset}'")
    results = measured(dataset)
    own = merging.signed_by(signatures.public_key())
    names = dict.fromkeys(result.model for result in results if result.model_on_hub)
    notes: list[str] = []
    names |= dict.fromkeys(each.name for each in discovery.declaring(dataset, MOST, notes))
    claims: list[Claim] = []
    for name in list(names)[:MOST]:
        try:
            claims += claims_of(verification.of_model(name), name, dataset, benchmark, own)
        except UserError as error:
            notes.append(str(error))
    known = {claim.model for claim in claims}
    claims += [each for each in _leaderboard(dataset, notes) if each.model not in known]
    found = findings(claims, results)
    return sorted(found, key=lambda each: (not each.run_id, each.claim.model, each.score or "")), notes


def _leaderboard(dataset: str, notes: list[str]) -> Sequence[Claim]:
    """Return what the dataset's leaderboard on the Hub says; few datasets have one."""
    return [
        Claim(model=each.model_id, dataset=dataset, metric="", value=each.value, origin="leaderboard")
        for each in discovery.leaderboard(dataset, notes)
    ]
