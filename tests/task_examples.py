"""A small evaluation of each task type, by models of random weights or the demo's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import sklearn.datasets
import sklearn.ensemble
import sklearn.linear_model

from tests.metrics import models
from tests.types import judging, media
from tests.types.test_depth import glpn
from tests.types.test_drawing import PROMPTS, ddpm, stable_diffusion
from tests.types.test_image_text import QUESTIONS, encoder_decoder, vilt
from tests.types.test_image_text import photos as captioned
from tests.types.test_inference_models import INFERENCE, RIGHT, TOPICS
from tests.types.test_multiple_choice import ENDINGS
from tests.types.test_pictures import maps, segformer, yolos
from tests.types.test_pictures import photos as differing
from tests.types.test_question_answering import data as questions
from tests.types.test_sounds import LABELS, spectrogram_transformer
from tests.types.test_tables import flowers, stored
from tests.types.test_zero_shot import photos as labelled
from tests.types.texts import SENTENCES, bert, llama

Given = dict[str, Any]


def of_demo(
    task: str, data: str, model: str, columns: Mapping[str, str], **more: Any
) -> Callable[..., Given]:
    """Return the maker of an evaluation by the demo's models and data."""

    def make(demo: Path, folder: Path) -> Given:
        return {
            "task": task,
            "dataset": {"path": str(demo / "data" / data), "split": "test", "limit": 60},
            "columns": dict(columns),
            "models": [str(demo / "models" / model)],
            **more,
        }

    return make


def _given(task: str, data: str, model: object, **more: Any) -> Given:
    return {"task": task, "dataset": {"path": data}, "models": [str(model)], **more}


def question_answering(demo: Path, folder: Path) -> Given:
    """Spans in contexts longer than a window, some questions without an answer."""
    bert(demo, folder / "model", "BertForQuestionAnswering", seed=3)
    data = questions(folder / "data", unanswerable=True)
    return _given("question-answering", data, folder / "model", settings={"max_tokens": 48, "overlap": 8})


def fill_mask(demo: Path, folder: Path) -> Given:
    """Pseudo-perplexity."""
    bert(demo, folder / "model", "BertForMaskedLM")
    return _given("fill-mask", judging.saved(folder / "data", {"text": SENTENCES}), folder / "model")


def similarity(demo: Path, folder: Path) -> Given:
    """Cosines of pooled vectors."""
    bert(demo, folder / "model", "BertModel")
    columns = {"sentence1": SENTENCES, "sentence2": SENTENCES[::-1], "score": [1.0, 2.0, 5.0, 2.5, 0.0]}
    return _given("sentence-similarity", judging.saved(folder / "data", columns), folder / "model")


def ranking(demo: Path, folder: Path) -> Given:
    """Documents ranked by their vectors."""
    bert(demo, folder / "model", "BertModel")
    columns = {
        "query": ["lost bag", "late train"],
        "documents": [SENTENCES, SENTENCES[::-1]],
        "relevance": [[0, 2, 0, 0, 1], [0, 0, 0, 0, 3]],
    }
    return _given("feature-extraction", judging.saved(folder / "data", columns), folder / "model")


def zero_shot(demo: Path, folder: Path) -> Given:
    """Labels by inference."""
    bert(demo, folder / "model", "BertForSequenceClassification", **INFERENCE)
    data = judging.saved(
        folder / "data", {"text": SENTENCES, "label": RIGHT}, label=datasets.ClassLabel(names=TOPICS)
    )
    return _given("zero-shot-classification", data, folder / "model", metrics=["accuracy", "log_loss"])


def multiple_choice(demo: Path, folder: Path) -> Given:
    """Likelihoods of endings."""
    llama(demo, folder / "model")
    columns = {"ctx": SENTENCES, "endings": ENDINGS, "label": [1, 0, 3, 2, 2]}
    return _given("multiple-choice", judging.saved(folder / "data", columns), folder / "model")


