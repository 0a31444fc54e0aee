"""What a dataset's own repository or folder says of evaluating it."""

from __future__ import annotations

from pathlib import Path

from tasks import hub, sources
from tasks.cards.declarations import Declaration, choose, declarations

CARD, BENCHMARK = "README.md", "eval.yaml"


def texts(path: str, revision: str | None = None) -> tuple[str, str]:
    """Return the texts of a dataset's card and of its eval.yaml, empty where it has none.

    Raises:
        UserError: There is no such dataset, or it may not be read.
    """
    source = sources.locate(path)
    if source.kind == "hub":
        commit = hub.dataset_commit(source.place, revision)
        return (
            hub.text_file("dataset", source.place, commit, CARD),
            hub.text_file("dataset", source.place, commit, BENCHMARK),
        )
    folder = Path(source.place)
    folder = folder.parent if folder.is_file() else folder
    card, benchmark = (
        (folder / name).read_text(encoding="utf-8", errors="replace") if (folder / name).is_file() else ""
        for name in (CARD, BENCHMARK)
    )
    return card, benchmark


def declared(
    path: str, *, revision: str | None = None, config: str | None = None, split: str | None = None
) -> Declaration:
    """Return how a dataset says it is evaluated.

    Raises:
        UserError: There is no such dataset, its card says nothing of it, or several things.
    """
    card, benchmark = texts(path, revision)
    return choose(declarations(card, benchmark, path), path, config=config, split=split)


def told(declaration: Declaration, path: str) -> list[str]:
    """Say what was taken from a card, as sentences.

    >>> told(Declaration("eval.yaml", "text-generation", None, "test", {"prompt": "q"}), "a/b")
    ["Taken from the eval.yaml of 'a/b': task type text-generation; split test; columns prompt=q."]
    """
    metrics = [
        name + (f" ({', '.join(f'{key} {value}' for key, value in arguments.items())})" if arguments else "")
        for name, arguments in declaration.metrics
    ]
    taken = [
        f"task type {declaration.task}",
        f"config {declaration.config}" if declaration.config else "",
        f"split {declaration.split}" if declaration.split else "",
        f"columns {', '.join(f'{key}={value}' for key, value in declaration.columns.items())}"
        if declaration.columns
        else "",
        f"metrics {', '.join(metrics)}" if metrics else "",
        "settings" if declaration.settings else "",
    ]
    where = declaration.origin if declaration.origin == "eval.yaml" else f"card ({declaration.origin})"
    return [
        f"Taken from the {where} of '{path}': {'; '.join(each for each in taken if each)}.",
        *declaration.notes,
    ]
