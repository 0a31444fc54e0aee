"""Models behind an endpoint, through the real flow, against a server that misbehaves on purpose."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from flows.evaluation import evaluate
from tasks import candidates, load, predict
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.errors import BadEvaluation, NoAccess, NotFound, OutOfReach, RowFailures, UserError
from tasks.inference import attempts
from tasks.inference.attempts import Patience
from tasks.inference.generation import row_seed
from tasks.plan import Plan, requests
from tasks.predict import PredictionFailed
from tasks.tracking import mlflow_store
from tasks.types import task_type
from tests.endpoint.server import KEY, MODEL, Talker, answer, running

ROWS = 60


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talker]:
    """A server, its key in the environment, and less patience than with a server far away."""
    monkeypatch.setenv("TALKER_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(attempts, "PATIENCE", Patience(attempts=4, first=0.02, longest=0.1))
    with running(Talker()) as served:
        yield served


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Prompts, and for each the answer that the server gives."""
    prompts = [prompt(number) for number in range(ROWS)]
    made = datasets.Dataset.from_dict({"prompt": prompts, "answer": [answer(each) for each in prompts]})
    made.save_to_disk(tmp_path / "talk")
    return tmp_path / "talk"


def prompt(row: int) -> str:
    return f"what of number {row}"


def given(data: Path, talker: Talker, model: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    entry = {"name": MODEL, "endpoint": talker.address, "api_key_env": "TALKER_KEY", "concurrency": 8}
    return {
        "task": "text-generation",
        "dataset": {"path": str(data)},
        "models": [{**entry, **(model or {})}],
        "metrics": ["cer", "exact_match"],
        "settings": {"chunk_rows": 16, "resamples": 50, **settings},
    }


def evaluated(described: dict[str, Any]) -> Any:
    evaluation = parse(described)
    (report,) = evaluate(**{name: getattr(evaluation, name) for name in type(evaluation).model_fields})
    return report


def predicted(
    described: dict[str, Any], advance: Callable[[int], None] = lambda rows: None
) -> list[dict[str, Any]]:
    """Predict without Prefect and MLflow."""
    evaluation = parse(described)
    rows = load.load(evaluation.dataset, 0)
    mapping = map_columns(
        task_type(evaluation.task), load.open_rows(rows).features, evaluation.columns, rows.name
    )
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    stored: list[dict[str, Any]] = predict.predict(plan, candidate, advance).table().to_pylist()
    return stored


def run_of(run_id: str) -> Any:
    return mlflow_store.client().get_run(run_id)


@pytest.mark.usefixtures("prefect_server")
def test_a_server_that_misbehaves_is_asked_again_and_its_key_is_written_nowhere(
    data: Path, talker: Talker, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    troubles = ["500", "drop", "garbled", "wait 1", "503", "empty", "slow", "page"]
    talker.troubles = {prompt(3 * row): deque([kind]) for row, kind in enumerate(troubles)}
    talker.troubles[prompt(50)] = deque(["500", "drop", "503"])
    talker.troubles[prompt(7)] = deque(["echo"])
    talker.delay = 0.02
    price = {"input": 1000.0, "output": 2000.0}
    report = evaluated(given(data, talker, {"timeout": 1.0, "price": price}))
    assert report.failed_rows == 1
    assert report.scores["exact_match"].value == 1.0
    assert report.scores["exact_match"].n == ROWS - 1
    assert len(talker.asked) == ROWS + len(troubles) + 3
    assert 1 < talker.most_at_once <= 8
    told = next(each for each in talker.asked if each.prompt == prompt(9))
    again = [each.at for each in talker.asked if each.prompt == prompt(9)]
    assert again[1] - again[0] >= 1.0
    assert told.body["temperature"] == 0.0
    assert "seed" not in told.body
    run = run_of(report.mlflow_run_id)
    metrics, answered = run.data.metrics, [row for row in range(ROWS) if row != 7]
    assert metrics["cost/prompt_tokens"] == sum(len(prompt(row).split()) for row in answered)
    assert metrics["cost/tokens"] == sum(len(answer(prompt(row)).split()) for row in answered)
    assert metrics["cost/dollars"] == pytest.approx(
        (metrics["cost/prompt_tokens"] * 1000 + metrics["cost/tokens"] * 2000) / 1e6
    )
    assert metrics["speed/requests_repeated"] == len(troubles) + 3
    assert metrics["rows/failed"] == 1
    assert run.data.params["engine"] == "endpoint"
    assert run.data.params["dtype"] == "unknown"
    assert any("cannot be pinned to a commit" in note for note in report.notes)
    failed = [row for row in stored_rows(home) if row["error"]]
    assert [row["row"] for row in failed] == [7]
    assert "no: Bearer …" in failed[0]["error"]
    assert holding(home, KEY) == []
    assert KEY not in caplog.text


def stored_rows(home: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return [
        row
        for path in sorted((home / "chunks").rglob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]


def holding(folder: Path, text: str) -> list[Path]:
    """Return the files below a folder that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.usefixtures("prefect_server")
def test_what_is_stored_is_scored_again_without_the_server_or_a_key(
    data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluated(given(data, talker))
    assert (talker.listed, len(talker.asked)) == (1, ROWS)
    monkeypatch.delenv("TALKER_KEY")
    talker.always = "503"
    again = evaluated(given(data, talker, {"price": {"input": 1.0, "output": 1.0}}))
    assert (talker.listed, len(talker.asked)) == (1, ROWS)
    assert again.reused_rows == ROWS
    assert again.scores["cer"] == first.scores["cer"]
    metrics = run_of(again.mlflow_run_id).data.metrics
    assert metrics["cost/dollars"] == pytest.approx(
        (metrics["cost/tokens"] + metrics["cost/prompt_tokens"]) / 1e6
    )
    assert run_of(again.mlflow_run_id).outputs.model_outputs[0].model_id == (
        run_of(first.mlflow_run_id).outputs.model_outputs[0].model_id
    )


KILLED = """
import json, sys
from flows.evaluation import evaluate
from tasks.configs import parse

if __name__ == "__main__":
    evaluation = parse(json.loads(sys.argv[1]))
    evaluate(**{name: getattr(evaluation, name) for name in type(evaluation).model_fields})
"""


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_killed_evaluation_goes_on_where_it_was(
    data: Path, talker: Talker, home: Path, tmp_path: Path
) -> None:
    from prefect.settings import get_current_settings

    described = given(data, talker, {"concurrency": 2})
    talker.troubles = {prompt(row): deque(["slow"]) for row in (40, 41)}
    script = tmp_path / "evaluation_to_kill.py"
    script.write_text(KILLED, encoding="utf-8")
    server = {"PREFECT_API_URL": str(get_current_settings().api.url), "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(
        [sys.executable, str(script), json.dumps(described)],
        env={**os.environ, **server},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None:
        if len(talker.asked) == 42 and len(list((home / "chunks").rglob("*.parquet"))) == 2:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()[-2000:]
    before = [each.prompt for each in talker.asked]
    assert len(before) == 42
    report = evaluated(described)
    asked = [each.prompt for each in talker.asked][len(before) :]
    # Two chunks of 16 were whole; the rows of the third that were answered are lost with the process.
    assert sorted(asked) == sorted(prompt(row) for row in range(32, ROWS))
    assert report.reused_rows == 32
    assert report.scores["exact_match"].value == 1.0
    assert run_of(report.mlflow_run_id).data.metrics["cost/tokens"] == 5 * ROWS


@pytest.mark.parametrize("trouble", ["die", "503"])
def test_a_server_that_goes_away_ends_the_run_and_answers_are_kept(
    data: Path, talker: Talker, trouble: str
) -> None:
    described = given(data, talker, {"concurrency": 2, "timeout": 5.0})
    talker.troubles = {prompt(row): deque([trouble] * 4) for row in range(20, ROWS)}
    with pytest.raises(OutOfReach, match=r"answers no more .* goes on from there"):
        predicted(described)
    before = {each.prompt for each in talker.asked}
    talker.troubles, talker.asked, talker.always = {}, [], ""
    rows = predicted(described)
    assert [row["text"] for row in rows] == [answer(prompt(number)) for number in range(ROWS)]
    assert {prompt(row) for row in range(20)} <= before
    # The rows before the trouble are not asked again, although their chunk never became whole.
    assert {prompt(row) for row in range(21, ROWS)} <= {each.prompt for each in talker.asked}
    assert {each.prompt for each in talker.asked} <= {prompt(row) for row in range(19, ROWS)}


def test_a_run_that_is_interrupted_keeps_the_answers_that_came(data: Path, talker: Talker) -> None:
    told = []

    def interrupt(rows: int) -> None:
        told.append(rows)
        if sum(told) == 25:
            raise KeyboardInterrupt

    described = given(data, talker, {"concurrency": 2})
    with pytest.raises(KeyboardInterrupt):
        predicted(described, interrupt)
    talker.asked = []
    rows = predicted(described)
    assert [row["text"] for row in rows] == [answer(prompt(number)) for number in range(ROWS)]
    # Rows that were under way at that moment may have been answered too.
    assert ROWS - 27 <= len(talker.asked) <= ROWS - 25


def test_a_slow_answer_holds_up_its_own_chunk_only(data: Path, talker: Talker) -> None:
    talker.troubles = {prompt(0): deque([f"after {ROWS}"])}
    rows = predicted(given(data, talker, {"concurrency": 2, "timeout": 60.0}, chunk_rows=4))
    assert [row["error"] for row in rows] == [None] * ROWS
    assert len(talker.asked) == ROWS


def test_a_row_without_a_prompt_is_that_rows_failure(talker: Talker, tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict({"prompt": ["one", None, "two"], "answer": ["a", "b", "c"]})
    made.save_to_disk(tmp_path / "gap")
    rows = predicted(given(tmp_path / "gap", talker))
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert [each.prompt for each in talker.asked] in (["one", "two"], ["two", "one"])


def test_one_row_that_never_succeeds_is_that_rows_failure(data: Path, talker: Talker) -> None:
    # The last row too, when nothing else is under way that would show that the server is there.
    talker.troubles = {prompt(row): deque(["500"] * 4) for row in (30, ROWS - 1)}
    rows = predicted(given(data, talker))
    assert [row["row"] for row in rows if row["error"]] == [30, ROWS - 1]
    assert "no answer in 4 attempts, the last with: status 500: trouble 500" in rows[30]["error"]


def test_a_refused_row_stops_the_run_where_asked(data: Path, talker: Talker) -> None:
    talker.troubles = {prompt(5): deque(["400"])}
    with pytest.raises(RowFailures, match="Row 5 failed: Rejected: status 400: trouble 400"):
        predicted(given(data, talker, on_error="stop"))


def test_a_key_that_is_withdrawn_ends_the_run(data: Path, talker: Talker) -> None:
    talker.troubles = {prompt(33): deque(["401"])}
    with pytest.raises(NoAccess, match=r"refuses the key in .* TALKER_KEY \(status 401"):
        predicted(given(data, talker))


def test_every_row_refused_is_the_models_fault(data: Path, talker: Talker) -> None:
    talker.models = None
    talker.always = "404"
    with pytest.raises(PredictionFailed, match=r"Every row failed .* status 404"):
        predicted(given(data, talker))


def test_rows_draw_by_their_own_seed_and_settings_are_sent(data: Path, talker: Talker) -> None:
    generation: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_new_tokens": 9,
        "stop": [" indeed"],
        "system": "Be brief.",
    }
    rows = predicted(given(data, talker, generation=generation, seed=3))
    assert [row["text"] for row in rows] == [prompt(number)[::-1] for number in range(ROWS)]
    by_prompt = {each.prompt: each.body for each in talker.asked}
    for row in (0, 41):
        body = by_prompt[prompt(row)]
        assert body["seed"] == row_seed(3, row)
        assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.5, 0.9, 9)
        assert body["stop"] == [" indeed"]
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    predicted(given(data, talker, generation=generation, seed=4))
    assert len(talker.asked) == 2 * ROWS


def test_plain_completions_where_chat_is_off_and_the_newer_name_where_it_is_asked_for(
    data: Path, talker: Talker
) -> None:
    talker.newer = True
    rows = predicted(given(data, talker, generation={"chat": "off", "template": "Q: {prompt}"}))
    assert rows[4]["text"] == answer(f"Q: {prompt(4)}")
    assert {each.path for each in talker.asked} == {"/v1/completions"}
    # Requests that were under way before the first refusal was read are refused too.
    assert sum("max_tokens" in each.body for each in talker.asked) <= 8


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"models": ["small-walker"]}, NotFound, f"has no model '{MODEL}'; there are: small-walker. Did you"),
        ({"key": "another"}, NoAccess, "refuses the key in the environment variable TALKER_KEY"),
        ({"always": "503"}, OutOfReach, "does not answer as an OpenAI-compatible server does"),
        ({"always": "page"}, OutOfReach, "whose address usually ends in /v1"),
        ({"always": "418"}, OutOfReach, "does not list its models: status 418"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_said_before_a_row_is_asked(
    data: Path, talker: Talker, change: dict[str, Any], kind: type[UserError], words: str
) -> None:
    for name, value in change.items():
        setattr(talker, name, value)
    with pytest.raises(kind) as caught:
        predicted(given(data, talker))
    assert words in str(caught.value)
    assert KEY not in str(caught.value)
    assert talker.asked == []


def test_a_key_that_is_not_set_and_a_server_that_is_not_there(
    data: Path, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALKER_KEY")
    with pytest.raises(NoAccess, match="asks for a key, none is in the environment variable TALKER_KEY"):
        predicted(given(data, talker))
    with pytest.raises(OutOfReach, match=r"'http://127.0.0.1:9/v1' .* does not answer"):
        predicted(given(data, talker, {"endpoint": "http://127.0.0.1:9/v1"}))
    monkeypatch.setenv("TALKER_KEY", f"{KEY}\nmore")
    with pytest.raises(BadEvaluation, match="holds no key") as caught:
        predicted(given(data, talker))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"endpoint": "host:8000/v1"}, "is an address as http://host:8000/v1"),
        ({"endpoint": "http://host:port/v1"}, "is an address as http://host:8000/v1"),
        ({"endpoint": f"http://me:{KEY}@host/v1"}, "holds no key"),
        ({"endpoint": f"https://host/v1?key={KEY}"}, "holds no key"),
        ({"endpoint": "http://host/v1", "revision": "main"}, "leave 'revision' out"),
        ({"price": {"input": 1, "output": 1}}, "no endpoint that could charge it"),
        ({"endpoint": "http://host/v1", "api_key_env": KEY}, "is not right: string should match pattern"),
    ],
)
def test_entries_that_cannot_be_are_refused_without_repeating_a_key(
    entry: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        parse({"task": "text-generation", "dataset": {"path": "a/b"}, "models": [{"name": "m", **entry}]})
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


def test_two_endpoints_of_one_model_are_told_apart(data: Path, talker: Talker) -> None:
    with running(Talker()) as other:
        described = given(data, talker)
        entry = described["models"][0]
        evaluation = parse({**described, "models": [entry, {**entry, "endpoint": other.address}]})
        rows = load.load(evaluation.dataset, 0)
        mapping = map_columns(task_type(evaluation.task), load.open_rows(rows).features, {}, rows.name)
        found = candidates.decide(Plan(evaluation, rows, mapping, requests(evaluation)))
    assert [each.title for each in found] == [
        f"{MODEL} ({address.removeprefix('http://').removesuffix('/v1')})"
        for address in (talker.address, other.address)
    ]
    assert found[0].key != found[1].key


def test_examples_are_turns_of_the_conversation(talker: Talker, tmp_path: Path) -> None:
    solved = datasets.Dataset.from_dict({"prompt": ["one", "two"], "answer": ["1", "2"]})
    asked = datasets.Dataset.from_dict({"prompt": ["three"], "answer": ["3"]})
    datasets.DatasetDict({"train": solved, "test": asked}).save_to_disk(tmp_path / "data")
    described = given(
        tmp_path / "data", talker, generation={"examples": 2, "template": "Q: {prompt}", "system": "Brief."}
    )
    predicted(described)
    (sent,) = talker.asked
    assert [each["role"] for each in sent.body["messages"]] == [
        "system",
        *["user", "assistant"] * 2,
        "user",
    ]
    said = {each["content"] for each in sent.body["messages"]}
    assert said == {"Brief.", "Q: one", "1", "Q: two", "2", "Q: three"}
    described["settings"]["generation"]["chat"] = "off"
    predicted(described)
    assert talker.asked[-1].body["prompt"].endswith("\n\nQ: three")
    assert talker.asked[-1].body["prompt"].count("Q: ") == 3
