"""The inference engine beside transformers' pipelines and `generate`, on real models and real data."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import Any

from benchmarks import material
from benchmarks.engine import opened, predicted
from benchmarks.measurement import Result, side_by_side, timed
from tasks.inference.efficiency import matmul_peak, width_of

SIZES = (1, 8, 32)
PROMPTS, NEW, LONGEST_PROMPT = 500, 64, 80


def _rows(name: str) -> Any:
    import datasets

    return datasets.load_from_disk(str(material.made(name)))


@cache
def text_float32() -> Result:
    """2,000 texts of mixed length through MiniLM: the engine, or the best of the pipeline's batch sizes."""
    from transformers import pipeline

    posts = _rows("texts")
    texts = list(posts["text"])
    rows = [{"text": text} for text in texts]
    place = str(material.made("minilm"))
    predictor = opened("text-classification", place)
    theirs = pipeline("text-classification", model=place, device="cpu")

    def piped(size: int, count: int = len(texts)) -> list[str]:
        return [found["label"] for found in theirs(texts[:count], truncation=True, batch_size=size)]

    found, tally = predicted("text-classification", predictor, rows)
    trial = {size: timed(lambda size=size: piped(size, 300)) for size in SIZES}
    best = min(trial, key=lambda size: trial[size])
    alike = sum(one["label"] == other for one, other in zip(found, piped(best), strict=True))
    result = side_by_side(
        "engine_text_float32",
        lambda: predicted("text-classification", predictor, rows),
        lambda: piped(best),
        "",
        times=2,
    )
    peak = matmul_peak("cpu", "float32", width_of(predictor.network))
    share = tally.operations * tally.cost / result.ours_s / peak
    return replace(
        result,
        detail=f"{len(texts)} texts, {tally.cost / len(texts):.0f} tokens on average, MiniLM of 6 layers, CPU "
        f"float32; pipeline at its best batch size of {SIZES}, {best}; {alike} of {len(texts)} labels equal; "
        f"{share:.0%} of the machine's matrix product at the model's width, real tokens only "
        f"({peak / 1e9:.0f} GFLOP/s); padding {tally.padding_waste:.1%}",
    )


def text_bfloat16() -> Result:
    """The same in bfloat16, beside the pipeline's best in float32."""
    single = text_float32()
    posts = _rows("texts")
    rows = [{"text": text} for text in posts["text"]]
    place = str(material.made("minilm"))
    names = posts.features["label"].names
    right: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for dtype in ("float32", "bfloat16"):
        predictor = opened("text-classification", place, dtype=dtype)
        found, _ = predicted("text-classification", predictor, rows)
        right[dtype] = sum(
            one["label"] == names[label] for one, label in zip(found, posts["label"], strict=True)
        )
        seconds[dtype] = min(
            timed(lambda predictor=predictor: predicted("text-classification", predictor, rows))
            for _ in range(2)
        )
    return Result(
        "engine_text_bfloat16",
        seconds["bfloat16"],
        single.theirs_s,
        single.theirs_s / seconds["bfloat16"],
        f"as engine_text_float32, ours in bfloat16; {seconds['float32'] / seconds['bfloat16']:.1f}x ours in "
        f"float32; accuracy {right['bfloat16'] / len(rows):.4f} for {right['float32'] / len(rows):.4f}",
        single.machine,
        single.commit,
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

    def piped() -> list[str]:
        return [theirs({"raw": wave, "sampling_rate": rate})["text"].strip() for wave, rate in waves]

    found, _ = predicted("automatic-speech-recognition", predictor, rows)
    alike = sum(one["text"] == other for one, other in zip(found, piped(), strict=True))
    return side_by_side(
        "engine_speech",
        lambda: predicted("automatic-speech-recognition", predictor, rows),
        piped,
        f"{len(rows)} clips of 2 to 25 seconds, Whisper tiny.en, CPU float32; pipeline one by one, on decoded "
        f"sound; {alike} of {len(rows)} transcripts equal",
        times=1,
    )


def generation() -> Result:
    """64 new tokens for 500 prompts by SmolLM2: the engine, or `generate` one by one (on 50 of them)."""
    import torch

    place = str(material.made("smollm2"))
    predictor = opened(
        "text-generation", place, max_new_tokens=NEW, chat="off", max_tokens=LONGEST_PROMPT + NEW
    )
    rows = [{"prompt": text} for text in _rows("texts")["text"][:PROMPTS]]
    few = rows[:: len(rows) // 50]
    items = predictor.prepare([{"row": 0, **row} for row in few])
    network = predictor.network

    def one_by_one() -> list[list[int]]:
        texts = []
        with torch.inference_mode():
            for item in items:
                given = torch.tensor([item.features[0]])
                written = network.generate(
                    given,
                    attention_mask=torch.ones_like(given),
                    max_new_tokens=NEW,
                    do_sample=False,
                    pad_token_id=network.generation_config.eos_token_id,
                )
                texts.append(written[0, given.shape[1] :].tolist())
        return texts

    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(place)
    found, tally = predicted("text-generation", predictor, rows)
    plain = [text.strip() for text in words.batch_decode(one_by_one(), skip_special_tokens=True)]
    alike = sum(one["text"] == other for one, other in zip(found[:: len(rows) // 50], plain, strict=True))
    result = side_by_side(
        "engine_generation",
        lambda: predicted("text-generation", predictor, rows),
        one_by_one,
        f"{len(rows)} prompts, {NEW} new tokens, SmolLM2 of 135 million parameters, CPU float32; generate one "
        f"by one extrapolated from {len(items)}; {alike} of {len(items)} texts equal; {tally.batches} batches",
        times=1,
    )
    theirs = result.theirs_s * len(rows) / len(items)
    return replace(result, theirs_s=theirs, ratio=theirs / result.ours_s)


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

    found, _ = predicted("image-classification", predictor, rows)
    trial = {size: timed(lambda size=size: piped(size, 200)) for size in SIZES}
    best = min(trial, key=lambda size: trial[size])
    alike = sum(one["label"] == other for one, other in zip(found, piped(best), strict=True))
    return side_by_side(
        "engine_images",
        lambda: predicted("image-classification", predictor, rows),
        lambda: piped(best),
        f"{len(rows)} JPEG files of mixed size, EfficientNet-Lite0, CPU float32; pipeline at its best batch "
        f"size of {SIZES}, {best}; {alike} of {len(rows)} labels equal",
        times=1,
    )
