"""The leaderboard from runs as MLflow keeps them: ranks, exports, and what hostile names can do."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from tasks.board import board_exports, board_page, leaderboard
from tasks.board.ranks import Scored, ranks
from tasks.errors import UnknownName
from tasks.tracking import ledger
from tasks.tracking.ledger import Entry

HOSTILE = '</script><img src=x onerror="document.title=1">|`$(id)`\u2028=1+1\\input{x}_&%'


def entry(
    model: str,
    value: float,
    half: float | None = 0.02,
    *,
    run: str = "",
    tags: dict[str, str] | None = None,
    **more: Any,
) -> Entry:
    tagged = {
        "task": "text-classification",
        "dataset": "news",
        "split": "test",
        "rows": "r1",
        "model": model,
        "headline": "accuracy",
        "scores": '["accuracy", "ece"]',
        "lower_is_better": '["ece"]',
        "key": f"key-{run or model}",
        **(tags or {}),
    }
    metrics = {"accuracy": value, "ece": 1 - value, "rows/judged": 500.0, "speed/rows_per_second": 120.0}
    if half is not None:
        metrics |= {"interval/accuracy_low": value - half, "interval/accuracy_high": value + half}
    params = {"model_commit": "c" * 40, "dtype": "float32", "columns": '{"text": "text"}'}
    return Entry(
        run or model,
        "7",
        more.pop("started", 1_700_000_000_000),
        {f"assay.{name}": text for name, text in tagged.items()},
        params,
        metrics,
    )


def by_accuracy(*entries: Entry) -> list[tuple[str, int, bool, str]]:
    places = leaderboard.chosen(leaderboard.places(entries), None)
    return [(place.model, place.rank, place.shared, place.basis) for place in places]


def test_models_that_the_intervals_cannot_tell_apart_share_a_rank() -> None:
    found = by_accuracy(entry("poor", 0.70), entry("good", 0.90), entry("near", 0.89), entry("fair", 0.80))
    assert found == [
        ("good", 1, True, "intervals"),
        ("near", 1, True, "intervals"),
        ("fair", 3, False, "intervals"),
        ("poor", 4, False, "intervals"),
    ]


def test_the_paired_test_of_an_evaluation_counts_before_the_intervals() -> None:
    apart = {"difference": json.dumps({"from": "key-good", "p_value": 0.003})}
    alike = {"difference": json.dumps({"from": "key-good", "p_value": 0.4})}
    assert by_accuracy(entry("good", 0.90), entry("near", 0.89, tags=apart)) == [
        ("good", 1, False, "intervals"),
        ("near", 2, False, "test"),
    ]
    assert by_accuracy(entry("good", 0.90), entry("far", 0.80, tags=alike)) == [
        ("good", 1, True, "intervals"),
        ("far", 1, True, "test"),
    ]
    gone = {"difference": json.dumps({"from": "key-of-no-run", "p_value": 0.4})}
    assert by_accuracy(entry("good", 0.90), entry("far", 0.80, tags=gone))[1] == (
        "far",
        2,
        False,
        "intervals",
    )


def test_a_score_that_is_better_lower_is_ranked_so_and_has_no_headline() -> None:
    places = leaderboard.chosen(leaderboard.places([entry("good", 0.9), entry("poor", 0.7)]), "ece")
    assert [(each.model, each.rank, each.higher_is_better, each.headline) for each in places] == [
        ("good", 1, False, False),
        ("poor", 2, False, False),
    ]


def test_only_the_latest_run_of_a_model_counts_and_other_rows_are_another_board() -> None:
    again = entry("good", 0.5, run="newer", started=2_000_000_000_000)
    other = entry("good", 0.6, run="other", tags={"rows": "r2"})
    assert by_accuracy(again, entry("good", 0.9), other) == [
        ("good", 1, False, "intervals"),
        ("good", 1, False, "intervals"),
    ]


def test_undefined_scores_come_last_and_equal_ones_without_intervals_share() -> None:
    scored = [Scored("none", float("nan")), Scored("a", 0.5), Scored("b", 0.5), Scored("c", 0.4)]
    found = ranks(scored, {}, higher_is_better=True)
    assert [(run, rank.number, rank.basis) for run, rank in found.items()] == [
        ("a", 1, "value"),
        ("b", 1, "value"),
        ("c", 3, "value"),
        ("none", 4, "value"),
    ]


def test_of_equal_scores_the_one_that_others_were_tested_against_leads() -> None:
    tested = {"difference": json.dumps({"from": "key-z", "p_value": 0.01})}
    also = {"difference": json.dumps({"from": "key-z", "p_value": 1.0})}
    found = by_accuracy(entry("a", 0.9, tags=also), entry("z", 0.9), entry("poor", 0.89, tags=tested))
    assert found == [("z", 1, True, "intervals"), ("a", 1, True, "test"), ("poor", 3, False, "test")]


def test_an_unknown_score_is_said_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match="There is no score 'acuracy'; there are: accuracy, ece"):
        leaderboard.chosen(leaderboard.places([entry("good", 0.9)]), "acuracy")


def test_nothing_is_read_where_nothing_is() -> None:
    assert ledger.entries() == []


def test_hostile_names_stay_text_in_every_file() -> None:
    places = leaderboard.places([entry(HOSTILE, 0.9), entry("=cmd", 0.5, tags={"dataset": HOSTILE})])
    page = board_page.page(places, "https://mlflow.example")
    assert page.count("</script>") == 2
    assert "<img" not in page
    held = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    assert HOSTILE in json.loads(held[1])["words"]
    rows = list(csv.DictReader(io.StringIO(board_exports.as_csv(leaderboard.chosen(places, None)))))
    assert {row["model"] for row in rows} == {HOSTILE, "'=cmd"}
    markdown = board_exports.as_markdown(places)
    assert "<img" not in markdown
    (line,) = [each for each in markdown.splitlines() if "img" in each and "accuracy" in each]
    assert len(re.split(r"(?<!\\)\|", line)) == len(board_exports.COLUMNS) + 2
    latex = board_exports.as_latex(places)
    assert r"\input" not in latex
    assert r"\textbackslash{}input\{x\}\_\&\%" in latex
    assert r"\textbf{0.900 [0.880, 0.920]}" in latex
