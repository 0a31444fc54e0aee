"""Labels are matched by name or not at all."""

from __future__ import annotations

import pytest
from datasets import ClassLabel, Value

from tasks.errors import BadLabels, UnknownName
from tasks.types.labels import match, names_in
from tasks.types.tags import match_tags


def test_order_and_case_do_not_matter() -> None:
    found = match(
        ["CONTRADICTION", "Neutral", "entailment"], ["entailment", "neutral", "contradiction"], {}, "m"
    )
    assert found.to_dataset["CONTRADICTION"] == "contradiction"
    assert found.notes == ()


def test_numbered_labels_are_refused_until_named() -> None:
    with pytest.raises(
        BadLabels, match=r"No label of the model 'm' is called no, yes: the model has LABEL_0"
    ):
        match(["LABEL_0", "LABEL_1"], ["no", "yes"], {}, "m")
    found = match(["LABEL_0", "LABEL_1"], ["no", "yes"], {"LABEL_0": "yes", "LABEL_1": "no"}, "m")
    assert found.to_dataset == {"LABEL_0": "yes", "LABEL_1": "no"}


def test_two_labels_for_one_are_refused_unless_the_user_says_so() -> None:
    with pytest.raises(BadLabels, match="Several labels"):
        match(["spam", "SPAM", "ham"], ["Spam", "ham"], {}, "m")
    found = match(
        ["joy", "fear", "anger"], ["good", "bad"], {"joy": "good", "fear": "bad", "anger": "bad"}, "m"
    )
    assert found.to_dataset["anger"] == "bad"


def test_more_labels_than_the_dataset_has_are_noted() -> None:
    found = match(["cat", "dog", "fish"], ["dog", "cat"], {}, "m")
    assert "fish" in found.notes[0]


def test_a_wrong_pair_is_named() -> None:
    with pytest.raises(UnknownName, match="label of the model 'm' 'LABEL_9'"):
        match(["LABEL_0"], ["no"], {"LABEL_9": "no"}, "m")
    with pytest.raises(
        UnknownName, match=r"label in the dataset 'yess'; there are: no, yes. Did you mean 'yes'"
    ):
        match(["LABEL_0", "LABEL_1"], ["no", "yes"], {"LABEL_0": "yess"}, "m")


@pytest.mark.parametrize("values", [[-1, -1], [0, None]])
def test_hidden_labels_stop_the_evaluation(values: list[int | None]) -> None:
    with pytest.raises(BadLabels, match="hidden"):
        names_in(ClassLabel(names=["no", "yes"]), values)


def test_plain_values_are_their_own_names() -> None:
    assert names_in(Value("int64"), [3, 1, 3]) == ["1", "3"]


def test_tags_match_by_entity_type_and_keep_their_place() -> None:
    found = match_tags(["O", "B-Person", "I-Person"], ["O", "B-PERSON", "I-PERSON"], {}, "m")
    assert found.to_dataset == {"O": "O", "B-Person": "B-PERSON", "I-Person": "I-PERSON"}
    with pytest.raises(BadLabels, match="No label of the model 'm' is called PER"):
        match_tags(["O", "B-Person", "I-Person"], ["O", "B-PER", "I-PER"], {}, "m")
    given = match_tags(["O", "B-Person", "I-Person"], ["O", "B-PER", "I-PER"], {"Person": "PER"}, "m")
    assert given.to_dataset["I-Person"] == "I-PER"


def test_numbered_tags_can_be_named_whole() -> None:
    pairs = {"LABEL_0": "O", "LABEL_1": "B-X", "LABEL_2": "I-X"}
    assert match_tags(["LABEL_0", "LABEL_1", "LABEL_2"], ["O", "B-X", "I-X"], pairs, "m").to_dataset == pairs


def test_parts_of_speech_match_whole() -> None:
    assert match_tags(["NOUN", "VERB"], ["VERB", "NOUN"], {}, "m").to_dataset == {
        "NOUN": "NOUN",
        "VERB": "VERB",
    }
