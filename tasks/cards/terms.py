"""Terms: a card's columns and metrics, in the words used here; what has none is left out and noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks import documents
from tasks.cards import vocabulary
from tasks.errors import UserError
from tasks.metrics import metric, metrics
from tasks.metrics.arguments import check, translated
from tasks.types import task_type


def several(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as a list of one."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def first_name(value: Any) -> str | None:
    """Return a name of a card, the first of several; None where there is none."""
    first = several(value)[0] if value else None
    return first.strip() or None if isinstance(first, str) else None


def columns_of(task: str, given: Any, notes: list[str]) -> dict[str, str]:
    """Return canonical column -> dataset column from a card's mapping, noting what is left out.

    >>> columns_of("question-answering", {"question": "question", "answers": {"text": "text"}}, [])
    {'question': 'question', 'answers': 'answers.text'}
    >>> columns_of("text-classification", {"text": "review", "target": "stars"}, [])
    {'text': 'review', 'label': 'stars'}
    """
    pairs = list(_flat(given)) if isinstance(given, Mapping) else []
    known = {standard: canonical_of(task, standard) for pair in pairs for standard in pair}
    names = vocabulary.STANDARD | {column.name for column in task_type(task).columns}
    forward = any(standard in names for _, standard in pairs)
    if pairs and not forward and all(column in vocabulary.STANDARD for column, _ in pairs):
        notes.append("The card maps standard names to columns, the wrong way round: it was turned.")
        pairs = [(standard, column) for column, standard in pairs]
    found: dict[str, str] = {}
    for column, standard in pairs:
        canonical = known[standard]
        if canonical is not None:
            found.setdefault(canonical, column)
        elif vocabulary.folded(standard.rpartition(".")[2]) not in vocabulary.IGNORED_COLUMNS:
            notes.append(f"The card's column '{column}' stands for '{standard}', which {task} has not.")
    return found


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (dataset column, standard name), fields within a column by dotted names."""
    for column, standard in given.items():
        if isinstance(standard, Mapping):
            for inner, name in _flat(standard):
                # `answers: {text: text}` means the standard's answers.text; `translation: {en: source}`
                # means source.
                whole = f"{column}.{name}" if name == inner else name
                yield f"{column}.{inner}", whole
        elif isinstance(standard, str):
            yield str(column), standard


def canonical_of(task: str, standard: str) -> str | None:
    """Return the column that a card's standard name stands for; None where the task type has none.

    >>> canonical_of("text-classification", "text2"), canonical_of("summarization", "target")
    ('text_pair', 'summary')
    """
    names = vocabulary.COLUMNS.get(task, {})
    wanted = standard.casefold().strip()
    if wanted in names:
        return names[wanted]
    columns = task_type(task).columns
    by_name = {column.name: column.name for column in columns}
    by_alias = {alias: column.name for column in columns for alias in column.aliases}
    return by_name.get(wanted) or by_alias.get(wanted)


def metrics_of(task: str, given: Any, notes: list[str]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Return the metrics of a card by their names here, noting those that are left out.

    >>> metrics_of("text-classification", [{"type": "f1", "args": {"average": "macro"}}, "acc"], [])
    (('f1', {'average': 'macro'}), ('accuracy', {}))
    """
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for each in several(given) if given else []:
        entry = each if isinstance(each, Mapping) else {"type": each}
        stated = first_name(entry.get("type")) or first_name(entry.get("name"))
        if stated is None:
            continue
        name, average = vocabulary.metric(task, stated)
        arguments = _arguments(entry.get("args"))
        if average:
            arguments.setdefault("average", average)
        if name not in metrics():
            notes.append(f"The card's metric '{stated}' was left out: there is none of that name.")
            continue
        try:
            chosen = translated(name, arguments)
            if chosen.get("average") == "binary" and "positive" not in chosen:
                del chosen["average"]
                notes.append(
                    f"The card's metric '{stated}' is of one label and does not say of which: "
                    "the mean over labels was taken."
                )
            check(metric(name), chosen)
        except UserError as error:
            notes.append(f"The card's metric '{stated}' was left out. {error}")
            continue
        if metric(name).takes not in (*task_type(task).judged_by, "anything"):
            notes.append(f"The card's metric '{stated}' was left out: it does not judge {task}.")
            continue
        found.setdefault(f"{name} {sorted(chosen.items())}", (name, chosen))
    return tuple(found.values())


def _arguments(given: Any) -> dict[str, Any]:
    """Return a metric's arguments as values: the header was read as strings."""
    if not isinstance(given, Mapping):
        return {}
    return {
        str(key): documents.load(value) if isinstance(value, str) else value for key, value in given.items()
    }
