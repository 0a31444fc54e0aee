"""Verification: whether the scores of a card are those that were signed, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks import hub
from tasks.errors import NotFound
from tasks.publish import merging, signatures

Verdict = Literal["genuine", "altered", "unknown key", "not signed", "not by Assay"]
NOT_FAULTS: tuple[Verdict, ...] = ("genuine", "not signed", "not by Assay")


@dataclass(frozen=True)
class Verified:
    """One score of a card, and what its token says of it.

    Attributes:
        where: The file it stands in.
        dataset: The dataset it is on.
        score: What it is called.
        value: Its value, as the file has it.
        verdict: `genuine` by a known key; `altered` where file, token or signature disagree; `unknown key`
            where they agree and the key is none that is trusted here; `not signed`; `not by Assay` where the
            token is another's.
        why: What disagrees, or whose key it is, as a sentence.
    """

    where: str
    dataset: str
    score: str
    value: Any
    verdict: Verdict
    why: str


def of_model(name: str, revision: str | None = None) -> dict[str, str]:
    """Return the texts of a model's card and `.eval_results`, by path.

    Raises:
        UserError: There is no such model, or it may not be read.
    """
    commit = hub.model_commit(name, revision)
    files = hub.model_files(name, commit)
    wanted = [file for file in files if file == merging.CARD or file.startswith(".eval_results/")]
    return {file: hub.text_file("model", name, commit, file) for file in wanted}


def of_path(path: Path) -> dict[str, str]:
    """Return the texts of a card, or of a model folder's card and `.eval_results`.

    Raises:
        NotFound: There is none.
    """
    if path.is_file():
        return {merging.CARD: path.read_text(encoding="utf-8")}
    files = [path / merging.CARD, *sorted(path.glob(".eval_results/*.y*ml"))]
    found = {
        file.relative_to(path).as_posix(): file.read_text(encoding="utf-8")
        for file in files
        if file.is_file()
    }
    if not found:
        raise NotFound(f"There is no card at '{path}'.")
    return found


def verify(texts: Mapping[str, str], model: str | None, known: Mapping[str, str]) -> list[Verified]:
    """Check every score of a model's files.

    Args:
        texts: The card and the `.eval_results` files, by path.
        model: Whose they are; None where that is not known, as of a card on disk.
        known: The public keys that are trusted, with their names.

    Raises:
        BadEvaluation: A file cannot be read.
    """
    found = []
    for path, text in texts.items():
        stated = _of_card(text, path) if path == merging.CARD else _of_file(text, path)
        for shown, token in stated:
            found.append(_judged(path, shown, token, model, known))
    return found


def _of_card(text: str, path: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield what a card says of each score, in the words of the claims, with its token."""
    for entry in merging.index_of(text, path):
        for item in entry.get("results") or []:
            dataset = item.get("dataset") or {}
            for metric in item.get("metrics") or []:
                shown = {
                    "task": (item.get("task") or {}).get("type"),
                    "dataset": dataset.get("type"),
                    "dataset_config": dataset.get("config"),
                    "dataset_split": dataset.get("split"),
                    "dataset_revision": dataset.get("revision"),
                    "metric": metric.get("type"),
                    "score": metric.get("name") or metric.get("type"),
                    "value": metric.get("value"),
                }
                yield shown, metric.get("verifyToken")


def _of_file(text: str, path: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield what an `.eval_results` file says; it does not name the score, its token does."""
    for entry in merging.entries_of(text, path):
        dataset = entry.get("dataset") or {}
        shown = {
            "dataset": dataset.get("id"),
            "dataset_revision": dataset.get("revision"),
            "value": entry.get("value"),
        }
        yield shown, entry.get("verifyToken")


def _judged(
    path: str, shown: Mapping[str, Any], token: Any, model: str | None, known: Mapping[str, str]
) -> Verified:
    signed = signatures.opened(token)
    score = str(shown.get("score") or (signed.claims.get("score") if signed else None) or "value")

    def verdict(kind: Verdict, why: str) -> Verified:
        return Verified(path, str(shown["dataset"]), score, shown["value"], kind, why)

    if not token:
        return verdict("not signed", "Nobody signed it.")
    if signed is None:
        return verdict("not by Assay", "Its token is none of Assay's.")
    if not signed.intact:
        return verdict("altered", "Its signature does not fit what was signed.")
    expected = {**shown, "model": model} if model else dict(shown)
    for name, value in expected.items():
        claimed = signed.claims.get(name)
        if not _agree(value, claimed):
            what = name.replace("_", " ")
            return verdict("altered", f"The {what} that was signed is {claimed}, not {value}.")
    if signed.key not in known:
        return verdict(
            "unknown key",
            f"It is what the key {signed.key} signed, which is not known here; --key trusts it once.",
        )
    return verdict("genuine", f"Signed by {known[signed.key]}.")


def _agree(shown: Any, claimed: Any) -> bool:
    """Tell whether a card and a token say the same.

    >>> _agree(1, 1.0), _agree("0.5", 0.5), _agree(0.9, 0.8)
    (True, True, False)
    """
    if isinstance(claimed, float | int) and not isinstance(claimed, bool):
        try:
            return float(shown) == float(claimed)
        except (TypeError, ValueError):
            return False
    return str(shown) == str(claimed)


def read(name: str) -> tuple[dict[str, str], str | None]:
    """Return the texts that a Hub id (with `@revision`), a folder or a card's path leads to, and the id.

    Raises:
        UserError: There is nothing there, or it may not be read.
    """
    path = Path(name).expanduser()
    if path.exists():
        return of_path(path), None
    model, _, revision = name.partition("@")
    return of_model(model, revision or None), model
