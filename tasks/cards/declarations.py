"""Declarations: how a dataset's card says it is evaluated, read with all its quirks.

A card's `train-eval-index` comes first, then a benchmark's `eval.yaml`, then the task types that the card
names. What is not understood is left out and said, so that the evaluation's own guesses fill the gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tasks.cards import header, vocabulary
from tasks.errors import BadEvaluation, UserError, listing, unknown
from tasks.metrics import metric, metrics
from tasks.metrics.arguments import check, translated
from tasks.types import task_type

SPLITS = ("eval_split", "test_split", "validation_split", "evaluation_split", "test", "validation")
"""Keys of a split to judge on, the first found taken; train_split is none."""


@dataclass(frozen=True)
class Declaration:
    """How a card says a dataset is evaluated.

    Attributes:
        origin: Where it stands, for people: `train-eval-index`, `eval.yaml`, `task_categories`.
        task: The task type.
        config: The dataset's configuration; None where the card names none.
        split: The split to judge on; None where the card names none.
        columns: Canonical column -> dataset column.
        metrics: Names with their arguments.
        settings: Settings that differ from the defaults.
        notes: What was left out or changed, as sentences.
    """

    origin: str
    task: str
    config: str | None = None
    split: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What sets it apart from others of its card."""
        return f"{self.task}, config {self.config or 'default'}, split {self.split or 'not named'}"

    def given(self) -> dict[str, Any]:
        """Return it as keys of an evaluation, those it leaves open left out."""
        metrics = [{"name": name, "arguments": dict(arguments)} for name, arguments in self.metrics]
        # The default config is what is taken where none is named.
        config = None if self.config == "default" else self.config
        dataset = {"config": config, "split": self.split}
        keys = {
            "task": self.task,
            "dataset": {key: value for key, value in dataset.items() if value is not None},
            "columns": dict(self.columns),
            "metrics": metrics,
            "settings": dict(self.settings),
        }
        return {key: value for key, value in keys.items() if value}


def declarations(card: str, benchmark: str, name: str) -> list[Declaration]:
    """Return how a dataset's repository says it is evaluated; empty where it says nothing.

    Args:
        card: Its README.md, empty where it has none.
        benchmark: Its eval.yaml, empty where it has none.
        name: Its name, for messages.

    Raises:
        BadEvaluation: What it says cannot be read, or names no task type there is.
    """
    stated = header.read(card, name, strings=True)
    index = stated.get("train-eval-index") or stated.get("train_eval_index")
    problem: UserError | None = None
    if index:
        try:
            return list(_from_index(index, name))
        except UserError as error:
            problem = error
    if benchmark.strip():
        stated_tasks = header.mapping(benchmark, f"The eval.yaml of '{name}'", strings=True).get("tasks")
        return [_from_benchmark(each, name) for each in _list(stated_tasks) if isinstance(each, Mapping)]
    if problem:
        raise problem
    return _from_categories(stated)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _text(value: Any) -> str | None:
    """Return a name of a card, the first of several; None where there is none."""
    first = _list(value)[0] if value else None
    return first.strip() or None if isinstance(first, str) else None


def _task_of(entry: Mapping[str, Any], name: str) -> str:
    stated = [_text(entry.get("task")), _text(entry.get("task_id"))]
    by_task, by_id = (vocabulary.task_type(each) for each in stated)
    # Text generation and sequence-to-sequence are what the id says more exactly: summarization, choices.
    found = (by_id or by_task) if by_task in {None, "text-generation", "text2text-generation"} else by_task
    if found is None:
        words = " or ".join(f"'{each}'" for each in stated if each) or "no task"
        raise BadEvaluation(
            f"The card of '{name}' declares an evaluation of {words}, which is no task type there is; "
            "name one with --task."
        )
    return found


