"""The datasets that shipped configs name: their features, as cards on the Hub state them, with two rows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
from datasets import Audio, ClassLabel, Dataset, Features, Image, List, Translation, Value
from PIL import Image as Pictures

TEXT, INTEGER, FRACTION = Value("string"), Value("int64"), Value("float64")
TEXTS, NUMBERS = List(TEXT), List(INTEGER)
ENTITIES = List(ClassLabel(names=["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]))
ANSWERS = {"text": TEXTS, "answer_start": List(Value("int32"))}
PAIR = ClassLabel(names=["first", "second"])


def picture(mode: str = "RGB") -> dict[str, Any]:
    """Return a small picture as datasets store it."""
    buffer = io.BytesIO()
    Pictures.new(mode, (16, 12)).save(buffer, format="TIFF" if mode == "F" else "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def recording() -> dict[str, Any]:
    """Return a tenth of a second of silence as datasets store it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(1600, dtype=np.float32), 16000, format="WAV")
    return {"bytes": buffer.getvalue(), "path": None}


KNOWN: dict[str, dict[str, Any]] = {
    "zhoubolei/scene_parse_150": {"image": Image(), "annotation": Image(mode="L"), "scene_category": PAIR},
    "allenai/ai2_arc": {
        "id": TEXT,
        "question": TEXT,
        "choices": {"text": TEXTS, "label": TEXTS},
        "answerKey": TEXT,
    },
    "lmms-lab/flickr30k": {
        "image": Image(),
        "caption": TEXTS,
        "sentids": TEXTS,
        "img_id": TEXT,
        "filename": TEXT,
    },
    "sasha/dog-food": {"image": Image(), "label": PAIR},
    "uoft-cs/cifar10": {"img": Image(), "label": PAIR},
    "detection-datasets/coco": {
        "image_id": INTEGER,
        "image": Image(),
        "width": INTEGER,
        "height": INTEGER,
        "objects": {
            "bbox_id": NUMBERS,
            "category": List(PAIR),
            "bbox": List(List(FRACTION)),
            "area": List(FRACTION),
        },
    },
    "lmms-lab/DocVQA": {
        "questionId": TEXT,
        "question": TEXT,
        "question_types": TEXTS,
        "image": Image(),
        "docId": INTEGER,
        "ucsf_document_id": TEXT,
        "ucsf_document_page_no": TEXT,
        "answers": TEXTS,
        "data_split": TEXT,
    },
    "dair-ai/emotion": {"text": TEXT, "label": PAIR},
    "rajpurkar/squad": {"id": TEXT, "title": TEXT, "context": TEXT, "question": TEXT, "answers": ANSWERS},
    "rajpurkar/squad_v2": {"id": TEXT, "title": TEXT, "context": TEXT, "question": TEXT, "answers": ANSWERS},
    "ethz/food101": {"image": Image(), "label": PAIR},
    "google-research-datasets/go_emotions": {"text": TEXT, "labels": List(PAIR), "id": TEXT},
    "abisee/cnn_dailymail": {"article": TEXT, "highlights": TEXT, "id": TEXT},
    "openai/gsm8k": {"question": TEXT, "answer": TEXT},
    "Rowan/hellaswag": {
        "ind": Value("int32"),
        "activity_label": TEXT,
        "ctx_a": TEXT,
        "ctx_b": TEXT,
        "ctx": TEXT,
        "endings": TEXTS,
        "source_id": TEXT,
        "split": TEXT,
        "split_type": TEXT,
        "label": TEXT,
    },
    "superb/superb": {"file": TEXT, "audio": Audio(sampling_rate=16000), "label": PAIR},
    "facebook/lama": {
        "uuid": TEXT,
        "obj_uri": TEXT,
        "obj_label": TEXT,
        "sub_uri": TEXT,
        "sub_label": TEXT,
        "predicate_id": TEXT,
        "sub_surface": TEXT,
        "obj_surface": TEXT,
        "masked_sentence": TEXT,
        "template": TEXT,
        "template_negated": TEXT,
        "label": TEXT,
        "description": TEXT,
        "type": TEXT,
    },
    "openslr/librispeech_asr": {
        "file": TEXT,
        "audio": Audio(sampling_rate=16000),
        "text": TEXT,
        "speaker_id": INTEGER,
        "chapter_id": INTEGER,
        "id": TEXT,
    },
    "cais/mmlu": {
        "question": TEXT,
        "subject": TEXT,
        "choices": TEXTS,
        "answer": ClassLabel(names=["A", "B", "C", "D"]),
    },
    "nyu-mll/glue mnli": {"premise": TEXT, "hypothesis": TEXT, "label": PAIR, "idx": Value("int32")},
    "nyu-mll/glue stsb": {
        "sentence1": TEXT,
        "sentence2": TEXT,
        "label": Value("float32"),
        "idx": Value("int32"),
    },
    "Helsinki-NLP/opus-100": {"translation": Translation(languages=["de", "en"])},
    "sayakpaul/nyu_depth_v2": {"image": Image(), "depth_map": Image(mode="F")},
    "fusing/instructpix2pix-1000-samples": {
        "input_image": Image(),
        "edit_prompt": TEXT,
        "edited_image": Image(),
    },
    "mteb/askubuntudupquestions-reranking": {"query": TEXT, "positive": TEXTS, "negative": TEXTS},
    "knkarthick/samsum": {"id": TEXT, "dialogue": TEXT, "summary": TEXT},
    "sentence-transformers/stsb": {"sentence1": TEXT, "sentence2": TEXT, "score": FRACTION},
    "stanfordnlp/sst2": {"idx": Value("int32"), "sentence": TEXT, "label": PAIR},
    "lambdalabs/naruto-blip-captions": {"image": Image(), "text": TEXT},
    "lmms-lab/VQAv2": {
        "question_type": TEXT,
        "multiple_choice_answer": TEXT,
        "answers": List({"answer": TEXT, "answer_confidence": TEXT, "answer_id": INTEGER}),
        "image_id": INTEGER,
        "answer_type": TEXT,
        "question_id": INTEGER,
        "question": TEXT,
        "image": Image(),
    },
    "unimelb-nlp/wikiann": {"tokens": TEXTS, "ner_tags": ENTITIES, "langs": TEXTS, "spans": TEXTS},
    "eriktks/conll2003": {
        "id": TEXT,
        "tokens": TEXTS,
        "pos_tags": ENTITIES,
        "chunk_tags": ENTITIES,
        "ner_tags": ENTITIES,
    },
    "masakhane/masakhaner2": {"id": TEXT, "tokens": TEXTS, "ner_tags": ENTITIES},
    "Salesforce/wikitext": {"text": TEXT},
    "julien-c/wine-quality": {
        "fixed acidity": FRACTION,
        "volatile acidity": FRACTION,
        "citric acid": FRACTION,
        "residual sugar": FRACTION,
        "chlorides": FRACTION,
        "free sulfur dioxide": FRACTION,
        "total sulfur dioxide": FRACTION,
        "density": FRACTION,
        "pH": FRACTION,
        "sulphates": FRACTION,
        "alcohol": FRACTION,
        "quality": INTEGER,
    },
    "fancyzhx/ag_news": {
        "text": TEXT,
        "label": ClassLabel(names=["World", "Sports", "Business", "Sci/Tech"]),
    },
    "timm/oxford-iiit-pet": {"image": Image(), "label": PAIR, "image_id": TEXT, "label_cat_dog": PAIR},
    "ashraq/esc50": {
        "filename": TEXT,
        "fold": INTEGER,
        "target": INTEGER,
        "category": TEXT,
        "esc10": Value("bool"),
        "src_file": INTEGER,
        "take": TEXT,
        "audio": Audio(),
    },
}
"""By the dataset's path, and its configuration where that decides its columns."""

