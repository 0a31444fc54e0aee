"""The inference engine beside transformers' pipelines and `generate`, on real models and real data.

Each side runs once over all rows, after a first run over some of them; predictions are compared row by row.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks import material
from benchmarks.engine import opened, predicted
from benchmarks.measurement import Result, clocked, result, timed
from tasks.inference.efficiency import matmul_peak, width_of

SIZES = (1, 8, 32)
TRIAL = 160
PROMPTS, NEW, LONGEST_PROMPT, ONE_BY_ONE = 500, 64, 80, 50


def _rows(name: str) -> Any:
    import datasets

    return datasets.load_from_disk(str(material.made(name)))


def _best_size(piped: Callable[..., Any]) -> int:
    """Return the pipeline's best batch size on the first rows."""
    trial = {size: timed(partial(piped, size, TRIAL)) for size in SIZES}
    return min(trial, key=lambda size: trial[size])


def _alike(ours: Sequence[Any], theirs: Sequence[Any]) -> str:
    equal = sum(one == other for one, other in zip(ours, theirs, strict=True))
    return f"{equal} of {len(ours)} predictions equal"


def _of(predictions: Sequence[dict[str, Any]], field: str) -> list[Any]:
    return [prediction[field] for prediction in predictions]


def text_float32() -> Result:
    """2,000 texts of mixed length through MiniLM: the engine, or the best of the pipeline's batch sizes."""
    from transformers import pipeline

    texts = list(_rows("texts")["text"])
    rows = [{"text": text} for text in texts]
    place = str(material.made("minilm"))
    predictor = opened("text-classification", place)
    theirs = pipeline("text-classification", model=place, device="cpu")

    def piped(size: int, count: int = len(texts)) -> list[str]:
        return [found["label"] for found in theirs(texts[:count], truncation=True, batch_size=size)]

    best = _best_size(piped)
    predicted("text-classification", predictor, rows[:TRIAL])
    theirs_s, labels = clocked(partial(piped, best))
    ours_s, (found, tally) = clocked(partial(predicted, "text-classification", predictor, rows))
    peak = matmul_peak("cpu", "float32", width_of(predictor.network))
    share = tally.operations * tally.cost / tally.seconds / peak
    return result(
        "engine_text_float32",
        ours_s,
        theirs_s,
        f"{len(texts)} texts of {tally.cost / len(texts):.0f} tokens on average, MiniLM (6 layers), CPU; the "
        f"pipeline at its best batch size of {SIZES}, {best}; {_alike(_of(found, 'label'), labels)}; "
        f"{share:.0%} of the machine's matrix product at the model's width ({peak / 1e9:.0f} GFLOP/s), real "
        f"tokens only; padding {tally.padding_waste:.1%}",
    )


def text_bfloat16() -> Result:
    """The same in bfloat16, beside the engine in float32, with the change in accuracy."""
    posts = _rows("texts")
    rows = [{"text": text} for text in posts["text"]]
    names = posts.features["label"].names
    right, seconds, shares = [], [], []
    for dtype in ("float32", "bfloat16"):
        predictor = opened("text-classification", str(material.made("minilm")), dtype=dtype)
        predicted("text-classification", predictor, rows[:TRIAL])
        took, (found, tally) = clocked(partial(predicted, "text-classification", predictor, rows))
        right.append(
            sum(names[label] == one["label"] for one, label in zip(found, posts["label"], strict=True))
        )
        seconds.append(took)
        peak = matmul_peak("cpu", dtype, width_of(predictor.network))
        shares.append(tally.operations * tally.cost / tally.seconds / peak)
    return result(
        "engine_text_bfloat16",
        seconds[1],
        seconds[0],
        f"the engine in bfloat16 beside the engine in float32, as engine_text_float32; accuracy "
        f"{right[1] / len(rows):.4f} for {right[0] / len(rows):.4f}; {shares[1]:.0%} of the machine's matrix "
        f"product in bfloat16 for {shares[0]:.0%} in float32",
    )


