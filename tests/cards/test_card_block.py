"""The block of a card that is written is the one that is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import configs
from tasks.cards import block, header
from tasks.cards.declarations import choose, declarations
from tasks.errors import BadEvaluation
from tasks.metrics.arguments import translated

CARD = "---\nlicense: mit # as the source\n---\n# Data\n"


@pytest.mark.parametrize("path", configs.shipped().values(), ids=lambda path: path.stem)
def test_what_is_written_for_every_shipped_config_says_the_same_when_read(path: Path) -> None:
    evaluation = configs.read(path)
    made = block.entry(evaluation, evaluation.columns, evaluation.dataset.split or "test")
    card = block.card_with(CARD, made, "acme/data")
    assert card.startswith("---\nlicense: mit # as the source\n")
    assert card.endswith("\n---\n# Data\n")
    found = choose(declarations(card, "", "acme/data"), "acme/data")
    assert found.notes == ()
    assert found.task == evaluation.task
    assert dict(found.columns) == evaluation.columns
    assert found.given().get("dataset", {}).get("config") == evaluation.dataset.config
    assert found.split == (evaluation.dataset.split or "test").split("[")[0]
    assert [(name, dict(arguments)) for name, arguments in found.metrics] == [
        (each.name, translated(each.name, each.arguments)) for each in evaluation.metrics
    ]


def test_an_entry_takes_the_place_of_its_like_and_of_no_other() -> None:
    evaluation = configs.read(configs.shipped()["emotion"])
    first = block.entry(evaluation, evaluation.columns, "test")
    card = block.card_with(CARD, first, "x")
    assert block.card_with(card, first, "x") == card
    second = {**first, "config": "unsplit"}
    both = block.card_with(card, second, "x")
    changed = block.card_with(both, {**first, "splits": {"eval_split": "validation"}}, "x")
    entries = header.read(changed, "x")[block.KEY]
    assert [(each["config"], each["splits"]["eval_split"]) for each in entries] == [
        ("unsplit", "test"),
        ("split", "validation"),
    ]


def test_a_block_of_another_form_is_left_alone() -> None:
    with pytest.raises(BadEvaluation, match="is no list; mend it first"):
        block.card_with("---\ntrain-eval-index: none\n---\n", {"config": "x", "task": "y"}, "x")
