"""Entries merged into cards: nobody else's value is touched, and the same again changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from tasks.cards import header
from tasks.errors import BadEvaluation
from tasks.publish import merging, signatures
from tasks.publish.comment import mark, text
from tasks.publish.pull_requests import wanted
from tasks.publish.results import Result
from tasks.publish.verification import verify
from tests.publish.sample import result

ENDPOINT = "https://hub.example"
CARD = """---
language: no   # Norwegian
license: mit
model-index:
- name: topic
  results:
  - task: {type: text-classification, name: Topics}
    dataset: {name: Reviews, type: acme/reviews, config: default, split: test}
    metrics:
    - {type: accuracy, value: 0.99, name: accuracy}
    - {type: f1, value: 0.98, verified: true, verifyToken: eyJhbGciOiJFZERTQSJ9.e30.x}
# what it was trained on
datasets: [acme/reviews]
---
# A model

Prose that   stays.
"""
OTHERS = "# by hand\n- dataset: {id: acme/reviews, task_id: default}\n  value: 0.5\n"


def written(*results: Result, there: dict[str, str], offered: dict[str, str] | None = None) -> dict[str, str]:
    own = merging.signed_by(signatures.public_key())
    return wanted("acme/topic", results, there, offered or {}, ENDPOINT, own)


@pytest.fixture(autouse=True)
def _no_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.publish.pull_requests._benchmark", lambda result: {})


def test_a_score_is_added_beside_the_authors(home: Path) -> None:
    after = written(result(), there={"README.md": CARD, ".eval_results/others.yaml": OTHERS})
    card = after["README.md"]
    assert "language: no   # Norwegian\nlicense: mit\n" in card
    assert card.endswith(CARD[CARD.index("# what it was") :])
    author, ours = header.read(card, "x")["model-index"][0]["results"]
    assert author == header.read(CARD, "x")["model-index"][0]["results"][0]
    assert [each["value"] for each in ours["metrics"]] == [0.9, 0.85]
    assert ours["metrics"][1] | {"verifyToken": ""} == {
        "type": "f1",
        "value": 0.85,
        "name": "f1_macro",
        "args": {"average": "macro"},
        "verifyToken": "",
    }
    assert ".eval_results/others.yaml" not in after
    (entry,) = yaml.safe_load(after[".eval_results/assay-acme--reviews.yaml"])
    (parsed,) = parse_eval_result_entries([entry])
    assert (parsed.value, parsed.dataset_revision, parsed.date) == (0.9, "b" * 40, "2026-01-02T03:04:05Z")
    loaded = ModelCard(card).data
    assert {each.metric_value for each in loaded.eval_results} == {0.99, 0.98, 0.9, 0.85}


def test_the_same_again_changes_nothing_even_when_it_was_run_again(home: Path) -> None:
    once = written(result(), there={"README.md": CARD})
    later = result(finished=datetime(2027, 1, 1, tzinfo=UTC), run_id="1" * 32)
    assert written(later, there=once) == once
    assert written(later, there={"README.md": CARD}, offered=once) == once


def test_another_score_takes_the_place_of_ones_own(home: Path) -> None:
    once = written(result(), there={"README.md": CARD})
    twice = written(result(0.7), there=once)
    author, ours = header.read(twice["README.md"], "x")["model-index"][0]["results"]
    assert author["metrics"][0]["value"] == 0.99
    assert [each["value"] for each in ours["metrics"]] == [0.7, 0.85]
    (entry,) = yaml.safe_load(twice[".eval_results/assay-acme--reviews.yaml"])
    assert entry["value"] == 0.7


def test_another_installations_score_is_not_ones_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = written(result(), there={"README.md": CARD})
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "elsewhere"))
    both = written(result(0.7), there=theirs)
    values = [
        [metric["value"] for metric in item["metrics"]]
        for item in header.read(both["README.md"], "x")["model-index"][0]["results"]
    ]
    assert values == [[0.99, 0.98], [0.9, 0.85], [0.7, 0.85]]
    kept = yaml.safe_load(both[".eval_results/assay-acme--reviews.yaml"])
    assert [each["value"] for each in kept] == [0.9, 0.7]


def test_results_of_other_datasets_in_the_open_pull_request_stay(home: Path) -> None:
    offered = written(result(dataset="acme/other"), there={"README.md": CARD})
    after = written(result(), there={"README.md": CARD}, offered=offered)
    items = header.read(after["README.md"], "x")["model-index"][0]["results"]
    assert [item["dataset"]["type"] for item in items] == ["acme/reviews", "acme/other", "acme/reviews"]
    assert set(after) == {
        "README.md",
        ".eval_results/assay-acme--other.yaml",
        ".eval_results/assay-acme--reviews.yaml",
    }


def test_another_installations_results_in_the_same_pull_request_stay(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offered = written(result(), there={"README.md": CARD})
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "elsewhere"))
    both = written(result(0.7), there={"README.md": CARD}, offered=offered)
    again = written(result(0.6), there={"README.md": CARD}, offered=both)
    for files, ours in ((both, 0.7), (again, 0.6)):
        items = header.read(files["README.md"], "x")["model-index"][0]["results"]
        assert [item["metrics"][0]["value"] for item in items] == [0.99, 0.9, ours]
        kept = yaml.safe_load(files[".eval_results/assay-acme--reviews.yaml"])
        assert [each["value"] for each in kept] == [0.9, ours]


@pytest.mark.parametrize(
    "card", ["", "# No header\n", "---\nlicense: mit\n---\n", CARD.replace("\n", "\r\n")]
)
def test_cards_of_every_kind_take_results(home: Path, card: str) -> None:
    after = written(result(), there={"README.md": card} if card else {})["README.md"]
    items = header.read(after, "x")["model-index"][0]["results"]
    assert items[-1]["metrics"][0]["value"] == 0.9

    assert after.endswith(card.rpartition("---")[2])


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("---\nmodel-index: none yet\n---\n", "The model-index of the card of 'acme/topic' is no list"),
        ("---\nlicense: [mit\n---\n", "The header of the card of 'acme/topic' is not YAML"),
    ],
)
def test_a_card_that_cannot_be_read_is_left_alone(home: Path, card: str, sentence: str) -> None:
    with pytest.raises(BadEvaluation, match=sentence):
        written(result(), there={"README.md": card})


def test_altered_numbers_are_found_and_unknown_keys_are_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = written(result(), there={"README.md": CARD})
    key = signatures.public_key()

    def verdicts(texts: dict[str, str], model: str | None = "acme/topic") -> list[str]:
        return [each.verdict for each in verify(texts, model, signatures.known_keys())]

    assert verdicts(files) == ["not signed", "not by Assay", "genuine", "genuine", "genuine"]
    changes = [
        ("value: 0.85", "value: 0.95"),
        ("split: test\n      revision", "split: train\n      revision"),
        ("revision: " + "b" * 40, "revision: " + "d" * 40),
    ]
    for old, new in changes:
        assert old in files["README.md"]
        assert "altered" in verdicts({**files, "README.md": files["README.md"].replace(old, new)})
    assert verdicts(files, "acme/another")[2:] == ["altered"] * 3
    path = ".eval_results/assay-acme--reviews.yaml"
    altered = {path: files[path].replace("value: 0.9\n", "value: 0.91\n")}
    (found,) = verify(altered, None, {key: "us"})
    assert (found.verdict, found.why) == ("altered", "The value that was signed is 0.9, not 0.91.")

    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "elsewhere"))
    assert verdicts(files)[2:] == ["unknown key"] * 3
    assert [each.verdict for each in verify(files, "acme/topic", {key: "them"})][2:] == ["genuine"] * 3


def test_the_comment_says_how_to_have_the_scores_again(home: Path) -> None:
    from tasks.configs import parse

    said = text(replace(result(), limit=50), ["Something <to> know."])
    config = said.split("```yaml\n")[1].split("```")[0]
    evaluation = parse(yaml.safe_load(config))
    assert (evaluation.dataset.revision, evaluation.dataset.limit) == ("b" * 40, 50)
    assert evaluation.models[0].revision == "a" * 40
    assert (evaluation.settings.resamples, evaluation.settings.dtype) == (500, "float32")
    assert said.splitlines()[0] == mark(result())
    assert "### acme/reviews, test" in said
    assert "| accuracy | 0.9 | [0.8, 0.96] | 60 |" in said
    assert "> Something &lt;to&gt; know." in said
    assert signatures.public_key() in said
