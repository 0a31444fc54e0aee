"""What a user sees of a config that is right, and of one that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks import configs
from tasks.errors import BadEvaluation, UnknownName, UserError
from tasks.spec import Evaluation

RIGHT: dict[str, Any] = {
    "task": "text-classification",
    "dataset": {"path": "a/b"},
    "models": ["c/d", {"name": "e/f", "labels": {"LABEL_0": "no"}}],
    "metrics": ["accuracy", {"name": "f1", "average": "macro"}],
}


def test_short_forms_and_long_ones_are_the_same() -> None:
    evaluation = configs.parse(RIGHT)
    assert [model.name for model in evaluation.models] == ["c/d", "e/f"]
    assert evaluation.metrics[1].arguments == {"average": "macro"}
    assert configs.parse(evaluation.model_dump(mode="json")) == evaluation
    # As `columns:` with nothing after it in a file, or a field of the form that nobody filled in.
    assert configs.parse({**RIGHT, "columns": None, "settings": None}) == evaluation


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            {"task": "text-clasification"},
            UnknownName,
            ["text-clasification", "Did you mean 'text-classification'"],
        ),
        ({"modells": []}, UnknownName, ["'modells'", "there are: task", "Did you mean 'models'"]),
        (
            {"dataset": {"path": "a", "splt": "x"}},
            UnknownName,
            ["in dataset", "'splt'", "Did you mean 'split'"],
        ),
        ({"settings": {"dtype": "fp8"}}, BadEvaluation, ["settings.dtype", "'fp8'", "bfloat16"]),
        ({"models": []}, BadEvaluation, ["models"]),
        ({"models": ["a", "a"]}, BadEvaluation, ["'a' is named twice"]),
        ({"dataset": {}}, BadEvaluation, ["'dataset.path' is missing"]),
        (
            {"settings": {"generation": {"extract": "("}}},
            BadEvaluation,
            ["settings.generation.extract", "no regular expression"],
        ),
        ({"settings": {"level": 2}}, BadEvaluation, ["settings.level", "less than 1"]),
    ],
)
def test_a_wrong_key_or_value_is_one_clear_sentence(
    change: dict[str, Any], kind: type[UserError], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        configs.parse({**RIGHT, **change})
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_file_is_named_in_its_error(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("task: [", encoding="utf-8")
    with pytest.raises(BadEvaluation, match=r"wrong\.yaml is not YAML"):
        configs.read(path)
    path.write_text("task: nothing\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"wrong\.yaml: "):
        configs.read(path)


def test_an_unset_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_PLACE", raising=False)
    path = tmp_path / "a.yaml"
    path.write_text("dataset: {path: '${NO_SUCH_PLACE}/x'}", encoding="utf-8")
    with pytest.raises(BadEvaluation, match="NO_SUCH_PLACE is not set"):
        configs.read(path)


def test_shipped_configs_are_found_by_name() -> None:
    assert configs.find("sst2").name == "sst2.yaml"
    with pytest.raises(UnknownName, match="Did you mean 'sst2'"):
        configs.find("sst3")


def test_the_form_has_typed_fields_in_order() -> None:
    """A form of untyped fields would appear without an error, so the schema itself is looked at."""
    from flows.evaluation import evaluate

    schema = evaluate.parameters.model_dump()
    fields = sorted(schema["properties"], key=lambda name: schema["properties"][name]["position"])
    assert fields == ["task", "dataset", "models", "metrics", "columns", "settings"]
    assert schema["additionalProperties"] is False
    assert set(fields) == set(Evaluation.model_fields)
    assert set(schema["required"]) == {"task", "dataset", "models"}
    assert "image-classification" in schema["properties"]["task"]["enum"]
    assert "Which rows" in schema["definitions"]["Dataset"]["description"]
    for name in ("Dataset", "Model", "Metric", "Settings"):
        assert schema["definitions"][name]["additionalProperties"] is False
        assert all("description" in each for each in schema["definitions"][name]["properties"].values())
