"""What runs by itself: `configs/schedules.yaml`, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml
from pydantic import Field, ValidationError, field_validator

from tasks import configs
from tasks.errors import BadEvaluation, NotFound, UserError, unknown
from tasks.settings import Strict

SCHEDULES = Path(__file__).resolve().parents[1] / "configs" / "schedules.yaml"


class Entry(Strict):
    """One thing that runs by itself.

    Attributes:
        name: What its page is called.
        flow: Which flow runs: one of `flows.deployments.FLOWS`.
        run: What it runs: a config's name or path.
        cron: When, as five fields: minute, hour, day of month, month, day of week.
        timezone: Whose clock, as Europe/Berlin.
        overrides: Keys laid over the config.
        active: Whether it runs; pausing it on Prefect's page lasts until the entry changes.
    """

    name: str = Field(min_length=1)
    flow: str = "evaluate"
    run: str
    cron: str
    timezone: str = "UTC"
    overrides: dict[str, Any] = Field(default_factory=dict)
    active: bool = True

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"there is no time zone '{name}'; they are named as Europe/Berlin")
        return name

    @field_validator("cron")
    @classmethod
    def _known_cron(cls, line: str) -> str:
        from prefect.client.schemas.schedules import CronSchedule

        try:
            CronSchedule(cron=line)
        except ValueError as problem:
            raise ValueError("a cron line has five fields, as in '0 3 * * *'") from problem
        return line


def read(path: Path) -> list[Entry]:
    """Return the entries of a file of schedules.

    Raises:
        UserError: It is not there, is not YAML, or an entry is not right; the message names it.
    """
    if not path.is_file():
        raise NotFound(f"There is no file of schedules '{path}'.")
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise BadEvaluation(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise BadEvaluation(f"{path} is a mapping from names to schedules, each with 'run' and 'cron'.")
    return [_entry(path, str(name), each) for name, each in given.items()]


def _entry(path: Path, name: str, given: dict[str, Any]) -> Entry:
    for key in given:
        if key not in Entry.model_fields:
            raise unknown(f"key in '{name}' of {path}", str(key), Entry.model_fields)
    try:
        return Entry.model_validate({**configs.expand(given), "name": name})
    except ValidationError as error:
        raise BadEvaluation(f"{path}, '{name}': {configs.explain(error)}") from error
    except UserError as error:
        raise type(error)(f"{path}, '{name}': {error}") from error
