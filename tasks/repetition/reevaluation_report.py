"""What a re-evaluation says: sentences for a terminal, Markdown for a page, one object for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tasks.errors import listing
from tasks.repetition.reevaluation import Reevaluated, Reevaluation
from tasks.report import escaped


def as_json(found: Reevaluation) -> dict[str, Any]:
    """Return a re-evaluation as the object that `--json` prints."""
    return {
        **{name: getattr(found, name) for name in ("task", "dataset", "split", "alpha", "margin")},
        "changed": found.changed,
        "models": [
            {
                **{name: value for name, value in asdict(each).items() if name != "verdicts"},
                "verdicts": [
                    {**_plain(asdict(verdict)), "difference": _plain(asdict(verdict.difference))}
                    for verdict in each.verdicts
                ],
            }
            for each in found.models
        ],
    }


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers that JSON can hold: NaN becomes null."""
    return {name: None if value != value else value for name, value in given.items()}


def sentences(found: Reevaluation) -> list[str]:
    """Say of each model what changed and what came of it, one sentence or two each."""
    return [sentence(each) for each in found.models]


def sentence(each: Reevaluated) -> str:
    """Say of one model what changed and what came of it."""
    if not each.changed:
        return f"{each.model}: nothing changed since run {each.run_id[:8]}; nothing was computed."
    words = [
        f"{each.model}: {listing(each.changed)}; {each.predicted} of {each.rows} rows were predicted"
        f"{f', compared on {each.compared} rows' if each.compared else ''}."
    ]
    for verdict in each.verdicts:
        word = {"improved": "improved", "same": "is the same", "regressed": "REGRESSED"}[verdict.verdict]
        words.append(
            f"{verdict.score} {word}: {verdict.old:.3f} → {verdict.new:.3f} "
            f"({verdict.difference.value:+.3f}, p = {verdict.difference.p_value:.2g})."
        )
    return " ".join([*words, *each.notes])


def markdown(found: Reevaluation) -> str:
    """Write a re-evaluation as Markdown."""
    lines = [f"**{found.task}** on **{escaped(found.dataset)}** {escaped(found.split)}".rstrip(), ""]
    rows = [
        f"| {escaped(each.model)} | {verdict.score} | {verdict.old:.3f} | {verdict.new:.3f} | "
        f"{verdict.difference.value:+.3f} | {verdict.difference.p_value:.2g} | **{verdict.verdict}** |"
        for each in found.models
        for verdict in each.verdicts
    ]
    if rows:
        lines += ["| model | score | last | now | difference | p | |", "|---|---|---:|---:|---:|---:|---|"]
        lines += [*rows, ""]
        lines += [
            f"p-values corrected by Holm over the scores of a model; differences count below {found.alpha:g} "
            f"and beyond {found.margin:g}.",
            "",
        ]
    return "\n".join([*lines, *(f"- {escaped(each)}" for each in sentences(found))])
