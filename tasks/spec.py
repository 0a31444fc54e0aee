"""What an evaluation is: the parameters of every flow, the keys of every config file, the Prefect form.

The three are one thing: a YAML file in `configs/evaluations/` holds the keys of `Evaluation`, and the form
of the `evaluate` deployment is made from the same models. This module imports nothing heavy, because the
form silently loses its types where it cannot be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator
from pydantic.functional_validators import AfterValidator

from tasks import bounds, catalogue
from tasks.bounds import Label, Name, PathText, PlainData, Revision
from tasks.errors import unknown
from tasks.settings import Diffusion, DtypeName, Generation, Settings, Strict

__all__ = [
    "Dataset",
    "Diffusion",
    "Evaluation",
    "Generation",
    "Metric",
    "Model",
    "Price",
    "Settings",
    "TaskTypeName",
]


def _known_task_type(name: str) -> str:
    there_is = catalogue.task_types()
    if name not in there_is:
        raise unknown("task type", name, there_is)
    return name


TaskTypeName = Annotated[
    str,
    AfterValidator(_known_task_type),
    Field(
        title="Task type",
        description="The kind of problem, named as on the Hub.",
        json_schema_extra={"enum": list(catalogue.task_types()), "position": 0},
    ),
]


class Dataset(Strict):
    """Which rows to evaluate on."""

    path: PathText = Field(
        min_length=1,
        description="A Hub id (owner/name), a file (CSV, JSON, JSON Lines, Parquet), or a folder.",
        json_schema_extra={"position": 0},
    )
    config: Name | None = Field(
        None,
        description="The dataset's configuration, where it has several.",
        json_schema_extra={"position": 1},
    )
    split: Name | None = Field(
        None,
        description="The split; left out, it is test, else validation, else the only one there is.",
        json_schema_extra={"position": 2},
    )
    revision: Revision | None = Field(
        None,
        description="A branch, tag or commit of a Hub dataset; resolved to a commit once and pinned.",
        json_schema_extra={"position": 3},
    )
    limit: int | None = Field(
        None,
        gt=0,
        le=10**10,
        description="Evaluate on this many rows: a seeded sample, not the head.",
        json_schema_extra={"position": 4},
    )
    filters: PlainData = Field(
        default_factory=dict,
        description='Only rows whose columns hold these values, as {"language": "sw", "label": ["a", "b"], '
        '"length": {"min": 1, "max": 5}}; labels by name, fields within a column with a dot.',
        json_schema_extra={"position": 6},
    )
    streaming: bool = Field(
        False,
        description="Read rows as they come, with nothing downloaded or converted whole; a sample is then "
        "drawn through a shuffle buffer of 10,000 rows (500 where they carry images or sounds), not from the "
        "whole split.",
        json_schema_extra={"position": 5},
    )

    @field_validator("filters")
    @classmethod
    def _filters(cls, given: dict[str, Any]) -> dict[str, Any]:
        for column, wanted in given.items():
            if isinstance(wanted, dict):
                strange = set(wanted) - {"min", "max"}
                number = all(isinstance(each, int | float) for each in wanted.values())
                right = not strange and bool(wanted) and number
            else:
                several = wanted if isinstance(wanted, list) else [wanted]
                right = bool(several) and not any(isinstance(each, dict | list) for each in several)
            if not right:
                raise ValueError(
                    f"the filter of '{column}' is a value, a list of values, or a range of numbers as "
                    "{min: 1, max: 5}"
                )
        return given


def _web_address(text: str) -> SplitResult | None:
    """Return the parts of an http address; None where it is none."""
    try:
        parts = urlsplit(text)
        return parts if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


class Price(Strict):
    """What an endpoint charges."""

    input: float = Field(
        ge=0, le=1e9, description="Dollars a million prompt tokens.", json_schema_extra={"position": 0}
    )
    output: float = Field(
        ge=0, le=1e9, description="Dollars a million written tokens.", json_schema_extra={"position": 1}
    )


class Model(Strict):
    """One model to evaluate, or a file of predictions made elsewhere; in YAML a model's name is enough."""

    name: PathText = Field(
        "",
        description="A Hub id (owner/name), a local folder, or what the endpoint calls the model; for a file "
        "of predictions what to call it, left out the file's own name.",
        json_schema_extra={"position": 0},
    )
    revision: Revision | None = Field(
        None,
        description="A branch, tag or commit; resolved to a commit once and pinned.",
        json_schema_extra={"position": 1},
    )
    dtype: DtypeName | None = Field(
        None,
        description="Precision for this model alone; left out, the evaluation's setting.",
        json_schema_extra={"position": 2},
    )
    labels: dict[Label, Label] = Field(
        default_factory=dict,
        max_length=bounds.MOST_LABELS,
        description="The model's label: the dataset's label, where their names differ, as "
        '{"LABEL_1": "spam"}.',
        json_schema_extra={"position": 3},
    )
    endpoint: Name | None = Field(
        None,
        description="Address of an OpenAI-compatible server that runs the model, as http://host:8000/v1.",
        json_schema_extra={"position": 4},
    )
    api_key_env: str = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        max_length=200,
        description="The environment variable that holds the endpoint's key, which is written nowhere.",
        json_schema_extra={"position": 5},
    )
    price: Price | None = Field(
        None,
        description="What the endpoint charges, so that the run's cost is recorded.",
        json_schema_extra={"position": 6},
    )
    concurrency: int = Field(
        16,
        gt=0,
        le=1024,
        description="Requests to the endpoint under way at a time.",
        json_schema_extra={"position": 7},
    )
    timeout: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Seconds to wait for one answer of the endpoint before asking again.",
        json_schema_extra={"position": 8},
    )
    predictions: PathText | None = Field(
        None,
        min_length=1,
        description="A file of predictions made elsewhere (Parquet, CSV, JSON, JSON Lines), which are scored "
        "in a model's place; nothing is loaded.",
        json_schema_extra={"position": 9},
    )

    _function: Any = PrivateAttr(None)

    @property
    def function(self) -> Any:
        """The function that stands for a model; None but in evaluations started from Python."""
        return self._function

    @classmethod
    def calling(cls, name: str, function: Any, labels: Mapping[str, str]) -> Self:
        """Return a function as a model, which no config, form or server can name."""
        made = cls(name=name, labels=dict(labels))
        made._function = function
        return made

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.predictions is not None:
            self.name = self.name or PurePath(self.predictions).stem
            fixed = [key for key in ("revision", "dtype", "endpoint", "price") if getattr(self, key)]
            if fixed:
                raise ValueError(
                    f"the predictions '{self.name}' are in a file, so that nothing is run with a {fixed[0]}; "
                    f"leave '{fixed[0]}' out"
                )
        if not self.name:
            raise ValueError("it needs a name, or the predictions that stand for a model")
        return self

    @model_validator(mode="after")
    def _endpoint_alone(self) -> Self:
        if self.endpoint is None:
            if self.price is not None:
                raise ValueError(f"the model '{self.name}' has a price and no endpoint that could charge it")
            return self
        there = _web_address(self.endpoint)
        if there is None:
            raise ValueError(
                f"the endpoint of the model '{self.name}' is an address as http://host:8000/v1 or "
                "https://api.openai.com/v1"
            )
        if there.username or there.password or there.query or there.fragment:
            raise ValueError(
                f"the endpoint of the model '{self.name}' is recorded with the scores and holds no key: "
                "put the key into the environment variable that 'api_key_env' names"
            )
        fixed = [key for key in ("revision", "dtype", "labels") if getattr(self, key)]
        if fixed:
            raise ValueError(
                f"the model '{self.name}' is behind an endpoint, which decides its {fixed[0]}; "
                f"leave '{fixed[0]}' out"
            )
        return self