SAID: dict[str, Any] = {
    "answerKey": "B",
    "masked_sentence": "Paris is in [MASK] .",
    "choices": {"text": ["one", "two"], "label": ["A", "B"]},
    "label": "1",
    "bbox": [[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 1.0, 1.0]],
    "question": "which is it?",
}
"""Values of columns that mean something to a task type."""


def value(name: str, feature: Any) -> Any:
    """Return a value that a column of a name and a feature may hold."""
    if isinstance(feature, Image):
        return picture(feature.mode or "RGB")
    if isinstance(feature, Audio):
        return recording()
    if isinstance(feature, ClassLabel):
        return 1
    if isinstance(feature, Translation):
        return {language: f"text in {language}" for language in feature.languages}
    if isinstance(feature, List):
        if name == "bbox":
            return SAID[name]
        return [value(name, feature.feature), value(name, feature.feature)]
    if isinstance(feature, dict):
        whole = SAID.get(name)
        return whole or {inner: value(inner, each) for inner, each in feature.items()}
    if feature.dtype.startswith("float"):
        return 1.5
    if feature.dtype == "bool":
        return True
    if feature.dtype.startswith("int"):
        return 3
    return SAID[name] if isinstance(SAID.get(name), str) else f"a text of {name}"


def rows(path: str, config: str | None) -> Dataset:
    """Return two rows of a dataset."""
    features = KNOWN.get(f"{path} {config}") or KNOWN[path]
    columns = {name: [value(name, each), value(name, each)] for name, each in features.items()}
    sounds = [name for name, each in features.items() if isinstance(each, Audio)]
    # Encoded bytes become sounds by a cast: made as sounds, they would be encoded once more.
    stored = {"bytes": Value("binary"), "path": TEXT}
    made = Dataset.from_dict(columns, Features({**features, **dict.fromkeys(sounds, stored)}))
    for name in sounds:
        made = made.cast_column(name, features[name])
    return made
