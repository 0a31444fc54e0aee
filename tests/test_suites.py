"""What a suite is made of: shipped files, what is laid over what, and bad input in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks import suites
from tasks.board.scoreboard import (
    Column,
    Scoreboard,
    as_json,
    markdown,
    mean_ranks,
    mean_scores,
    records,
    rows,
)
from tasks.errors import NotFound, UserError
from tasks.metrics.contract import Score
from tasks.report import RunReport
from tasks.types import task_type

ENTRY = {
    "task": "text-classification",
    "dataset": {"path": "acme/reviews", "split": "test"},
    "columns": {"text": "review", "label": "label"},
}


@pytest.mark.parametrize("path", suites.shipped().values(), ids=lambda path: path.stem)
def test_every_shipped_suite_loads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DEMO", "/demo")
    suite = suites.read(path)
    assert suite.name == path.stem
    found = suites.parts(suite)
    assert len({part.label for part in found}) == len(found) > 1
    for part in found:
        kind = task_type(part.evaluation.task)
        assert set(part.evaluation.columns) <= {column.name for column in kind.columns}
    evaluations, models = suites.outline(path)
    assert evaluations == [part.label for part in found]
    assert models


def test_the_suite_goes_over_configs_and_an_entry_over_the_suite() -> None:
    given = {
        "name": "both",
        "models": ["acme/a", "acme/b"],
        "settings": {"seed": 3, "generation": {"examples": 2}},
        "evaluations": [
            "mmlu",
            {"config": "mmlu", "models": ["acme/c"], "dataset": {"limit": 7}, "settings": {"seed": 4}},
            {**ENTRY, "name": "own"},
        ],
    }
    first, second, third = suites.parts(suites.parse(given))
    assert [part.label for part in (first, second, third)] == ["mmlu 1", "mmlu 2", "own"]
    assert [model.name for model in first.evaluation.models] == ["acme/a", "acme/b"]
    assert [model.name for model in second.evaluation.models] == ["acme/c"]
    assert (first.evaluation.settings.seed, second.evaluation.settings.seed) == (3, 4)
    # What the config says of its prompts stays beside what the suite says of examples.
    generation = first.evaluation.settings.generation
    assert (generation.examples, generation.template) == (2, "{prompt}\n{choices}\nAnswer:")
    assert (second.evaluation.dataset.path, second.evaluation.dataset.limit) == ("cais/mmlu", 7)
    assert first.evaluation.dataset.limit is None
    assert {part.evaluation.settings.experiment for part in (first, second, third)} == {"both"}


def test_config_files_are_found_from_where_the_suite_lies(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "task: text-classification\ndataset: {path: acme/x}\nmodels: [acme/m]\n", encoding="utf-8"
    )
    suite = tmp_path / "suite.yaml"
    suite.write_text("name: s\nevaluations: [mine.yaml]\n", encoding="utf-8")
    (part,) = suites.parts(suites.read(suite))
    assert (part.label, part.evaluation.dataset.path) == ("mine", "acme/x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "A suite is a mapping with the keys name, evaluations, models, settings, not list"),
        ({"name": "s", "evaluation": []}, "no key 'evaluation'; there are: .* Did you mean 'evaluations'"),
        ({"name": "s"}, "The key 'evaluations' is missing"),
        (
            {"name": "s", "evaluations": ["sst3"]},
            "'sst3' of the suite 's': There is no config 'sst3'; .*sst2",
        ),
        ({"name": "s", "evaluations": [{"confg": "sst2"}]}, "Did you mean 'config'"),
        (
            {"name": "s", "evaluations": [{"config": "sst2", "dataset": {"limt": 3}}]},
            r"no key in evaluations.0.dataset 'limt'; .* Did you mean 'limit'",
        ),
        ({"name": "s", "evaluations": [ENTRY]}, "'number 1' of the suite 's': The key 'models' is missing"),
        ({"name": "s", "evaluations": [{**ENTRY, "models": ["a", "a"]}]}, "the model 'a' is named twice"),
    ],
)
def test_what_is_no_suite_is_said_in_one_sentence(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        suites.parts(suites.parse(given))
    assert "\n" not in str(caught.value)


def test_a_suite_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"There is no suite 'dem'; there are: demo, .* Did you mean 'demo'"):
        suites.find("dem")
    with pytest.raises(NotFound, match=r"no suite file 'nowhere/x.yaml'"):
        suites.find("nowhere/x.yaml")


def judged(label: str, values: dict[str, float], key: str = "accuracy", *, up: bool = True) -> Column:
    best = (max if up else min)(values, key=lambda model: values[model])
    return Column(
        label,
        [
            RunReport(
                *(model, "d", "test", "t", f"run-{label}-{model}", 10, 0, 0),
                scores={key: Score(value, value - 0.1, value + 0.1, 10, higher_is_better=up)},
                best=model == best,
            )
            for model, value in values.items()
        ],
    )


def test_ranks_take_the_direction_of_each_score_and_share_places() -> None:
    board = Scoreboard(
        "s",
        [
            judged("one", {"a": 0.9, "b": 0.8, "c": 0.8}),
            judged("two", {"a": 0.3, "b": 0.1, "c": 0.2}, "wer", up=False),
        ],
    )
    assert mean_ranks(board) == {"a": 2.0, "b": 1.75, "c": 2.25}
    assert mean_scores(board) == {}
    head, laid = rows(board)
    assert head == ["model", "one: accuracy ↑", "two: wer ↓", "mean rank"]
    assert [line[0] for line in laid] == ["b", "a", "c"]
    assert laid[1][1] == "★ 0.900 [0.800, 1.000]"
    assert "| b | 0.800 [0.700, 0.900] | ★ 0.100 [0.000, 0.200] | 1.75 |" in markdown(board)
    assert records(board)["model"] == ["a", "b", "c"] * 2


def test_no_rank_is_made_up_where_models_were_not_judged_everywhere() -> None:
    holes = Scoreboard("s", [judged("one", {"a": 0.9, "b": 0.8}), judged("two", {"a": 0.7})])
    assert mean_ranks(holes) == {}
    assert mean_scores(holes) == {}
    failed = Scoreboard("s", [judged("one", {"a": 0.9, "b": 0.8}), Column("two", failure="no such split")])
    assert mean_ranks(failed) == {}
    assert "- two failed: no such split" in markdown(failed)
    assert as_json(failed)["evaluations"][1]["failure"] == "no such split"
    same = Scoreboard("s", [judged("one", {"a": 0.9, "b": 0.8}), judged("two", {"a": 0.7, "b": 0.5})])
    assert mean_scores(same) == pytest.approx({"a": 0.8, "b": 0.65})
