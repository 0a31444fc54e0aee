"""Task types that hear: the number is that of a plain loop over the model, one recording at a time."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
import transformers

from tests.types.judging import judged, saved
from tests.types.media import noises, wave

LABELS = ["yes", "no", "stop"]
NUMBERED = dict(enumerate(LABELS))


def wav2vec(place: Path, norm: str, masked: bool) -> str:
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(16, 16),
        conv_kernel=(10, 3),
        conv_stride=(80, 4),
        num_feat_extract_layers=2,
        feat_extract_norm=norm,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        id2label=NUMBERED,
        label2id={name: number for number, name in NUMBERED.items()},
    )
    transformers.Wav2Vec2ForSequenceClassification(config).save_pretrained(place)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=masked).save_pretrained(place)
    return str(place)


def spectrogram_transformer(place: Path) -> str:
    torch.manual_seed(0)
    config = transformers.ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=64,
        num_mel_bins=32,
        id2label=NUMBERED,
        label2id={name: number for number, name in NUMBERED.items()},
    )
    transformers.ASTForAudioClassification(config).save_pretrained(place)
    transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=64).save_pretrained(place)
    return str(place)


@pytest.mark.parametrize("made", ["masked", "unmasked", "spectrogram"])
def test_audio_classification(tmp_path: Path, made: str) -> None:
    if made == "spectrogram":
        place = spectrogram_transformer(tmp_path / "model")
    else:
        place = wav2vec(tmp_path / "model", "layer" if made == "masked" else "group", made == "masked")
    sounds = noises(8000, 12000, 20000, 12000)
    right = [0, 1, 2, 1]
    data = saved(
        tmp_path / "sounds",
        {"file": ["a", "b", "c", "d"], "audio": [wave(each) for each in sounds], "label": right},
        audio=datasets.Audio(decode=False),
        label=datasets.ClassLabel(names=LABELS[::-1]),
    )
    judgement, rows = judged({"task": "audio-classification", "dataset": {"path": data}, "models": [place]})
    extractor = transformers.AutoFeatureExtractor.from_pretrained(place)
    model = transformers.AutoModelForAudioClassification.from_pretrained(place).eval()
    hits = 0
    for samples, row, label in zip(sounds, rows, right, strict=True):
        with torch.inference_mode():
            wanted = model(**extractor(samples, sampling_rate=16000, return_tensors="pt")).logits[0]
        assert np.allclose(row["probabilities"], wanted.softmax(-1).numpy(), rtol=1e-4)
        assert row["label"] == LABELS[int(wanted.argmax())]
        hits += row["label"] == LABELS[::-1][label]
    assert judgement.scores["accuracy"].value == hits / 4
    assert [round(row["seconds"], 3) for row in rows] == [0.5, 0.75, 1.25, 0.75]


def test_several_labels_of_a_recording(tmp_path: Path) -> None:
    place = tmp_path / "model"
    torch.manual_seed(1)
    wav2vec(place, "layer", True)
    model = transformers.Wav2Vec2ForSequenceClassification.from_pretrained(place)
    model.config.problem_type = "multi_label_classification"
    torch.nn.init.normal_(model.classifier.weight, std=3.0)
    model.save_pretrained(place)
    sounds = noises(8000, 12000, 20000, 12000)
    sets = [["yes"], ["no", "stop"], [], ["yes", "no", "stop"]]
    data = saved(
        tmp_path / "sounds",
        {"audio": [wave(each) for each in sounds], "labels": sets},
        audio=datasets.Audio(decode=False),
    )
    judgement, rows = judged(
        {"task": "audio-classification", "dataset": {"path": data}, "models": [str(place)]}
    )
    extractor, right = transformers.AutoFeatureExtractor.from_pretrained(place), 0
    for samples, row, wanted in zip(sounds, rows, sets, strict=True):
        with torch.inference_mode():
            inputs = extractor(samples, sampling_rate=16000, return_tensors="pt")
            shares = model.eval()(**inputs).logits[0].sigmoid()
        assert np.allclose(row["probabilities"], shares.numpy(), rtol=1e-4)
        assert row["labels"] == [name for name, share in zip(LABELS, shares, strict=True) if share >= 0.5]
        right += set(row["labels"]) == set(wanted)
    assert judgement.scores["subset_accuracy"].value == right / 4
    assert "accuracy" not in judgement.scores
    assert {len(row["labels"]) for row in rows} != {0}
