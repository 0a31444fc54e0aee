"""What a suite is: several evaluations run and compared together, as YAML and as the Prefect form.

What the suite says goes over what a config says, and what an entry says goes over both. This module imports
nothing heavy, because the form of the `suite` deployment is made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError, create_model, model_validator

from tasks import bounds, configs
from tasks.bounds import Name, PathText
from tasks.errors import BadEvaluation, NotFound, UserError, listing, unknown
from tasks.settings import Settings, Strict
from tasks.spec import Dataset, Evaluation, Metric, Model, TaskTypeName

SHIPPED = configs.SHIPPED.parent / "suites"


def _left_out(field: Any) -> Any:
    """Return a field of a spec model as one that may be left out, without its default."""
    changed = copy(field)
    changed.default, changed.default_factory = None, None
    # What bounds it bounds what is said, not that nothing is said.
    changed.metadata = []
    bounded = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return (bounded | None, changed)


Rows: Any = create_model(
    "Rows",
    __base__=Strict,
    __doc__="What is changed about the dataset of a config, or a whole dataset.",
    **{name: _left_out(field) for name, field in Dataset.model_fields.items()},
)


class Entry(Strict):
    """One evaluation of a suite: a config, with what is changed about it; or all of it here."""

    config: PathText | None = Field(
        None,
        description="A shipped config by name (`assay list` shows them), or a config file.",
        json_schema_extra={"position": 0},
    )
    name: Name | None = Field(
        None,
        min_length=1,
        description="What the score table calls it; left out, the config's or the dataset's name.",
        json_schema_extra={"position": 1},
    )
    task: TaskTypeName | None = Field(
        None, description="The kind of problem, named as on the Hub.", json_schema_extra={"position": 2}
    )
    dataset: Rows | None = Field(
        None,
        description="Its rows, or what is changed about the config's.",
        json_schema_extra={"position": 3},
    )
    models: list[Model] | None = Field(
        None,
        max_length=bounds.MOST_MODELS,
        description="Its models; left out, the suite's, or the config's.",
        json_schema_extra={"position": 4},
    )
    columns: dict[Name, Name] | None = Field(
        None,
        max_length=bounds.MOST_COLUMNS,
        description="Its column mapping.",
        json_schema_extra={"position": 5},
    )
    metrics: list[Metric] | None = Field(
        None, max_length=bounds.MOST_METRICS, description="Its metrics.", json_schema_extra={"position": 6}
    )
    settings: Settings | None = Field(
        None, description="Settings of this evaluation alone.", json_schema_extra={"position": 7}
    )

    @model_validator(mode="before")
    @classmethod
    def _config_alone(cls, given: Any) -> Any:
        return {"config": given} if isinstance(given, str) else given


class Suite(Strict):
    """Several evaluations, and what they share."""

    name: Name = Field(
        min_length=1,
        max_length=200,
        description="What the suite is called, in MLflow too.",
        json_schema_extra={"position": 0},
    )
    evaluations: list[Entry] = Field(
        min_length=1,
        max_length=bounds.MOST_EVALUATIONS,
        description="The evaluations: configs by name, configs with changes, or whole ones.",
        json_schema_extra={"position": 1},
    )
    models: list[Model] = Field(
        default_factory=list,
        max_length=bounds.MOST_MODELS,
        description="Models for every evaluation that names none itself: each is loaded once.",
        json_schema_extra={"position": 2},
    )
    settings: Settings | None = Field(
        None, description="Settings for every evaluation.", json_schema_extra={"position": 3}
    )


@dataclass(frozen=True)
class Part:
    """One evaluation of a suite, ready to run.

    Attributes:
        label: What the score table calls it; no two are called the same.
        evaluation: The evaluation.
    """

    label: str
    evaluation: Evaluation


def shipped() -> dict[str, Path]:
    """Return the suites that ship with Assay, by name (the file's, without its ending)."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(name: str) -> Path:
    """Return the file of a suite given by path or by the name of a shipped one.

    Raises:
        NotFound: There is no such file.
        UnknownName: There is no such shipped suite.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in {".yaml", ".yml"} and path.name != name:
        raise NotFound(f"There is no suite file '{name}'.")
    there_is = shipped()
    if path.name == name and path.stem in there_is:
        return there_is[path.stem]
    raise unknown("suite", name, there_is)


def read(path: Path, expand: Callable[[Any], Any] = configs.expand) -> Suite:
    """Read a suite from a YAML file; config files in it may be given from where it lies.

    Args:
        path: The file.
        expand: Puts environment variables in.

    Raises:
        UserError: It is not YAML, or not a suite; the message names the file and the key.
    """
    given = configs.document(path)
    try:
        suite = parse(expand(given))
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error
    for entry in suite.evaluations:
        if entry.config and (path.parent / entry.config).is_file():
            entry.config = str((path.parent / entry.config).resolve())
    return suite


def outline(path: Path) -> tuple[list[str], list[str]]:
    """Return what a suite's evaluations are called and its models' names, whatever is in the environment."""
    suite = read(path, expand=lambda given: given)
    called = [
        entry.name or Path(entry.config or str(getattr(entry.dataset, "path", ""))).stem
        for entry in suite.evaluations
    ]
    models = [*suite.models, *(model for entry in suite.evaluations for model in entry.models or [])]
    return called, list(dict.fromkeys(model.name.rsplit("/", 1)[-1] for model in models))


def parse(given: Any) -> Suite:
    """Make a suite of plain data, or say in one sentence why it is none.

    >>> parse({"name": "both", "evaluations": ["sst2", {"config": "mnli"}]}).evaluations[1].config
    'mnli'
    """
    if not isinstance(given, Mapping):
        raise BadEvaluation(
            f"A suite is a mapping with the keys {listing(Suite.model_fields)}, not {type(given).__name__}."
        )
    if strange := [key for key in given if key not in Suite.model_fields]:
        raise unknown("key", str(strange[0]), Suite.model_fields)
    try:
        return Suite.model_validate(given)
    except ValidationError as error:
        raise configs.explain(error, Suite) from error


def parts(suite: Suite) -> list[Part]:
    """Return the evaluations of a suite, each with what is shared laid over its config and under its own.

    Raises:
        UserError: One is none; the message says which.
    """
    found = []
    for number, entry in enumerate(suite.evaluations, start=1):
        try:
            found.append(_evaluation(suite, entry))
        except UserError as error:
            called = entry.name or entry.config or f"number {number}"
            raise type(error)(f"Evaluation '{called}' of the suite '{suite.name}': {error}") from error
    labels = distinct([_label(*each) for each in zip(suite.evaluations, found, strict=True)])
    return [Part(label, evaluation) for label, evaluation in zip(labels, found, strict=True)]


def _evaluation(suite: Suite, entry: Entry) -> Evaluation:
    below = _plain(configs.read(configs.find(entry.config))) if entry.config else {}
    shared = _plain(suite)
    of_all = {name: shared[name] for name in ("models", "settings") if shared.get(name)}
    own = _plain(entry)
    wanted = configs.over(
        configs.over(below, of_all), {name: own[name] for name in own if name not in NAMING}
    )
    wanted.setdefault("settings", {}).setdefault("experiment", suite.name)
    return configs.parse(wanted)


NAMING = ("config", "name")


def _plain(given: Suite | Entry | Evaluation) -> dict[str, JsonValue]:
    """Return what was said as plain data, without what was left out."""
    return given.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def _label(entry: Entry, evaluation: Evaluation) -> str:
    if entry.name:
        return entry.name
    if entry.config:
        return Path(entry.config).stem
    return evaluation.dataset.path.rstrip("/").rsplit("/", 1)[-1]


def distinct(labels: Sequence[str]) -> list[str]:
    """Number labels that occur more than once.

    >>> distinct(["sst2", "mnli", "sst2"])
    ['sst2 1', 'mnli', 'sst2 2']
    """
    times = Counter(labels)
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(f"{label} {seen[label]}" if times[label] > 1 else label)
    return found
