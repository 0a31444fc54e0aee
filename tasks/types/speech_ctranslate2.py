"""Speech recognition by CTranslate2: Whisper, converted, with the same words in less time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BadEvaluation
from tasks.inference import checkpoints, converted, loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row

FRAMES = 3000
"""Frames of the spectrogram that Whisper hears at a time, 100 a second."""

STRIDE = 2
"""Frames of a timestamp."""

LONGEST = 448
"""Tokens of Whisper's decoder, the prompt's among them."""


class ConvertedWhisper:
    """Whisper in CTranslate2. Its network is no torch module."""

    network = None

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._model = converted.model("Whisper", checkpoint, options)
        self._extractor, self._tokenizer = _processor(checkpoint, options, int(self._model.n_mels))
        self._rate = int(self._extractor.sampling_rate)
        self._language = options.language
        self._most = options.max_new_tokens
        self._first_stamp = _stamps(checkpoint)
        self._start, self._plain, self._transcribe = self._tokenizer.convert_tokens_to_ids(
            ["<|startoftranscript|>", "<|notimestamps|>", "<|transcribe|>"]
        )

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resample recordings; each costs its seconds, but a full window at least."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        samples = media.sound(row["audio"], self._rate)
        seconds = len(samples) / self._rate
        window = FRAMES / 100
        fitting = {"truncation": False, "padding": "longest"} if seconds > window else {}
        heard = self._extractor(samples, sampling_rate=self._rate, return_tensors="np", **fitting)
        features = np.ascontiguousarray(heard["input_features"][0], dtype=np.float32)
        return Item((features, seconds), cost=max(seconds, window))

    def forward(self, items: Sequence[Item]) -> Decode:
        """Transcribe a batch; recordings longer than a window one by one, window after window."""
        written: dict[int, list[int]] = {}
        short = [item for item in items if item.features[1] <= FRAMES / 100]
        if short:
            heard = np.stack([item.features[0] for item in short])
            written |= dict(zip(map(id, short), self._write(heard, timed=False), strict=True))
        for item in items:
            if id(item) not in written:
                written[id(item)] = self._long(item.features[0])

        def decode() -> list[dict[str, Any]]:
            texts = self._tokenizer.batch_decode(
                [written[id(item)] for item in items], skip_special_tokens=True
            )
            return [
                {"text": text.strip(), "seconds": item.features[1]}
                for text, item in zip(texts, items, strict=True)
            ]

        return decode

    def _write(self, heard: NDArray[np.float32], *, timed: bool) -> list[list[int]]:
        """Return the tokens written for windows, shape (windows, mels, frames)."""
        import ctranslate2

        features = ctranslate2.StorageView.from_array(heard)
        prompts = [self._prompt(language, timed) for language in self._languages(features, len(heard))]
        most = LONGEST if self._most is None else min(LONGEST, len(prompts[0]) + self._most)
        written = self._model.generate(
            features, prompts, beam_size=1, max_length=most, max_initial_timestamp_index=self._first_stamp
        )
        return [list(each.sequences_ids[0]) for each in written]

    def _languages(self, features: Any, count: int) -> list[str]:
        if not self._model.is_multilingual:
            return [""] * count
        if self._language:
            return [f"<|{self._language}|>"] * count
        return [str(likeliest[0][0]) for likeliest in self._model.detect_language(features)]

    def _prompt(self, language: str, timed: bool) -> list[int]:
        spoken = [self._tokenizer.convert_tokens_to_ids(language), self._transcribe] if language else []
        return [self._start, *spoken, *([] if timed else [self._plain])]

    def _long(self, features: NDArray[np.float32]) -> list[int]:
        """Return the tokens of a recording longer than a window: the next begins where the last was sure."""
        tokens: list[int] = []
        place, end = 0, features.shape[1]
        while place < end:
            frames = min(FRAMES, end - place)
            window = np.zeros((1, features.shape[0], FRAMES), dtype=np.float32)
            window[0, :, :frames] = features[:, place : place + frames]
            (written,) = self._write(window, timed=True)
            kept, stamp = sure(written, self._plain + 1)
            tokens += kept
            place += frames if stamp is None else min(frames, max(1, stamp) * STRIDE)
        return tokens


def sure(tokens: Sequence[int], first_stamp: int) -> tuple[list[int], int | None]:
    """Return the part of a window's tokens that is sure, and the timestamp where the next window begins.

    Two timestamps side by side end one utterance and begin the next. What follows the last such pair may be
    cut off by the window's end, unless a single timestamp closes it.

    Args:
        tokens: What was written, timestamps among it.
        first_stamp: The token of the timestamp 0; larger tokens are later ones.

    Returns:
        The tokens, and the timestamp; None where the whole window is done.

    Source: Radford et al. (2022), section 3.8 and appendix; the reference is transformers'
    `WhisperGenerationMixin._retrieve_segment`.

    >>> sure([100, 7, 8, 150, 150, 9], 100)
    ([100, 7, 8, 150], 50)
    >>> sure([100, 7, 150, 150, 9, 180], 100)
    ([100, 7, 150, 150, 9, 180], None)
    """
    stamped = [token >= first_stamp for token in tokens]
    pairs = [place for place in range(1, len(tokens)) if stamped[place - 1] and stamped[place]]
    if not pairs or stamped[-2:] == [False, True]:
        return list(tokens), None
    last = pairs[-1]
    return list(tokens[:last]), tokens[last - 1] - first_stamp


def _processor(checkpoint: Checkpoint, options: Options, mels: int) -> tuple[Any, Any]:
    """Return the feature extractor and the tokenizer; a converted checkpoint has only the latter's file."""
    if checkpoint.form == "transformers":
        processor = loading.processor(checkpoint, options)
        return processor.feature_extractor, processor.tokenizer
    import transformers

    file = converted.folder(checkpoint, options) / "tokenizer.json"
    extractor = transformers.WhisperFeatureExtractor(feature_size=mels)
    return extractor, transformers.WhisperTokenizerFast(tokenizer_file=str(file))


def _stamps(checkpoint: Checkpoint) -> int:
    """Return the latest timestamp that the first may be, as the checkpoint states; else any."""
    if checkpoint.form == "ctranslate2":
        return 50
    import transformers

    stated = transformers.GenerationConfig.from_pretrained(checkpoint.place, **checkpoint.loading())
    found = getattr(stated, "max_initial_timestamp_index", None)
    return int(found) if found is not None else FRAMES // STRIDE


def open_whisper(checkpoint: Checkpoint, options: Options) -> ConvertedWhisper:
    """Load a Whisper in CTranslate2.

    Raises:
        BadEvaluation: The model is another kind of recogniser.
    """
    stated = checkpoints.config(checkpoint).get("model_type", "whisper")
    if stated != "whisper":
        raise BadEvaluation(
            f"The engine ctranslate2 transcribes with whisper models, and '{checkpoint.name}' is {stated}; "
            "set settings.engine to transformers."
        )
    return ConvertedWhisper(checkpoint, options)