def speech() -> Result:
    """100 clips of mixed length through Whisper tiny: the engine, or the pipeline one by one."""
    import soundfile
    from transformers import pipeline

    clips = _rows("clips")
    place = str(material.published("whisper-tiny.en"))
    predictor = opened("automatic-speech-recognition", place)
    rows = [{"audio": row} for row in clips["audio"]]
    theirs = pipeline("automatic-speech-recognition", model=place, device="cpu")
    waves = [soundfile.read(io.BytesIO(row["bytes"]), dtype="float32") for row in clips["audio"]]

    def piped(count: int = len(rows)) -> list[str]:
        # The pipeline's own default is a beam of five, which is slower still and writes another text.
        return [
            theirs({"raw": wave, "sampling_rate": rate}, generate_kwargs={"num_beams": 1})["text"].strip()
            for wave, rate in waves[:count]
        ]

    piped(2)
    predicted("automatic-speech-recognition", predictor, rows[:2])
    theirs_s, texts = clocked(piped)
    ours_s, (found, _) = clocked(partial(predicted, "automatic-speech-recognition", predictor, rows))
    return result(
        "engine_speech",
        ours_s,
        theirs_s,
        f"{len(rows)} clips of 2 to 25 seconds, Whisper tiny.en, CPU float32, greedy; the pipeline one by "
        f"one on decoded sound; {_alike(_of(found, 'text'), texts)}",
    )


def generation() -> Result:
    """64 new tokens for 500 prompts by SmolLM2: the engine, or `generate` one by one."""
    import torch
    from transformers import AutoTokenizer

    place = str(material.made("smollm2"))
    limits = {"max_new_tokens": NEW, "max_tokens": LONGEST_PROMPT + NEW}
    predictor = opened("text-generation", place, chat="off", **limits)
    words = AutoTokenizer.from_pretrained(place)
    rows = [{"prompt": text} for text in _rows("texts")["text"][:PROMPTS]]
    every = len(rows) // ONE_BY_ONE
    items = predictor.prepare([{"row": 0, **row} for row in rows[::every]])
    network = predictor.network

    def one_by_one(count: int = ONE_BY_ONE) -> list[str]:
        texts = []
        with torch.inference_mode():
            for item in items[:count]:
                given = torch.tensor([item.features[0]])
                written = network.generate(
                    given,
                    attention_mask=torch.ones_like(given),
                    max_new_tokens=NEW,
                    do_sample=False,
                    pad_token_id=network.generation_config.eos_token_id,
                )
                texts.append(words.decode(written[0, given.shape[1] :], skip_special_tokens=True).strip())
        return texts

    one_by_one(2)
    few_s, texts = clocked(one_by_one)
    ours_s, (found, tally) = clocked(partial(predicted, "text-generation", predictor, rows))
    return result(
        "engine_generation",
        ours_s,
        few_s * len(rows) / len(items),
        f"{len(rows)} prompts, {NEW} new tokens, SmolLM2 of 135 million parameters, CPU float32, greedy; "
        f"generate one by one extrapolated from {len(items)} prompts; "
        f"{_alike(_of(found[::every], 'text'), texts)}; {tally.batches} batches",
    )


def images() -> Result:
    """2,000 JPEG files of mixed size through EfficientNet: the engine, or the pipeline at its best size."""
    from PIL import Image
    from transformers import pipeline

    photographs = _rows("photographs")
    place = str(material.published("efficientnet-lite0"))
    predictor = opened("image-classification", place)
    rows = [{"image": row} for row in photographs["image"]]
    theirs = pipeline("image-classification", model=place, device="cpu")

    def piped(size: int, count: int = len(rows)) -> list[str]:
        files = (Image.open(io.BytesIO(row["image"]["bytes"])) for row in rows[:count])
        return [found[0]["label"] for found in theirs(files, batch_size=size)]

    best = _best_size(piped)
    predicted("image-classification", predictor, rows[:TRIAL])
    theirs_s, labels = clocked(partial(piped, best))
    ours_s, (found, tally) = clocked(partial(predicted, "image-classification", predictor, rows))
    return result(
        "engine_images",
        ours_s,
        theirs_s,
        f"{len(rows)} JPEG files of mixed size, EfficientNet-Lite0, CPU float32; the pipeline at its best "
        f"batch size of {SIZES}, {best}; {_alike(_of(found, 'label'), labels)}; budget {tally.budget:.0f}",
    )
