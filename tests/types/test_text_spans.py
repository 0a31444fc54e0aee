"""Entities as spans of a raw text: equal to transformers' own pipeline, and judged by their borders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import transformers

from tasks.errors import BadEvaluation, BadLabels
from tests.types.judging import judged, planned, samples, saved
from tests.types.texts import SENTENCES, bert

TAGS = ["O", "B-PERSON", "I-PERSON", "B-PLACE", "I-PLACE"]
TEXTS = [f"  {text.replace(' ', '  ', 2)}, isn't it?" for text in SENTENCES]


@pytest.fixture
def tagger(demo: Path, tmp_path: Path) -> tuple[Any, Any, Path]:
    place = tmp_path / "m"
    words, model = bert(demo, place, "BertForTokenClassification", id2label=dict(enumerate(TAGS)), seed=2)
    return words, model, place


def wanted(tagger: tuple[Any, Any, Path], strategy: str) -> list[list[tuple[int, int, str]]]:
    words, model, _ = tagger
    pipe = transformers.pipeline(
        "token-classification", model=model, tokenizer=words, aggregation_strategy=strategy, device="cpu"
    )
    return [[(each["start"], each["end"], each["entity_group"]) for each in pipe(text)] for text in TEXTS]


def evaluation(folder: Path, model: Path, spans: Any, **more: Any) -> dict[str, Any]:
    return {
        "task": "token-classification",
        "dataset": {"path": saved(folder, {"text": TEXTS, "entities": spans})},
        "models": [str(model)],
        **more,
    }


def structs(spans: list[list[tuple[int, int, str]]]) -> list[list[dict[str, Any]]]:
    return [[{"start": a, "end": b, "label": label.lower()} for a, b, label in row] for row in spans]


@pytest.mark.parametrize("strategy", ["first", "max", "average"])
def test_spans_are_those_of_the_pipeline(
    tagger: tuple[Any, Any, Path], tmp_path: Path, strategy: str
) -> None:
    right = wanted(tagger, strategy)
    assert sum(map(len, right)) > 20
    given = evaluation(tmp_path / "d", tagger[2], structs(right), settings={"subwords": strategy})
    judgement, rows = judged(given)
    found = [[(each["start"], each["end"], each["label"]) for each in row["spans"]] for row in rows]
    assert found == right
    assert judgement.scores["seqeval_f1"].value == 1.0
    assert all(samples(given)["right"])


def test_an_entity_counts_with_both_borders_and_its_label(
    tagger: tuple[Any, Any, Path], tmp_path: Path
) -> None:
    found = wanted(tagger, "first")
    right = structs(found)
    # Of the first text one border is moved, one label changed, and one entity is missed.
    right[0][0]["end"] += 1
    right[0][1]["label"] = {"person": "place", "place": "person"}[right[0][1]["label"]]
    del right[0][2]
    columns = [{name: [each[name] for each in row] for name in ("start", "end", "label")} for row in right]
    judgement, _ = judged(evaluation(tmp_path / "d", tagger[2], columns))
    hits, said = sum(map(len, found)) - 3, sum(map(len, found))
    assert judgement.scores["seqeval_precision"].value == pytest.approx(hits / said)
    assert judgement.scores["seqeval_recall"].value == pytest.approx(hits / (said - 1))


def test_long_texts_are_read_in_windows(tagger: tuple[Any, Any, Path], tmp_path: Path) -> None:
    text = " ".join(TEXTS[:3])
    data = saved(tmp_path / "d", {"text": [text], "spans": [[{"start": 0, "end": 3, "label": "person"}]]})
    given = {
        "task": "token-classification",
        "dataset": {"path": data},
        "models": [str(tagger[2])],
        "settings": {"max_tokens": 24, "overlap": 10},
    }
    _, (row,) = judged(given)
    assert row["spans"][-1]["end"] > len(text) * 0.8
    assert all(text[each["start"] : each["end"]].strip() for each in row["spans"])


def test_labels_of_spans_and_their_fields_are_checked(tagger: tuple[Any, Any, Path], tmp_path: Path) -> None:
    spans = [[{"start": 0, "end": 5, "label": "ANIMAL"}]] * len(TEXTS)
    with pytest.raises(BadLabels, match="ANIMAL"):
        planned(evaluation(tmp_path / "a", tagger[2], spans))
    nameless = [[{"start": 0, "length": 5, "label": "person"}]] * len(TEXTS)
    with pytest.raises(BadEvaluation, match=r"no end .*there are: start, length, label"):
        planned(evaluation(tmp_path / "b", tagger[2], nameless))
    with pytest.raises(BadEvaluation, match="do not go together"):
        planned(
            evaluation(tmp_path / "c", tagger[2], spans, columns={"tokens": "text", "spans": "entities"})
            | {"dataset": {"path": saved(tmp_path / "e", {"text": [["a"]], "entities": [spans[0]]})}}
        )


def test_labels_as_numbers_are_named_and_overlaps_left_out(
    tagger: tuple[Any, Any, Path], tmp_path: Path
) -> None:
    names = datasets.ClassLabel(names=["PERSON", "PLACE"])
    feature = datasets.List(
        {"start": datasets.Value("int32"), "end": datasets.Value("int32"), "label": names}
    )
    spans = [[{"start": 0, "end": 9, "label": 1}, {"start": 4, "end": 9, "label": 0}]] * len(TEXTS)
    data = saved(tmp_path / "d", {"text": TEXTS, "spans": spans}, spans=feature)
    plan, candidate = planned(
        {"task": "token-classification", "dataset": {"path": data}, "models": [str(tagger[2])]}
    )
    assert plan.mapping.columns == {"text": "text", "spans": "spans"}
    assert any("5 entities that overlap" in note for note in candidate.alignment.notes)
    assert candidate.alignment.dataset_labels == ("PERSON", "PLACE")