def generation(demo: Path, folder: Path) -> Given:
    """Text that is drawn, each row by its own seed."""
    llama(demo, folder / "model")
    columns = {"prompt": SENTENCES, "answer": SENTENCES}
    written = {"temperature": 1.5, "max_new_tokens": 8}
    return _given(
        "text-generation",
        judging.saved(folder / "data", columns),
        folder / "model",
        settings={"generation": written, "seed": 3},
        metrics=["rouge", "bleu"],
    )


def perplexity(demo: Path, folder: Path) -> Given:
    """Texts that are read."""
    llama(demo, folder / "model")
    return _given("text-generation", judging.saved(folder / "data", {"text": SENTENCES}), folder / "model")


def summaries(demo: Path, folder: Path) -> Given:
    """Summaries by a prompt."""
    llama(demo, folder / "model")
    columns = {"document": SENTENCES, "summary": SENTENCES[::-1]}
    return _given(
        "summarization",
        judging.saved(folder / "data", columns),
        folder / "model",
        settings={"generation": {"max_new_tokens": 6}},
    )


def detection(demo: Path, folder: Path) -> Given:
    """Boxes of the pictures' only patches."""
    shown = differing()
    found = [{"bbox": [[4.0, 4.0, 20.0, 20.0]], "category": [0]} for _ in shown]
    feature = {
        "bbox": datasets.List(datasets.List(datasets.Value("float32"))),
        "category": datasets.List(datasets.ClassLabel(names=["cat", "dog"])),
    }
    data = judging.saved(
        folder / "data",
        {"image": [media.png(each) for each in shown], "objects": found},
        image=datasets.Image(),
        objects=feature,
    )
    return _given("object-detection", data, yolos(folder / "model"))


def segmentation(demo: Path, folder: Path) -> Given:
    """Maps of classes."""
    shown = differing()
    columns = {
        "image": [media.png(each) for each in shown],
        "annotation": [media.png(each) for each in maps(shown)],
    }
    data = judging.saved(folder / "data", columns, image=datasets.Image(), annotation=datasets.Image())
    return _given("image-segmentation", data, segformer(folder / "model"))


def depth(demo: Path, folder: Path) -> Given:
    """Depth of every pixel."""
    shown = media.pictures(3, width=64, height=64)
    generator = np.random.default_rng(0)
    right = [generator.integers(0, 12_000, each.shape[:2]).astype(np.uint16) for each in shown]
    columns = {"image": [media.png(each) for each in shown], "depth_map": [media.png(each) for each in right]}
    data = judging.saved(folder / "data", columns, image=datasets.Image(), depth_map=datasets.Image())
    metrics = [{"name": "depth_errors", "unit": 1000, "most": 10}]
    return _given("depth-estimation", data, glpn(folder / "model"), metrics=metrics)


def captions(demo: Path, folder: Path) -> Given:
    """Captions."""
    encoder_decoder(folder / "model")
    data, _ = captioned(folder / "data", caption=[["the cat"], ["on a mat"], ["cat"], ["a b c"]])
    return _given(
        "image-to-text",
        data,
        folder / "model",
        metrics=["rouge"],
        settings={"generation": {"max_new_tokens": 8}},
    )


def visual_questions(demo: Path, folder: Path) -> Given:
    """Answers chosen by a look at a picture."""
    vilt(folder / "model")
    answers = [[{"answer": "cat", "answer_id": number} for number in range(4)] for _ in QUESTIONS]
    data, _ = captioned(folder / "data", question=QUESTIONS, answers=answers)
    return _given("visual-question-answering", data, folder / "model")


def zero_shot_pictures(demo: Path, folder: Path) -> Given:
    """Labels nearest to a picture."""
    data, _ = labelled(folder / "data")
    return _given("zero-shot-image-classification", data, models.clip(folder / "model"))


def pictures_of_text(demo: Path, folder: Path) -> Given:
    """Pictures drawn from prompts, each row by its own seed."""
    right = [media.png(each) for each in media.pictures(3, width=16, height=16)]
    data = judging.saved(folder / "data", {"text": PROMPTS, "image": right}, image=datasets.Image())
    drawn = {"steps": 2, "width": 16, "height": 16}
    return _given(
        "text-to-image",
        data,
        stable_diffusion(folder / "model"),
        metrics=["ssim", "psnr"],
        settings={"seed": 5, "diffusion": drawn},
    )


