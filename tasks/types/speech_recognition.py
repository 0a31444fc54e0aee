"""Automatic speech recognition: the words spoken in a recording, by CTC and by encoder-decoder models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.inference import checkpoints, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Predictor, Row
from tasks.types import speech_ctranslate2
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import no_labels

if TYPE_CHECKING:
    pass

AUDIO = Column(
    name="audio",
    role="input",
    accepts=frozenset({"audio"}),
    typical="audio",
    aliases=("speech", "sound", "file"),
    help="the recording",
)
TEXT = Column(
    name="text",
    role="reference",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("sentence", "transcription", "transcript", "normalized_text", "raw_transcription", "target"),
    help="what is said in it",
)
PREDICTION = pa.schema([pa.field("text", pa.string()), pa.field("seconds", pa.float32())])


class CtcRecognizer:
    """A CTC model: one label a frame, repeats and blanks collapsed by its tokenizer."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.processor(checkpoint, options)
        self.network = loading.model("AutoModelForCTC", checkpoint, options)
        self._rate = self._processor.feature_extractor.sampling_rate

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resample recordings; each costs its seconds."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        samples = media.sound(row["audio"], self._rate)
        features = self._processor.feature_extractor(
            samples, sampling_rate=self._rate, return_attention_mask=True
        )
        return Item(features, cost=len(samples) / self._rate)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Transcribe a batch; one by one where the model normalises over time, which padding would change."""
        masked = self._processor.feature_extractor.return_attention_mask and hasattr(
            self.network, "_get_feat_extract_output_lengths"
        )
        groups = [items] if masked else [[item] for item in items]
        texts = [text for group in groups for text in self._transcribe(group)]
        return lambda: _spoken(texts, items)

    def _transcribe(self, items: Sequence[Item]) -> list[str]:
        import torch

        extractor = self._processor.feature_extractor
        features = [{name: item.features[name][0] for name in item.features} for item in items]
        batch = extractor.pad(features, padding=True, return_tensors="pt")
        lengths = batch["attention_mask"].sum(-1)
        if not extractor.return_attention_mask:
            batch.pop("attention_mask")
        labels = loading.run(self.network, batch).logits.argmax(-1).cpu()
        # Frames of padding would be read as speech.
        frames = self.network._get_feat_extract_output_lengths(lengths) if len(items) > 1 else None
        rows = labels if frames is None else [row[:count] for row, count in zip(labels, frames, strict=True)]
        return [self._processor.decode(torch.as_tensor(row)) for row in rows]


class Seq2SeqRecognizer:
    """An encoder-decoder, as Whisper: hears windows of a fixed length and writes text."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.processor(checkpoint, options)
        self.network = loading.model("AutoModelForSpeechSeq2Seq", checkpoint, options)
        self._extractor = self._processor.feature_extractor
        self._rate = self._extractor.sampling_rate
        self._window = float(getattr(self._extractor, "chunk_length", 0) or 0)
        self._generation = _generation(self.network, options)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resample recordings; each costs its seconds, but a full window at least."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        samples = media.sound(row["audio"], self._rate)
        seconds = len(samples) / self._rate
        long = bool(self._window) and seconds > self._window
        fitting = {"truncation": False, "padding": "longest"} if long else {}
        features = self._extractor(
            samples,
            sampling_rate=self._rate,
            return_tensors="pt",
            return_attention_mask=True,
            **fitting,
        )
        return Item((features, seconds, long), cost=max(seconds, self._window))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Transcribe a batch; recordings longer than a window one by one, window after window."""
        import torch

        short = [item for item in items if not item.features[2]]
        texts: dict[int, str] = {}
        for group in [short, *([item] for item in items if item.features[2])]:
            if not group:
                continue
            name = self.network.main_input_name
            batch = {
                key: torch.cat([item.features[0][key] for item in group]) for key in (name, "attention_mask")
            }
            with torch.inference_mode():
                ids = self.network.generate(
                    **loading.moved(self.network, batch),
                    **self._generation,
                    **({"return_timestamps": True} if group[0].features[2] else {}),
                )
            texts |= dict(
                zip(map(id, group), self._processor.batch_decode(ids, skip_special_tokens=True), strict=True)
            )
        return lambda: _spoken(
            [texts[id(item)] for item in items], items, [item.features[1] for item in items]
        )


def _generation(model: Any, options: Options) -> dict[str, Any]:
    """Return the arguments of `generate`: greedy, and the language where the model knows several."""
    arguments: dict[str, Any] = {"do_sample": False, "num_beams": 1}
    if options.max_new_tokens:
        arguments["max_new_tokens"] = options.max_new_tokens
    if options.language and getattr(model.generation_config, "is_multilingual", False):
        arguments |= {"language": options.language, "task": "transcribe"}
    return arguments


def _spoken(
    texts: Sequence[str], items: Sequence[Item], seconds: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    lengths = seconds or [item.cost for item in items]
    return [{"text": text.strip(), "seconds": length} for text, length in zip(texts, lengths, strict=True)]


def open_recognizer(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a recogniser of the kind its config's `architectures` states."""
    architectures = checkpoints.config(checkpoint).get("architectures") or []
    ctc = any(str(name).endswith("ForCTC") for name in architectures)
    return CtcRecognizer(checkpoint, options) if ctc else Seq2SeqRecognizer(checkpoint, options)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return the transcripts, written and right."""
    return {"texts": Judged(list(predictions["text"]), list(references["text"]))}


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the right and the written transcript and the recording's length."""
    seconds = prediction["seconds"]
    return {
        "reference": row["text"],
        "prediction": prediction["text"],
        "seconds": None if seconds is None else round(float(seconds), 2),
        "right": prediction["text"].split() == row["text"].split(),
    }


SPEECH_RECOGNITION = TaskType(
    name="automatic-speech-recognition",
    version=1,
    summary="The words spoken in a recording.",
    columns=(AUDIO, TEXT),
    prediction=PREDICTION,
    metrics=(("wer", {}), ("cer", {})),
    batch_cost=240,
    cost_unit="seconds",
    preprocessing=("max_new_tokens", "language"),
    align=no_labels,
    open=open_recognizer,
    evidence=evidence,
    judged_by=("texts",),
    sample=sample,
    generates=True,
    engines={"ctranslate2": speech_ctranslate2.open_whisper},
    answers={"texts": "text"},
)