def _from_index(index: Any, name: str) -> Iterator[Declaration]:
    entries = [each for each in _list(index) if isinstance(each, Mapping)]
    if not entries:
        raise BadEvaluation(f"The train-eval-index of the card of '{name}' holds no entry.")
    for entry in entries:
        task = _task_of(entry, name)
        notes: list[str] = []
        splits = entry.get("splits") or entry.get("split")
        if isinstance(splits, Mapping):
            split = next((_text(splits[key]) for key in SPLITS if splits.get(key)), None)
        else:
            split = _text(splits)
        columns = columns_of(task, entry.get("col_mapping") or entry.get("column_mapping"), notes)
        yield Declaration(
            origin="train-eval-index",
            task=task,
            config=_text(entry.get("config")),
            split=split,
            columns=columns,
            metrics=metrics_of(task, entry.get("metrics"), notes),
            notes=tuple(notes),
        )


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
    for each in _list(given) if given else []:
        entry = each if isinstance(each, Mapping) else {"type": each}
        stated = _text(entry.get("type")) or _text(entry.get("name"))
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
        str(key): yaml.safe_load(value) if isinstance(value, str) else value for key, value in given.items()
    }


def _from_benchmark(entry: Mapping[str, Any], name: str) -> Declaration:
    """Read one task of a benchmark's eval.yaml."""
    notes: list[str] = []
    solvers = {
        vocabulary.folded(str(each.get("name", ""))): each.get("args") or {}
        for each in _list(entry.get("solvers"))
        if isinstance(each, Mapping)
    }
    stated = entry.get("field_spec")
    fields: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
    task = "multiple-choice" if "multiple_choice" in solvers or fields.get("choices") else "text-generation"
    columns: dict[str, str] = {}
    for standard, column in fields.items():
        named = ", ".join(_list(column)) if isinstance(column, list) else column
        canonical = canonical_of(task, standard)
        if canonical and isinstance(named, str) and not named.startswith("literal:"):
            columns[canonical] = named
        elif standard in {"input", "target", "choices"}:
            notes.append(f"The eval.yaml's field '{standard}' is no column of the dataset: '{named}'.")
    generation: dict[str, Any] = {}
    template = (solvers.get("prompt_template") or {}).get("template")
    if isinstance(template, str) and "{prompt}" in template:
        generation["template"] = template
    system = (solvers.get("system_message") or {}).get("template")
    if isinstance(system, str):
        generation["system"] = system
    scorers = [
        each.get("name") if isinstance(each, Mapping) else each for each in _list(entry.get("scorers"))
    ]
    return Declaration(
        origin="eval.yaml",
        task=task,
        config=_text(entry.get("config")),
        split=_text(entry.get("split")),
        columns=columns,
        metrics=metrics_of(task, [each for each in scorers if each], notes),
        settings={"generation": generation} if generation else {},
        notes=tuple(notes),
    )


def _from_categories(stated: Mapping[str, Any]) -> list[Declaration]:
    for key in ("task_categories", "task_ids"):
        named = [vocabulary.task_type(each) for each in _list(stated.get(key)) if isinstance(each, str)]
        found = dict.fromkeys(each for each in named if each)
        if found:
            return [Declaration(origin=key, task=each) for each in found]
    return []


def choose(
    found: Sequence[Declaration], name: str, *, config: str | None = None, split: str | None = None
) -> Declaration:
    """Return the declaration to follow: the only one, or the one of the config (and split) asked for.

    Raises:
        BadEvaluation: There is none, or several that only the user can choose between.
        UnknownName: None is of the config asked for.
    """
    if not found:
        raise BadEvaluation(
            f"The card of '{name}' does not say how it is evaluated; name a task type with --task."
        )
    fitting = list(found)
    if config is not None and any(each.config for each in found):
        fitting = [each for each in found if each.config in {config, None}]
        if not fitting:
            there_is = dict.fromkeys(each.config for each in found if each.config)
            raise unknown(f"config among what the card of '{name}' declares", config, there_is)
    if split is not None:
        fitting = [each for each in fitting if each.split == split] or fitting
    if len({each.task for each in fitting}) > 1 and fitting[0].origin.startswith("task_"):
        raise BadEvaluation(
            f"The card of '{name}' names several task types: {listing(each.task for each in fitting)}; "
            "name one with --task."
        )
    if len({each.config for each in fitting}) > 1:
        default = [each for each in fitting if each.config == "default"]
        if not default:
            raise BadEvaluation(
                f"The card of '{name}' declares several evaluations; name one by --config: "
                f"{listing(each.title for each in fitting)}."
            )
        fitting = default
    return fitting[0]
