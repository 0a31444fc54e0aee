"""Each task type's number equals that of a plain loop over the model, one row at a time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import transformers

from tasks import candidates, load, predict, score
from tasks.columns import map_columns
from tasks.configs import parse
from tasks.plan import Plan, requests
from tasks.score import Judgement
from tasks.types import task_type


def judged(given: dict[str, Any]) -> tuple[Judgement, list[dict[str, Any]]]:
    """Evaluate the one model of an evaluation without Prefect or MLflow."""
    evaluation = parse(given)
    rows = load.load(evaluation.dataset, 0)
    features = load.open_rows(rows).features
    mapping = map_columns(task_type(evaluation.task), features, evaluation.columns, rows.name)
    plan = Plan(evaluation, rows, mapping, requests(evaluation))
    (candidate,) = candidates.decide(plan)
    stored = predict.predict(plan, candidate)
    return score.score(plan, candidate, stored), stored.table().to_pylist()


def test_text_classification(demo: Path) -> None:
    place = str(demo / "models" / "messages-topic-large")
    judgement, rows = judged(
        {
            "task": "text-classification",
            "dataset": {"path": str(demo / "data" / "messages"), "split": "test"},
            "columns": {"label": "topic", "text": "text"},
            "models": [place],
            "metrics": ["accuracy", "log_loss", "roc_auc", "expected_calibration_error"],
            "settings": {"chunk_rows": 100},
        }
    )
    words = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place).eval()
    data = datasets.load_from_disk(str(demo / "data" / "messages"))["test"]
    right, loss = 0, 0.0
    for row, prediction in zip(data, rows, strict=True):
        with torch.inference_mode():
            logits = model(**words(row["text"], return_tensors="pt", truncation=True)).logits[0]
        label = model.config.id2label[int(logits.argmax())]
        assert prediction["label"] == label
        assert np.allclose(prediction["probabilities"], logits.softmax(-1).numpy(), atol=1e-5)
        topic = data.features["topic"].int2str(row["topic"])
        right += label == topic
        loss -= float(logits.log_softmax(-1)[model.config.label2id[topic]])
    assert judgement.scores["accuracy"].value == right / len(data)
    assert judgement.scores["log_loss"].value == pytest.approx(loss / len(data), rel=1e-4)
    assert judgement.scores["roc_auc_macro"].value > 0.5
    assert judgement.scores["expected_calibration_error"].value < 0.5


def test_text_pairs_and_truncation(demo: Path, tmp_path: Path) -> None:
    place = str(demo / "models" / "messages-topic-small")
    long = "the train was late " * 40
    data = datasets.Dataset.from_dict({"a": ["Hello", long], "b": ["World", "x"], "label": ["lost", "delay"]})
    data = data.cast_column("label", datasets.ClassLabel(names=["booking", "delay", "lost", "billing"]))
    data.save_to_disk(tmp_path / "pairs")
    _, rows = judged(
        {
            "task": "text-classification",
            "dataset": {"path": str(tmp_path / "pairs")},
            "columns": {"text": "a", "text_pair": "b"},
            "models": [place],
        }
    )
    words = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place).eval()
    for row, prediction in zip(data, rows, strict=True):
        encoded = words(row["a"], row["b"], return_tensors="pt", truncation=True)
        with torch.inference_mode():
            wanted = model(**encoded).logits.softmax(-1)[0]
        assert np.allclose(prediction["probabilities"], wanted.numpy(), atol=1e-5)
    assert [row["truncated"] for row in rows] == [False, True]


def test_token_classification(demo: Path) -> None:
    import seqeval.metrics

    place = str(demo / "models" / "messages-tagger-large")
    judgement, rows = judged(
        {
            "task": "token-classification",
            "dataset": {"path": str(demo / "data" / "messages"), "split": "test"},
            "models": [place],
        }
    )
    words = transformers.AutoTokenizer.from_pretrained(place)
    model = transformers.AutoModelForTokenClassification.from_pretrained(place).eval()
    data = datasets.load_from_disk(str(demo / "data" / "messages"))["test"]
    names = data.features["tags"].feature.names
    predicted = []
    for row in data:
        encoded = words(row["tokens"], is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            best = model(**encoded).logits[0].argmax(-1).tolist()
        tags: dict[int, str] = {}
        for position, word in enumerate(encoded.word_ids()):
            if word is not None and word not in tags:
                tags[word] = model.config.id2label[best[position]]
        predicted.append([tags[number] for number in range(len(row["tokens"]))])
    right = [[names[tag] for tag in row["tags"]] for row in data]
    assert [row["tags"] for row in rows] == predicted
    assert judgement.scores["seqeval_f1"].value == pytest.approx(
        float(seqeval.metrics.f1_score(right, predicted)), abs=1e-12
    )


def test_words_without_tokens_are_outside_and_counted(demo: Path, tmp_path: Path) -> None:
    tokens = ["Peter", "\u200b", "Peter"]
    data = datasets.Dataset.from_dict({"tokens": [tokens], "tags": [["B-PERSON"] * 3]})
    data.save_to_disk(tmp_path / "odd")
    _, rows = judged(
        {
            "task": "token-classification",
            "dataset": {"path": str(tmp_path / "odd")},
            "columns": {"tokens": "tokens", "tags": "tags"},
            "models": [str(demo / "models" / "messages-tagger-small")],
        }
    )
    assert rows[0]["tags"][1] == "O"
    assert rows[0]["lost_words"] == 1


def test_image_classification(demo: Path) -> None:
    place = str(demo / "models" / "digits-resnet")
    judgement, rows = judged(
        {
            "task": "image-classification",
            "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 200},
            "models": [place],
        }
    )
    processor = transformers.AutoImageProcessor.from_pretrained(place)
    model = transformers.AutoModelForImageClassification.from_pretrained(place).eval()
    data = datasets.load_from_disk(str(demo / "data" / "digits"))["test"]
    import random

    chosen = sorted(random.Random(0).sample(range(len(data)), 200))
    right = 0
    for number, prediction in zip(chosen, rows, strict=True):
        pixels = processor(images=data[number]["image"].convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            logits = model(**pixels).logits[0]
        label = model.config.id2label[int(logits.argmax())]
        assert prediction["label"] == label
        right += label == data.features["label"].int2str(data[number]["label"])
    assert judgement.scores["accuracy"].value == right / 200


def test_speech_recognition_by_whisper(published: Path) -> None:
    import jiwer
    import soundfile

    place = str(published / "models" / "whisper-tiny.en")
    judgement, rows = judged(
        {
            "task": "automatic-speech-recognition",
            "dataset": {"path": str(published / "data" / "speech")},
            "models": [place],
            "metrics": ["wer"],
        }
    )
    processor = transformers.AutoProcessor.from_pretrained(place)
    model = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(place, dtype=torch.float32).eval()
    data = load.open_rows(load.load(parse_dataset(str(published / "data" / "speech")), 0))
    texts = []
    for row in data:
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32")
        features = processor(samples, sampling_rate=rate, return_tensors="pt", return_attention_mask=True)
        ids = model.generate(**features, do_sample=False, num_beams=1)
        texts.append(processor.batch_decode(ids, skip_special_tokens=True)[0].strip())
    assert [row["text"] for row in rows] == texts
    assert judgement.scores["wer"].value == pytest.approx(jiwer.wer(list(data["text"]), texts), abs=1e-12)


def parse_dataset(path: str) -> Any:
    from tasks.spec import Dataset

    return Dataset(path=path)


def test_speech_recognition_by_ctc(tmp_path: Path) -> None:
    """A tiny CTC model of random weights: what it writes is noise, but must be the same noise."""
    import soundfile

    torch.manual_seed(0)
    (tmp_path / "vocab.json").write_text(
        '{"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5, "b": 6, "c": 7}', encoding="utf-8"
    )
    processor = transformers.Wav2Vec2Processor(
        transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True),
        transformers.Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json")),
    )
    config = transformers.Wav2Vec2Config(
        vocab_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(16, 16),
        conv_kernel=(10, 3),
        conv_stride=(80, 4),
        num_feat_extract_layers=2,
        feat_extract_norm="layer",
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    place = tmp_path / "ctc"
    model = transformers.Wav2Vec2ForCTC(config).eval()
    model.save_pretrained(place)
    processor.save_pretrained(place)
    generator = np.random.default_rng(0)
    sounds = [generator.normal(size=length).astype("float32") * 0.1 for length in (8000, 12000, 20000)]
    stored = []
    for samples in sounds:
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, 16000, format="WAV", subtype="FLOAT")
        stored.append({"bytes": buffer.getvalue(), "path": None})
    features = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    data = datasets.Dataset.from_dict(
        {"audio": stored, "text": ["a", "b", "c"]},
        features=datasets.Features({"audio": features, "text": datasets.Value("string")}),
    )
    data.cast_column("audio", datasets.Audio(decode=False)).save_to_disk(tmp_path / "sounds")
    _, rows = judged(
        {
            "task": "automatic-speech-recognition",
            "dataset": {"path": str(tmp_path / "sounds")},
            "models": [str(place)],
        }
    )
    for samples, row in zip(sounds, rows, strict=True):
        encoded = processor(samples, sampling_rate=16000, return_tensors="pt")
        with torch.inference_mode():
            ids = model(**encoded).logits.argmax(-1)
        assert row["text"] == processor.batch_decode(ids)[0].strip()
    assert rows[2]["seconds"] == pytest.approx(1.25)


def test_bfloat16_predictions_are_kept_apart(demo: Path) -> None:
    given = {
        "task": "image-classification",
        "dataset": {"path": str(demo / "data" / "digits"), "split": "test", "limit": 50},
        "models": [str(demo / "models" / "digits-resnet")],
    }
    exact, _ = judged(given)
    rounded, _ = judged({**given, "settings": {"dtype": "bfloat16"}})
    assert abs(exact.scores["accuracy"].value - rounded.scores["accuracy"].value) < 0.1
    from tasks import home

    assert len(list(Path(home.chunk_store()).glob("*/*"))) == 2
