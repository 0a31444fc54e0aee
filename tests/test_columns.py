"""Column mapping: right guesses, said aloud; wrong mappings refused with what there is."""

from __future__ import annotations

import pytest
from datasets import Audio, ClassLabel, Dataset, Features, Image, List, Translation, Value

from tasks.columns import map_columns
from tasks.errors import BadEvaluation, UnknownName
from tasks.types import task_type

TEXT, NUMBER, LABEL = Value("string"), Value("int64"), ClassLabel(names=["a", "b"])
TAGS = List(ClassLabel(names=["O", "B-X"]))
KNOWN = [
    (
        "text-classification",
        {"sentence": TEXT, "label": LABEL, "idx": NUMBER},
        {"text": "sentence", "label": "label"},
    ),
    (
        "text-classification",
        {"premise": TEXT, "hypothesis": TEXT, "label": LABEL, "idx": NUMBER},
        {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    ),
    ("text-classification", {"text": TEXT, "emotion": LABEL}, {"text": "text", "label": "emotion"}),
    (
        "text-classification",
        {"id": NUMBER, "utterance": TEXT, "intent": TEXT},
        {"text": "utterance", "label": "intent"},
    ),
    (
        "token-classification",
        {"id": TEXT, "tokens": List(TEXT), "ner_tags": TAGS, "pos_tags": TAGS},
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    ("token-classification", {"words": List(TEXT), "upos": TAGS}, {"tokens": "words", "tags": "upos"}),
    (
        "image-classification",
        {"img": Image(), "fine": NUMBER, "label": LABEL},
        {"image": "img", "label": "label"},
    ),
    ("image-classification", {"photo": Image(), "breed": LABEL}, {"image": "photo", "label": "breed"}),
    (
        "automatic-speech-recognition",
        {"file": TEXT, "audio": Audio(), "text": TEXT, "id": TEXT},
        {"audio": "audio", "text": "text"},
    ),
    (
        "automatic-speech-recognition",
        {"path": TEXT, "audio": Audio(), "sentence": TEXT, "age": TEXT},
        {"audio": "audio", "text": "sentence"},
    ),
]


@pytest.mark.parametrize(("kind", "features", "wanted"), KNOWN)
def test_columns_of_known_datasets_are_guessed_and_said(
    kind: str, features: dict[str, object], wanted: dict[str, str]
) -> None:
    mapping = map_columns(task_type(kind), Features(features), {}, "d")
    assert mapping.columns == wanted
    assert len(mapping.notes) == len(wanted)


def test_a_given_column_is_not_guessed_over() -> None:
    features = Features({"text": TEXT, "summary": TEXT, "label": LABEL})
    mapping = map_columns(task_type("text-classification"), features, {"text": "summary"}, "d")
    assert mapping.columns == {"text": "summary", "label": "label"}
    assert mapping.notes == ("No column was given for label: 'label' was taken.",)


def test_a_doubtful_column_is_asked_for() -> None:
    features = Features({"left": TEXT, "right": TEXT, "label": LABEL})
    with pytest.raises(BadEvaluation, match=r"Which column of 'd' is text .* it can be: left, right"):
        map_columns(task_type("text-classification"), features, {}, "d")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"text": "sentense"},
            "There is no column in 'd' 'sentense'; there are: sentence, label. Did you mean",
        ),
        ({"txt": "sentence"}, "There is no column of text-classification 'txt'; there are: text, text_pair"),
    ],
)
def test_an_unknown_column_lists_those_there_are(given: dict[str, str], words: str) -> None:
    with pytest.raises(UnknownName) as caught:
        map_columns(
            task_type("text-classification"), Features({"sentence": TEXT, "label": LABEL}), given, "d"
        )
    assert words in str(caught.value)


def test_a_text_column_is_no_image() -> None:
    features = Features({"caption": TEXT, "label": LABEL})
    with pytest.raises(
        BadEvaluation, match=r"'caption' holds text, and image of image-classification takes image"
    ):
        map_columns(task_type("image-classification"), features, {"image": "caption"}, "d")
    with pytest.raises(BadEvaluation, match="No column of 'd' can be image"):
        map_columns(task_type("image-classification"), features, {}, "d")


ANSWERS = {"text": List(TEXT), "answer_start": List(Value("int32"))}


@pytest.mark.parametrize(
    "answers", [ANSWERS, List({"text": TEXT, "answer_start": Value("int32")})], ids=["struct", "list"]
)
def test_a_dotted_name_reads_a_field_of_a_struct_or_of_a_list_of_structs(answers: object) -> None:
    features = Features({"id": TEXT, "context": TEXT, "question": TEXT, "answers": answers})
    kind = task_type("question-answering")
    guessed = map_columns(kind, features, {}, "d")
    assert guessed.columns == {"question": "question", "context": "context", "answers": "answers.text"}
    assert map_columns(kind, features, {"answers": "answers.text"}, "d").columns == guessed.columns
    with pytest.raises(UnknownName, match=r"'answers.texts'.* Did you mean 'answers.text'"):
        map_columns(kind, features, {"answers": "answers.texts"}, "d")


def test_fields_are_read_the_same_from_a_struct_of_lists_and_a_list_of_structs() -> None:
    from tasks.types.nesting import read

    one = Dataset.from_list(
        [{"a": {"text": ["x", "y"], "start": [1, 2]}}, {"a": {"text": [], "start": []}}],
        features=Features({"a": {"text": List(TEXT), "start": List(NUMBER)}}),
    )
    other = Dataset.from_list(
        [{"a": [{"text": "x", "start": 1}, {"text": "y", "start": 2}]}, {"a": []}],
        features=Features({"a": List({"text": TEXT, "start": NUMBER})}),
    )
    assert read(one, "a.text") == read(other, "a.text") == [["x", "y"], []]
    assert read(other, "a.start", [1, 0]) == [[], [1, 2]]


def test_translations_are_read_by_language_and_their_direction_is_asked_for() -> None:
    features = Features({"translation": Translation(languages=("de", "en"))})
    given = {"source": "translation.en", "target": "translation.de"}
    assert map_columns(task_type("translation"), features, given, "d").columns == given
    with pytest.raises(BadEvaluation, match=r"it can be: translation\.de, translation\.en"):
        map_columns(task_type("translation"), features, {}, "d")
