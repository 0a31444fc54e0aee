"""Which failures are tried again, and which are not."""

from __future__ import annotations

import httpx
import pytest
from prefect import flow, task

from flows.recovery import can_pass, may_pass
from tasks.errors import BadEvaluation, OutOfReach, UserError


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
    ],
)
def test_only_what_another_attempt_can_do_without_is_tried_again(error: Exception, again: bool) -> None:
    assert can_pass(error) is again


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
