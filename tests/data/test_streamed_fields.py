"""Nested and joined columns of a stream, and the numbers of its rows, are those of the data set at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks import candidates, load, predict, score
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.plan import Plan, requests
from tasks.types import task_type
from tests.types.judging import judged, saved
from tests.types.texts import SENTENCES, bert, llama


def streamed(given: dict[str, Any]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Evaluate the one model of an evaluation on its data set as a stream."""
    given = {**given, "dataset": {**given["dataset"], "streaming": True}}
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, 0)
    features = load.head_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, load.narrowed(rows, mapping.columns), mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    stored = predict.predict(plan, candidate)
    found = score.score(plan, candidates.realigned(plan, candidate), stored)
    return {key: each.value for key, each in found.scores.items()}, stored.table().to_pylist()


def test_fields_of_a_stream(demo: Path, tmp_path: Path) -> None:
    bert(demo, tmp_path / "m", "BertForQuestionAnswering", seed=3)
    answers = [{"text": [text.split()[0]], "answer_start": [0]} for text in SENTENCES]
    content = {"question": ["who"] * 5, "context": SENTENCES, "answers": answers}
    given = {
        "task": "question-answering",
        "dataset": {"path": saved(tmp_path / "d", content)},
        "models": [str(tmp_path / "m")],
    }
    whole, rows = judged(given)
    scores, same = streamed(given)
    assert [row["text"] for row in same] == [row["text"] for row in rows]
    assert scores == {key: each.value for key, each in whole.scores.items()}


def test_what_is_drawn_for_a_row_of_a_stream(demo: Path, tmp_path: Path) -> None:
    llama(demo, tmp_path / "m")
    given = {
        "task": "text-generation",
        "dataset": {"path": saved(tmp_path / "d", {"prompt": SENTENCES, "answer": SENTENCES})},
        "models": [str(tmp_path / "m")],
        "settings": {"generation": {"temperature": 1.0, "max_new_tokens": 6}},
    }
    _, rows = judged(given)
    _, same = streamed(given)
    assert [row["text"] for row in same] == [row["text"] for row in rows]
