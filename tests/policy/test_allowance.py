"""Time, money and sizes: a run that has had its share is stopped, and nothing it computed is lost."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from flows.evaluation import evaluate
from tasks import configs
from tasks.errors import AssayError, Refused
from tasks.policy import rules
from tasks.policy.allowance import Allowance, Spent
from tasks.policy.rules import Limits
from tests.endpoint.server import KEY, MODEL, Talker, answer, running

pytestmark = [pytest.mark.usefixtures("prefect_server")]
ROWS = 40


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talker]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with running(Talker()) as served:
        yield served


@pytest.fixture
def data(tmp_path: Path) -> Path:
    prompts = [f"what of number {number}" for number in range(ROWS)]
    made = datasets.Dataset.from_dict({"prompt": prompts, "answer": [answer(each) for each in prompts]})
    made.save_to_disk(tmp_path / "talk")
    return tmp_path / "talk"


def policy(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Path:
    """Put a policy in force that holds for the test's own process."""
    file = folder / "policy.yaml"
    written = {
        "enforce": "everywhere",
        "paths": [str(folder)],
        "endpoints": ["http://127.0.0.1:*"],
        **more,
    }
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    monkeypatch.setenv(rules.VARIABLE, str(file))
    return file


def given(data: Path, talker: Talker, **model: Any) -> dict[str, Any]:
    return {
        "task": "text-generation",
        "dataset": {"path": str(data)},
        "models": [{"name": MODEL, "endpoint": talker.address, "concurrency": 2, **model}],
        "metrics": ["exact_match"],
        "settings": {"chunk_rows": 8, "resamples": 0},
    }


def evaluated(described: dict[str, Any]) -> Any:
    evaluation = configs.parse(described)
    return evaluate(**{name: getattr(evaluation, name) for name in type(evaluation).model_fields})


def test_a_run_over_its_time_is_stopped_and_another_goes_on_from_what_is_kept(
    tmp_path: Path, data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = policy(tmp_path, monkeypatch, limits={"hours": 2 / 3600})
    # Forty rows by two at a time take four seconds at the least.
    talker.delay = 0.2
    with pytest.raises(Spent) as caught:
        evaluated(given(data, talker))
    said = str(caught.value)
    found = re.fullmatch(
        rf"Stopped by policy after 2 s \(limits\.hours in {re.escape(str(file))}\); "
        rf"(\d+) of {ROWS} rows are kept; run it again to go on\.",
        said,
    )
    assert found, said
    kept = int(found[1])
    assert 0 < kept < ROWS
    policy(tmp_path, monkeypatch)
    talker.delay = 0.0
    talker.asked.clear()
    (report,) = evaluated(given(data, talker))
    assert report.reused_rows == kept
    assert len({each.prompt for each in talker.asked}) == ROWS - kept
    assert report.scores["exact_match"].value == 1.0


def test_a_run_whose_endpoint_answers_no_more_is_stopped_all_the_same(
    tmp_path: Path, data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(tmp_path, monkeypatch, limits={"hours": 3 / 3600})
    answered = 12
    talker.troubles |= {f"what of number {row}": deque(["slow"]) for row in range(answered, ROWS)}
    with pytest.raises(Spent, match=r"Stopped by policy after 3 s .* (\d+) of 40 rows are kept") as hit:
        evaluated(given(data, talker))
    assert 0 < int(re.findall(r"(\d+) of 40", str(hit.value))[0]) <= answered


def test_a_run_over_its_money_is_stopped_and_what_was_paid_for_is_kept(
    tmp_path: Path, data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.policy import allowance

    monkeypatch.setattr(allowance, "EVERY", 0.0)
    # A prompt has 4 words and its answer 5: a chunk of 8 rows is 72 dollars.
    policy(tmp_path, monkeypatch, limits={"dollars": 100})
    price = {"price": {"input": 1e6, "output": 1e6}}
    with pytest.raises(Spent, match=r"Stopped by policy after \d+\.\d\d dollars \(limits\.dollars in") as hit:
        evaluated(given(data, talker, **price))
    kept = int(re.findall(r"(\d+) of 40 rows are kept", str(hit.value))[0])
    assert 8 < kept < ROWS
    # What is stored has been paid for: the same run again may spend as much once more.
    policy(tmp_path, monkeypatch, limits={"dollars": 9 * (ROWS - kept) + 1})
    (report,) = evaluated(given(data, talker, **price))
    assert report.reused_rows == kept


def test_too_many_rows_are_refused_before_a_model_is_asked(
    tmp_path: Path, data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(tmp_path, monkeypatch, limits={"rows": 30})
    with pytest.raises(
        Refused, match=r"40 rows in 'talk'.* allows 30 \(limits\.rows in .*give dataset\.limit"
    ):
        evaluated(given(data, talker))
    assert not talker.asked
    assert not talker.listed
    fitting = given(data, talker)
    fitting["dataset"]["limit"] = 30
    (report,) = evaluated(fitting)
    assert report.rows == 30


def test_files_that_are_too_large_are_refused_before_they_are_read(
    tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 10},
        "models": [str(demo / "models" / "digits-resnet")],
        "metrics": ["accuracy"],
    }
    for limit, words in (("dataset_gb", "The dataset '.*digits'"), ("model_gb", "The model 'digits-resnet'")):
        policy(tmp_path, monkeypatch, paths=[str(demo)], limits={limit: 1e-6})
        with pytest.raises(Refused, match=rf"{words} has .* GB.*allows 1e-06 \(limits\.{limit} in "):
            evaluated(digits)


def test_the_person_at_the_machine_is_not_held_to_it(
    tmp_path: Path, data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(tmp_path, monkeypatch, enforce="server", paths=[], endpoints=[], limits={"rows": 1})
    assert evaluated(given(data, talker))
    # Prefect sets this where a worker runs a deployment's run.
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "")
    with pytest.raises(AssayError, match=r"The dataset '.*talk' is not allowed by the policy"):
        evaluated(given(data, talker))


def test_waiting_for_a_device_is_not_counted() -> None:
    now = [0.0]
    allowance = Allowance(Limits(hours=1), Path("policy.yaml"), lambda: now[0])
    allowance.start()
    with allowance.waiting():
        now[0] += 7200
    assert allowance.reason() is None
    now[0] += 3600
    assert allowance.reason() == "Stopped by policy after 1 h (limits.hours in policy.yaml)"
