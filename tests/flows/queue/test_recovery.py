"""Which failures are tried again, and which are not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from mlflow.exceptions import MlflowException
from prefect import flow, task

from flows.queue import recovery
from flows.queue.recovery import DEATHS, AttemptsSpent, attempted, check_starts, may_pass
from tasks.errors import BadEvaluation, OutOfReach, UserError
from tasks.inference.chunks import Chunk, ChunkStore
from tasks.passing import NO_ANSWER, can_pass


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def status(code: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://127.0.0.1/")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(code, request=request))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("slow"), True),
        (ConnectionResetError("by peer"), True),
        (status(503), True),
        (status(404), False),
        (caused(OutOfReach("The Hub cannot be asked."), httpx.ConnectError("refused")), True),
        (OutOfReach("The Hub cannot be asked."), False),
        (caused(BadEvaluation("no"), ConnectionError("gone")), False),
        (UserError("There is no column 'x'"), False),
        (MemoryError(), False),
        (ValueError("a bug"), False),
        (MlflowException("API request to http://x failed with exception HTTPConnectionPool"), True),
        (MlflowException("API request to endpoint /x failed with error code 503 != 200."), True),
        (MlflowException("(sqlite3.OperationalError) database is locked"), True),
        (MlflowException("API request to endpoint /x failed with error code 403 != 200."), False),
        (MlflowException("No experiment was found."), False),
    ],
)
def test_only_what_another_attempt_can_do_without_is_tried_again(error: Exception, again: bool) -> None:
    assert can_pass(error) is again


def test_a_tracking_server_that_says_it_is_broken_is_not_waited_for() -> None:
    assert can_pass(status(500))
    assert not can_pass(status(500), NO_ANSWER)
    assert can_pass(status(502), NO_ANSWER)


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(("error", "calls"), [(ConnectionError("gone"), 3), (BadEvaluation("no"), 1)])
def test_prefect_tries_a_step_again_where_it_can_pass(error: Exception, calls: int) -> None:
    made = []

    @task(retries=2, retry_delay_seconds=0, retry_condition_fn=may_pass)
    def step() -> None:
        made.append(1)
        raise error

    @flow
    def steps() -> None:
        step()

    with pytest.raises(type(error)):
        steps()
    assert len(made) == calls


class Process:
    """A run's process as far as a model's chunks go."""

    def __init__(self, folder: Path) -> None:
        self.store = ChunkStore(str(folder), "key", pa.schema([pa.field("row", pa.int64())]))
        self.dead: list[AbstractContextManager[None]] = []

    def dies(self, finished: int = 0) -> None:
        """Predict so many chunks, and be gone: what comes after is never done."""
        predicting = attempted(self.store, "big")
        predicting.__enter__()
        self.dead.append(predicting)
        for _ in range(finished):
            start = len(self.store.names())
            self.store.write(Chunk(start, start + 1), [{"row": start}], 0.0)

    def ends(self) -> None:
        with attempted(self.store, "big"):
            pass


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", "one")
    return Process(tmp_path)


def test_a_model_that_kills_its_process_again_and_again_is_given_up(process: Process) -> None:
    for _ in range(DEATHS):
        process.dies()
    with pytest.raises(AttemptsSpent, match=r"died 3 times while 'big' predicted, .* smaller batches"):
        process.ends()
    # Whoever asks for it anew, as after changing the batches, is not told of the past.
    process.ends()


def test_deaths_between_which_chunks_were_finished_do_not_count(process: Process) -> None:
    for _ in range(3 * DEATHS):
        process.dies(finished=1)
    for _ in range(DEATHS - 1):
        process.dies()
    process.ends()


def test_what_ends_by_itself_is_no_death(process: Process) -> None:
    for _ in range(2 * DEATHS):
        with pytest.raises(ConnectionError), attempted(process.store, "big"):
            raise ConnectionError
    process.ends()


def test_a_new_run_starts_with_a_clean_sheet(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * DEATHS):
        monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", str(number))
        process.dies()


def test_a_run_is_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__RUN_COUNT", str(recovery.STARTS))
    check_starts()
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__RUN_COUNT", str(recovery.STARTS + 1))
    with pytest.raises(AttemptsSpent, match="died 12 times"):
        check_starts()
