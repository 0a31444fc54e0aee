"""Columns of well-known datasets of media and tables are guessed right, or asked for."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import Audio, ClassLabel, Features, Image, List, Value

from tasks.columns import map_columns
from tasks.types import task_type

TEXT, NUMBER, REAL, LABEL = Value("string"), Value("int64"), Value("float64"), ClassLabel(names=["a", "b"])
BOXES = {"id": List(NUMBER), "area": List(NUMBER), "bbox": List(List(REAL)), "category": List(LABEL)}
KNOWN: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    (
        "superb/superb ks",
        "audio-classification",
        {"file": TEXT, "audio": Audio(), "label": LABEL},
        {"audio": "audio", "label": "label"},
    ),
    (
        "PolyAI/minds14",
        "audio-classification",
        {"path": TEXT, "audio": Audio(), "transcription": TEXT, "intent_class": LABEL, "lang_id": LABEL},
        {"audio": "audio", "label": "intent_class"},
    ),
    (
        "ashraq/esc50",
        "zero-shot-audio-classification",
        {"filename": TEXT, "fold": NUMBER, "target": NUMBER, "category": TEXT, "audio": Audio()},
        {"audio": "audio", "label": "category"},
    ),
    (
        "uoft-cs/cifar10",
        "zero-shot-image-classification",
        {"img": Image(), "label": LABEL},
        {"image": "img", "label": "label"},
    ),
    (
        "detection-datasets/coco",
        "object-detection",
        {"image_id": NUMBER, "image": Image(), "width": NUMBER, "height": NUMBER, "objects": BOXES},
        {"image": "image", "objects": "objects"},
    ),
    (
        "zhoubolei/scene_parse_150",
        "image-segmentation",
        {"image": Image(), "annotation": Image(), "scene_category": LABEL},
        {"image": "image", "map": "annotation"},
    ),
    (
        "segments/sidewalk-semantic",
        "image-segmentation",
        {"pixel_values": Image(), "label": Image()},
        {"image": "pixel_values", "map": "label"},
    ),
    (
        "sayakpaul/nyu_depth_v2",
        "depth-estimation",
        {"image": Image(), "depth_map": Image()},
        {"image": "image", "depth": "depth_map"},
    ),
    (
        "lmms-lab/flickr30k",
        "image-to-text",
        {"image": Image(), "caption": List(TEXT), "sentids": List(TEXT), "img_id": TEXT, "filename": TEXT},
        {"image": "image", "text": "caption"},
    ),
    (
        "lmms-lab/VQAv2",
        "visual-question-answering",
        {
            "question_type": TEXT,
            "multiple_choice_answer": TEXT,
            "answers": List({"answer": TEXT, "answer_confidence": TEXT, "answer_id": NUMBER}),
            "image_id": NUMBER,
            "question": TEXT,
            "image": Image(),
        },
        {"image": "image", "question": "question", "answers": "answers"},
    ),
    (
        "lmms-lab/DocVQA",
        "document-question-answering",
        {"questionId": TEXT, "question": TEXT, "image": Image(), "docId": NUMBER, "answers": List(TEXT)},
        {"image": "image", "question": "question", "answers": "answers"},
    ),
    (
        "lambdalabs/naruto-blip-captions",
        "text-to-image",
        {"image": Image(), "text": TEXT},
        {"prompt": "text", "target": "image"},
    ),
    (
        "fusing/instructpix2pix-1000-samples",
        "image-to-image",
        {"input_image": Image(), "edit_prompt": TEXT, "edited_image": Image()},
        {"image": "input_image", "prompt": "edit_prompt", "target": "edited_image"},
    ),
    (
        "huggan/smithsonian_butterflies_subset",
        "unconditional-image-generation",
        {"image_url": TEXT, "name": TEXT, "image": Image(), "sim_score": REAL},
        {"target": "image"},
    ),
    (
        "scikit-learn/iris",
        "tabular-classification",
        {"Id": NUMBER, "SepalLengthCm": REAL, "PetalWidthCm": REAL, "Species": TEXT},
        {"label": "Species", "features": "Id, SepalLengthCm, PetalWidthCm"},
    ),
    (
        "a table of prices",
        "tabular-regression",
        {"rooms": NUMBER, "town": TEXT, "price": REAL},
        {"target": "price", "features": "rooms, town"},
    ),
]


@pytest.mark.parametrize(("dataset", "kind", "features", "wanted"), KNOWN, ids=[each[0] for each in KNOWN])
def test_columns_are_guessed(
    dataset: str, kind: str, features: dict[str, Any], wanted: dict[str, str]
) -> None:
    mapping = map_columns(task_type(kind), Features(features), {}, dataset)
    assert dict(mapping.columns) == wanted
    assert len(mapping.notes) == len(wanted)
