"""Which failures are tried again, and which are not."""

from __future__ import annotations

import httpx
import pytest
from mlflow.exceptions import MlflowException
from prefect import flow, task

from flows.queue.recovery import may_pass
from tasks.errors import BadEvaluation, OutOfReach, UserError
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
