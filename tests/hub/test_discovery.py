"""Models for a dataset, datasets for a model, what is claimed of both, and a dataset's own block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.hub import reviews
from tests.hub.processes import assay, environment
from tests.hub.server import READER, WRITER, Hub, Repository, running

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def hub(demo: Path) -> Iterator[Hub]:
    """A Hub whose model claims 99.1 % on the dataset."""
    made = reviews.made(demo)
    other = f"{reviews.OTHERS}- dataset: {{id: acme/reviews, task_id: topics}}\n  value: 0.4\n"
    ranked = made.add(Repository("models", "ranked/only", downloads=1))
    ranked.commit({"README.md": b"# x", ".eval_results/reviews.yaml": other.encode()})
    with running(made):
        yield made


def test_models_and_datasets_are_found_and_claims_are_held_against_ours(hub: Hub, tmp_path: Path) -> None:
    given = environment(hub, tmp_path, HF_TOKEN=READER)
    found = assay(given, "models", "--dataset", "acme/reviews", "--json")
    assert found.returncode == 0, found.stderr
    listed = json.loads(found.stdout)
    assert (listed["task"], listed["split"]) == ("text-classification", "validation")
    assert [each["name"] for each in listed["models"]] == [
        "popular/classifier",
        "acme/topic",
        "quiet/classifier",
        "ranked/only",
    ]
    assert listed["models"][0]["why"] == ["declares the dataset", "same task type"]

    alone = assay(given, "run", "--dataset", "acme/reviews")
    assert alone.returncode == 2
    assert "Taken from the card (train-eval-index) of 'acme/reviews'" in alone.stderr
    assert (
        "Name a model with --model, or let --best 3 take those that declare 'acme/reviews': "
        "popular/classifier, acme/topic, ranked/only; `assay models --dataset acme/reviews` shows more."
    ) in alone.stderr

    unmeasured = assay(given, "reported", "--dataset", "acme/reviews", "--json")
    assert unmeasured.returncode == 0, unmeasured.stderr
    assert {each["verdict"] for each in json.loads(unmeasured.stdout)["claims"]} == {"cannot tell"}

    run = assay(given, "run", "--dataset", "acme/reviews", "--model", "acme/topic", "--json")
    assert run.returncode == 0, run.stderr
    again = assay(given, "models", "--dataset", "acme/reviews", "--json")
    assert "acme/topic" not in [each["name"] for each in json.loads(again.stdout)["models"]]
    assert "Left out, because evaluated already: acme/topic." in again.stderr
    more = assay(given, "models", "--dataset", "acme/reviews", "--metric", "roc_auc", "--json")
    assert "acme/topic" in [each["name"] for each in json.loads(more.stdout)["models"]]

    said = assay(given, "reported", "--dataset", "acme/reviews", "--json")
    assert said.returncode == 0, said.stderr
    claims = [each for each in json.loads(said.stdout)["claims"] if each["claim"]["model"] == "acme/topic"]
    verdicts = {each["claim"]["metric"]: (each["verdict"], each["claimed"]) for each in claims}
    assert verdicts["accuracy"] == ("cannot tell", 0.991)
    assert verdicts["loss"][0] == "cannot tell"
    accuracy = next(each for each in claims if each["claim"]["metric"] == "accuracy")
    assert accuracy["difference"] == pytest.approx(accuracy["value"] - 0.991)
    assert "The claim names no split." in accuracy["why"]
    (reported,) = [each for each in claims if not each["claim"]["metric"]]
    assert (reported["claim"]["split"], reported["score"]) == ("validation", "accuracy")

    fitting = assay(given, "datasets", "--model", "popular/classifier", "--json")
    assert fitting.returncode == 0, fitting.stderr
    (dataset,) = json.loads(fitting.stdout)["datasets"]
    assert dataset["name"] == "acme/reviews"
    assert dataset["why"] == ["the model declares it", "for text-classification"]

    offline = assay({**given, "HF_HUB_OFFLINE": "1"}, "reported", "--dataset", "acme/reviews")
    assert offline.returncode == 0, offline.stderr
    assert "HF_HUB_OFFLINE says not to ask it" in offline.stderr
    assert "acme/topic" in offline.stdout


def test_the_best_known_models_are_evaluated_without_being_named(hub: Hub, tmp_path: Path) -> None:
    given = environment(hub, tmp_path, HF_TOKEN=READER)
    plain = hub.repositories["models", "popular/classifier"]
    files, trained = plain.files, hub.repositories["models", "acme/topic"].files
    plain.commit({**trained, "README.md": files["README.md"]})
    try:
        done = assay(given, "run", "--dataset", "acme/reviews", "--best", "2", "--limit", "20", "--json")
    finally:
        plain.commit(files)
    assert done.returncode == 0, done.stderr
    assert "Models that declare 'acme/reviews': popular/classifier, acme/topic." in done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [each["model"] for each in runs] == ["popular/classifier", "acme/topic"]
    assert len({str(each["scores"]) for each in runs}) == 1


def test_what_cannot_be_chosen_is_said_before_anything_runs(hub: Hub, tmp_path: Path) -> None:
    given = environment(hub, tmp_path, HF_TOKEN=READER)
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\ngood,yes\n", encoding="utf-8")
    flags = ("--task", "text-classification", "--dataset", str(rows))
    for arguments, sentence in (
        ((*flags, "--best", "2"), "is not on it: name models with --model."),
        (flags, "Name a model with --model: a Hub id, a folder or an endpoint."),
        (
            ("--dataset", "acme/secret", "--task", "summarization", "--best", "1"),
            "`assay models --dataset acme/secret --task summarization` finds those of the task type.",
        ),
        (
            ("--dataset", "acme/reviews", "--model", "a/b", "--best", "1"),
            "--best chooses the models: leave out --model and --predictions, or --best.",
        ),
    ):
        refused = assay(given, "run", *arguments)
        assert refused.returncode == 2, refused.stderr
        assert sentence in refused.stderr
    offline = assay(
        {**given, "HF_HUB_OFFLINE": "1"}, "run", "--task", "summarization", "--dataset", "a/b", "--best", "1"
    )
    assert offline.returncode == 2
    assert "Finding models needs the Hub, and HF_HUB_OFFLINE says not to ask it." in offline.stderr


def test_a_dataset_is_offered_the_block_that_says_how_it_is_evaluated(hub: Hub, tmp_path: Path) -> None:
    given = environment(hub, tmp_path, HF_TOKEN=WRITER)
    repository = hub.repositories["datasets", "acme/reviews"]
    plain = hub.add(Repository("datasets", "acme/plain"))
    plain.commit({**repository.files, "README.md": b"---\nlicense: mit\n---\n# Plain\n"})
    arguments = ("card", "acme/plain", "--task", "text-classification")
    printed = assay(given, *arguments)
    assert printed.returncode == 0, printed.stderr
    (entry,) = yaml.safe_load(printed.stdout)["train-eval-index"]
    assert entry["col_mapping"] == {"text": "text", "topic": "target"}
    assert entry["splits"] == {"eval_split": "validation"}
    first = assay(given, *arguments, "--pull-request")
    assert first.stdout.startswith(f"Opened {hub.address}/datasets/acme/plain/discussions/1"), first.stderr
    second = assay(given, *arguments, "--pull-request")
    assert "says so already" in second.stdout, second.stderr
    assert [each.number for each in plain.discussions] == [1]
    card = plain.commits[plain.names["refs/pr/1"]]["README.md"].decode()
    assert card.startswith("---\nlicense: mit\ntrain-eval-index:\n")
    assert card.endswith("---\n# Plain\n")
