"""Channels and notices: who is told, and the words."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.board.scoreboard import Column, Scoreboard
from tasks.errors import UserError
from tasks.events import channels, notices
from tasks.events.channels import Channel
from tasks.metrics.comparison import Difference
from tasks.metrics.contract import Score
from tasks.report import RunReport

PAGES = {"Prefect": "http://p/1", "MLflow": "http://m/2"}


def judged(model: str, value: float, **more: Any) -> RunReport:
    scores = {"accuracy": Score(value, value - 0.05, value + 0.05, 50)}
    return RunReport(model, "reviews", "test", "text-classification", "run", 50, 0, 0, scores, **more)


def test_a_notice_says_which_model_which_score_by_how_much_and_where() -> None:
    behind = Difference(-0.2, -0.3, -0.1, 0.002)
    told = notices.completed([judged("a", 0.7, difference=behind), judged("b", 0.9, best=True)], PAGES)
    assert told.event == "assay.evaluation.completed"
    assert told.subject == "reviews: b leads with accuracy 0.900 [0.850, 0.950]"
    payload = told.payload()
    assert payload["message"].splitlines() == [
        "text-classification on reviews (test, 50 rows)",
        f"a: accuracy 0.700 [0.650, 0.750]; -0.200 [-0.300, -0.100] from the best, p = 0.002 ({behind.test})",
        "★ b: accuracy 0.900 [0.850, 0.950]",
        "Prefect: http://p/1",
        "MLflow: http://m/2",
    ]
    assert payload["runs"][0]["difference_value"] == -0.2
    assert (payload["runs"][1]["value"], payload["runs"][1]["low"]) == (0.9, pytest.approx(0.85))


def test_a_long_message_is_cut_and_keeps_its_links() -> None:
    told = notices.failed("x", "why " * 5000, PAGES).payload()["message"]
    assert len(told) < notices.LONGEST + 100
    assert told.endswith("MLflow: http://m/2")


def test_an_undefined_score_is_told_as_none() -> None:
    assert notices.completed([judged("a", float("nan"))], {}).payload()["runs"][0]["value"] is None


def test_a_suite_that_failed_in_part_says_what_failed_and_what_did_not() -> None:
    board = Scoreboard("s", [Column("one", [judged("a", 0.9)]), Column("two", failure="no such split")])
    told = notices.of_suite(board, {})
    assert (told.event, told.subject) == ("assay.suite.failed", "Suite s: 1 of 2 failed")
    assert told.message.splitlines() == [
        "two failed: no such split",
        "one:",
        "a: accuracy 0.900 [0.850, 0.950]",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "the one key 'notifications'"),
        ({"notifications": [{"on": ["fialed"], "block": "a/b"}]}, "Did you mean 'failed'"),
        ({"notifications": [{"on": ["failed"]}]}, "either 'block', or 'via' and 'address_env'"),
        ({"notifications": [{"on": ["failed"], "block": "a/b", "via": "slack"}]}, "needs no 'via'"),
        ({"notifications": [{"on": [], "block": "a/b"}]}, "notifications.0.on"),
        ({"notifications": [{"on": ["failed"], "blok": "a/b"}]}, "Did you mean 'block'"),
        ({"notifications": ["failed"]}, "notifications.0"),
    ],
)
def test_channels_that_are_none_are_said_in_one_sentence(given: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        channels.parse(given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_is_never_shown() -> None:
    channel = Channel(on=["failed"], via="webhook", address_env="TEAM_HOOK")
    assert channels.address(channel, {"TEAM_HOOK": " https://x/secret "}) == "https://x/secret"
    with pytest.raises(UserError, match="TEAM_HOOK is not set") as unset:
        channels.address(channel, {"ASSAY_HOME": "secret"})
    with pytest.raises(UserError, match="TEAM_HOOK holds no address") as wrong:
        channels.address(channel, {"TEAM_HOOK": "secret"})
    assert not any("secret" in str(caught.value) for caught in (unset, wrong))


def test_the_shipped_file_tells_nobody_until_someone_says_whom() -> None:
    assert channels.read(channels.SHIPPED) == []
