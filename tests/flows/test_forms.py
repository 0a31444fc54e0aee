"""The forms that Prefect's pages show."""

from __future__ import annotations

from flows.evaluation import evaluate


def test_optional_fields_are_plain_and_the_needed_ones_few() -> None:
    made = evaluate.parameters.model_dump()
    assert made["required"] == ["task", "dataset", "models"]
    order = sorted(made["properties"], key=lambda name: made["properties"][name]["position"])
    assert order == ["task", "dataset", "models", "metrics", "columns", "settings"]
    dataset = made["definitions"]["Dataset"]
    assert dataset["required"] == ["path"]
    assert dataset["properties"]["split"]["type"] == "string"
    assert "default" not in dataset["properties"]["split"]
    assert dataset["additionalProperties"] is False
