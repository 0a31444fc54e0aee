"""What `assay deploy` leaves on a real server, and that doing it twice changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows import deployments, schedules
from flows.forms import form
from tasks.errors import UserError
from tasks.spec import Evaluation

SST2 = 'nightly:\n  run: sst2\n  cron: "0 3 * * *"\n  timezone: Europe/Berlin\n'


def file(folder: Path, text: str) -> Path:
    path = folder / "schedules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def there(name: str) -> Any:
    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(f"evaluate/{name}")


@pytest.mark.usefixtures("prefect_server")
def test_deploying_twice_changes_nothing_and_a_removed_schedule_is_gone(tmp_path: Path) -> None:
    one = file(tmp_path, SST2 + "  overrides: {dataset: {limit: 7}}\n")
    deployments.deploy(one)
    first = there("nightly")
    assert first.parameters["dataset"]["limit"] == 7
    (schedule,) = first.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 3 * * *", "Europe/Berlin")
    assert schedule.active
    assert first.enforce_parameter_schema
    assert deployments.deploy(one) == []
    again = there("nightly")
    assert (again.updated, again.schedules) == (first.updated, first.schedules)
    assert deployments.deploy(file(tmp_path, SST2 + "  active: false\n")) == ["updated evaluate/nightly"]
    assert [each.active for each in there("nightly").schedules] == [False]
    assert deployments.deploy(file(tmp_path, "")) == ["deleted evaluate/nightly"]
    assert there("evaluate").work_pool_name == "assay"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {run: sst2, crn: '* * * * *'}", "Did you mean 'cron'"),
        ("a: {run: sst2, cron: 'every day'}", "five fields"),
        ("a: {run: sst2, cron: '* * * * *', timezone: Europe/Berln}", "no time zone 'Europe/Berln'"),
        ("a: {run: sst2}", "'cron' is missing"),
        ("- a", "is a mapping"),
    ],
)
def test_a_wrong_schedule_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        schedules.read(file(tmp_path, text))


def test_the_shipped_schedules_can_be_deployed() -> None:
    for entry in schedules.read(schedules.SCHEDULES):
        assert deployments.FLOWS[entry.flow].parameters(entry.run, entry.overrides)


def test_optional_fields_of_the_form_are_plain_and_the_needed_ones_few() -> None:
    made = form(Evaluation).model_dump()
    assert made["required"] == ["task", "dataset", "models"]
    order = sorted(made["properties"], key=lambda name: made["properties"][name]["position"])
    assert order == ["task", "dataset", "models", "metrics", "columns", "settings"]
    dataset = made["definitions"]["Dataset"]
    assert dataset["required"] == ["path"]
    assert dataset["properties"]["split"]["type"] == "string"
    assert "default" not in dataset["properties"]["split"]
    assert dataset["additionalProperties"] is False
