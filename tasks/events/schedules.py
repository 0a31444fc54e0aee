"""Schedules: what runs by itself and when, as one YAML file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from tasks import configs, suites
from tasks.bounds import PathText, PlainData
from tasks.errors import BadEvaluation, NotFound, UnknownName, UserError, unknown
from tasks.settings import Strict
from tasks.spec import Evaluation

SHIPPED = configs.SHIPPED.parent / "schedules.yaml"
FlowName = Literal["evaluate", "reevaluate", "suite"]


class Entry(Strict):
    """One thing that runs by itself: at times, or after something else."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=100, description="The deployment's name."
    )
    run: PathText = Field(min_length=1, description="A config or a suite: a shipped one's name, or a file.")
    flow: FlowName | None = Field(
        None, description="Which flow runs it; left out, suite for a suite and evaluate for a config."
    )
    cron: str | None = Field(None, description='When, as "0 3 * * *" for three in the morning.')
    timezone: str = Field("UTC", description="Of the cron expression, as Europe/Berlin.")
    after: str | None = Field(
        None, description="In place of cron: the deployment whose completion starts it, as evaluate/nightly."
    )
    changes: PlainData = Field(
        default_factory=dict, description="Laid over the config, as {dataset: {limit: 500}}."
    )
    margin: float | None = Field(
        None, ge=0, le=1e12, description="Of reevaluate: a difference up to this does not matter."
    )
    paused: bool = Field(False, description="Whether it waits until someone turns it on.")

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, given: str | None) -> str | None:
        from prefect.client.schemas.schedules import CronSchedule

        try:
            if given is not None:
                CronSchedule(cron=given)
        except ValidationError:
            raise ValueError('a cron expression has five fields, as "0 3 * * *"') from None
        return given

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            raise ValueError(str(unknown("time zone", given, available_timezones()))) from None
        return given

    @model_validator(mode="after")
    def _has_one_cause(self) -> Self:
        if (self.cron is None) == (self.after is None):
            raise ValueError(f"'{self.name}' runs by 'cron' or 'after' something: give one of the two")
        if self.margin is not None and self.flow != "reevaluate":
            raise ValueError(f"'{self.name}' has a margin, which only the flow reevaluate knows")
        return self


class Schedules(Strict):
    """All of them: the whole of configs/schedules.yaml."""

    schedules: list[Entry] = Field(description="What runs by itself.")


def read(path: Path) -> list[Entry]:
    """Read what runs by itself from a YAML file.

    Raises:
        UserError: There is no such file, it is not YAML, or an entry is not right; the message names both.
    """
    if not path.is_file():
        raise NotFound(f"There is no file '{path}' that says what runs by itself.")
    given = configs.document(path)
    try:
        return parse(given)
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error


def parse(given: Any) -> list[Entry]:
    """Make entries of plain data, or say in one sentence why they are none.

    >>> parse({"schedules": [{"name": "nightly", "run": "sst2", "cron": "0 3 * * *"}]})[0].timezone
    'UTC'
    """
    if not isinstance(given, Mapping) or set(given) != {"schedules"}:
        raise BadEvaluation("Schedules are a mapping with the one key 'schedules', a list.")
    try:
        entries = Schedules.model_validate({"schedules": given["schedules"] or []}).schedules
    except ValidationError as error:
        raise configs.explain(error, Schedules) from error
    names = [entry.name for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadEvaluation(f"Two schedules are called '{twice[0]}'; a name stands for one deployment.")
    return entries


def work(
    run: str,
    flow: FlowName | None = None,
    changes: Mapping[str, JsonValue] | None = None,
    margin: float | None = None,
) -> tuple[FlowName, dict[str, Any]]:
    """Return the flow that runs a config or a suite, and its parameters as plain data.

    Args:
        run: A shipped config's or suite's name, or a file.
        flow: Which flow; left out, suite for a suite and evaluate for a config.
        changes: Laid over the config.
        margin: Of reevaluate: a difference up to this does not matter.

    Raises:
        UserError: There is no such config or suite, or with the changes it is none.
    """
    if flow == "suite" or (flow is None and is_suite(run)):
        given = suites.read(suites.find(run)).model_dump(mode="json", exclude_unset=True, exclude_none=True)
        suite = suites.parse(configs.over(given, changes or {}))
        suites.parts(suite)
        return "suite", suite.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    given = plain(configs.read(configs.find(run)))
    parameters = plain(configs.parse(configs.over(given, changes or {})))
    if margin is not None:
        parameters["margin"] = margin
    return flow or "evaluate", parameters


def is_suite(name: str) -> bool:
    """Tell whether a name or a file stands for a suite.

    >>> is_suite("demo"), is_suite("sst2")
    (True, False)
    """
    path = Path(name)
    if path.is_file():
        try:
            given = configs.document(path)
        except BadEvaluation:
            return False
        return isinstance(given, Mapping) and "evaluations" in given
    if name in configs.shipped():
        return False
    if name in suites.shipped():
        return True
    raise UnknownName(str(unknown("config or suite", name, [*configs.shipped(), *suites.shipped()])))


def plain(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as the parameters of a flow, without what was left out.

    >>> plain(configs.parse({"task": "fill-mask", "dataset": {"path": "a/b"}, "models": ["c/d"]}))["models"]
    [{'name': 'c/d'}]
    """
    return evaluation.model_dump(mode="json", exclude_unset=True, exclude_none=True)