class Metric(Strict):
    """A metric by name; in YAML its arguments stand beside the name, as {name: f1, average: macro}."""

    name: Name = Field(
        min_length=1,
        description="A metric's name; docs/metrics.md says what each measures.",
        json_schema_extra={"enum": list(catalogue.metric_names()), "position": 0},
    )
    arguments: PlainData = Field(
        default_factory=dict,
        description='Its arguments, as {"average": "macro"}.',
        json_schema_extra={"position": 1},
    )

    @model_validator(mode="before")
    @classmethod
    def _arguments_beside_name(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, dict) and "name" in given and "arguments" not in given:
            return {
                "name": given["name"],
                "arguments": {key: given[key] for key in given if key != "name"},
            }
        return given


class Evaluation(Strict):
    """One task type, one dataset, one or more models, and the metrics that judge them."""

    task: TaskTypeName
    dataset: Dataset = Field(description="Which rows to evaluate on.", json_schema_extra={"position": 1})
    models: list[Model] = Field(
        min_length=1,
        max_length=bounds.MOST_MODELS,
        description="The models to evaluate and compare.",
        json_schema_extra={"position": 2},
    )
    metrics: list[Metric] = Field(
        default_factory=list,
        max_length=bounds.MOST_METRICS,
        description="What judges the models; left out, the task type's defaults.",
        json_schema_extra={"position": 3},
    )
    columns: dict[Name, Name] = Field(
        default_factory=dict,
        max_length=bounds.MOST_COLUMNS,
        title="Column mapping",
        description='Which dataset column feeds which column of the task type, as {"text": "sentence"}; '
        "left out, it is guessed and shown.",
        json_schema_extra={"position": 4},
    )
    settings: Settings = Field(
        default_factory=Settings,
        description="How to run it. The defaults are right for most evaluations.",
        json_schema_extra={"position": 5},
    )

    @model_validator(mode="after")
    def _models_differ(self) -> Self:
        seen: set[str] = set()
        for model in self.models:
            identity = model.model_dump_json()
            if identity in seen:
                raise ValueError(f"the model '{model.name}' is named twice")
            seen.add(identity)
        return self