def pictures_of_nothing(demo: Path, folder: Path) -> Given:
    """Pictures drawn from noise."""
    real = [media.png(each) for each in media.pictures(4, width=16, height=16)]
    data = judging.saved(folder / "data", {"img": real}, img=datasets.Image())
    metrics = [{"name": "frechet_distance", "encoder": models.vit(folder / "vit")}]
    return _given(
        "unconditional-image-generation",
        data,
        ddpm(folder / "model"),
        metrics=metrics,
        settings={"diffusion": {"steps": 2}, "resamples": 10},
    )


def sounds(demo: Path, folder: Path) -> Given:
    """Kinds of noise."""
    heard = [media.wave(each) for each in media.noises(8000, 12000, 20000, 12000)]
    data = judging.saved(
        folder / "data",
        {"audio": heard, "label": [0, 1, 2, 1]},
        audio=datasets.Audio(decode=False),
        label=datasets.ClassLabel(names=LABELS[::-1]),
    )
    return _given("audio-classification", data, spectrogram_transformer(folder / "model"))


def table_rows(demo: Path, folder: Path) -> Given:
    """Kinds of flowers."""
    data, table, species = flowers(folder / "data")
    fitted = sklearn.linear_model.LogisticRegression(max_iter=1000).fit(table[::3], species[::3])
    return _given(
        "tabular-classification", data, stored(folder / "model", fitted), metrics=["accuracy", "log_loss"]
    )


def table_numbers(demo: Path, folder: Path) -> Given:
    """Numbers."""
    diabetes = sklearn.datasets.load_diabetes(as_frame=True)
    fitted = sklearn.linear_model.Ridge().fit(diabetes.data[::2], diabetes.target[::2])
    columns = {name: diabetes.frame[name].tolist() for name in diabetes.frame}
    return _given(
        "tabular-regression", judging.saved(folder / "data", columns), stored(folder / "model", fitted)
    )


def predicted_elsewhere(demo: Path, folder: Path) -> Given:
    """Predictions of a file, in a model's place."""
    columns = {"text": SENTENCES, "label": RIGHT}
    data = judging.saved(folder / "data", columns, label=datasets.ClassLabel(names=TOPICS))
    file = folder / "predictions.csv"
    file.write_text("prediction\n" + "\n".join(RIGHT[::-1]) + "\n", encoding="utf-8")
    return {
        "task": "text-classification",
        "dataset": {"path": data},
        "models": [{"predictions": str(file)}],
        "metrics": ["accuracy"],
    }


EXAMPLES: Mapping[str, Callable[[Path, Path], Given]] = {
    "image-classification": of_demo(
        "image-classification", "digits", "digits-vit-nano", {"image": "image", "label": "label"}
    ),
    "text-classification": of_demo(
        "text-classification",
        "messages",
        "messages-topic-small",
        {"text": "text", "label": "topic"},
        metrics=["accuracy", "log_loss"],
    ),
    "text-classification, predicted elsewhere": predicted_elsewhere,
    "token-classification": of_demo(
        "token-classification", "messages", "messages-tagger-small", {"tokens": "tokens", "tags": "tags"}
    ),
    "question-answering": question_answering,
    "fill-mask": fill_mask,
    "sentence-similarity": similarity,
    "feature-extraction": ranking,
    "zero-shot-classification": zero_shot,
    "multiple-choice": multiple_choice,
    "text-generation": generation,
    "text-generation, read": perplexity,
    "summarization": summaries,
    "object-detection": detection,
    "image-segmentation": segmentation,
    "depth-estimation": depth,
    "image-to-text": captions,
    "visual-question-answering": visual_questions,
    "zero-shot-image-classification": zero_shot_pictures,
    "text-to-image": pictures_of_text,
    "unconditional-image-generation": pictures_of_nothing,
    "audio-classification": sounds,
    "tabular-classification": table_rows,
    "tabular-regression": table_numbers,
}
"""By name, which is the task type's and what else there is to say."""
