"""Pictures that models draw: how they are stored, compared with right ones, and shown."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tasks.inference import diffusion, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import ROW, Decode, Item, Options, Row
from tasks.types.contract import Alignment, Rows

if TYPE_CHECKING:
    pass

PREDICTION = pa.schema(
    [
        pa.field("image", pa.binary()),
        pa.field("prompt", pa.string()),
        pa.field("flagged", pa.bool_()),
    ]
)
"""A picture as PNG, what it was drawn from, and whether the model's own safety checker blackened it."""


class Painter:
    """A diffusion pipeline that draws from a prompt, from another picture, or from noise alone."""

    def __init__(self, checkpoint: Checkpoint, options: Options, *, from_pictures: bool = False) -> None:
        kind = diffusion.pipeline_class(checkpoint, from_pictures=from_pictures)
        self._arguments = diffusion.arguments(kind, checkpoint, options)
        self._pipeline = diffusion.load(kind, checkpoint, options)
        self._seed = options.seed
        self._size = (options.width, options.height)
        self.network = diffusion.network(self._pipeline)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Read prompts and decode pictures to draw from; each costs one."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: Row) -> Item:
        given: dict[str, Any] = {}
        if "prompt" in row:
            given["prompt"] = row["prompt"] or ""
        if "image" in row:
            picture = media.image(row["image"])
            width, height = (asked or own for asked, own in zip(self._size, picture.size, strict=True))
            given["image"] = picture.resize((width, height)) if picture.size != (width, height) else picture
        return Item((row[ROW], given), cost=1.0)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Draw a batch; pictures drawn from pictures of different sizes go apart."""
        groups: dict[Any, list[int]] = {}
        for position, item in enumerate(items):
            source = item.features[1].get("image")
            groups.setdefault(source.size if source else None, []).append(position)
        drawn: dict[int, dict[str, Any]] = {}
        for positions in groups.values():
            drawn |= dict(zip(positions, self._draw([items[each] for each in positions]), strict=True))
        return lambda: [
            {**drawn[position], "image": media.stored(drawn[position]["image"])["bytes"]}
            for position in range(len(items))
        ]

    def _draw(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        import torch

        given = {name: [item.features[1][name] for item in items] for name in items[0].features[1]}
        batch: dict[str, Any] = dict(given)
        if not given:
            batch["batch_size"] = len(items)
        arguments = dict(self._arguments)
        if "negative_prompt" in arguments and "prompt" in given:
            arguments["negative_prompt"] = [arguments["negative_prompt"]] * len(items)
        if "image" in given:
            # Their sizes are those of the pictures they are given.
            arguments = {name: value for name, value in arguments.items() if name not in {"width", "height"}}
        rows = [item.features[0] for item in items]
        with torch.inference_mode():
            made = self._pipeline(**batch, **arguments, generator=diffusion.generators(self._seed, rows))
        flags = getattr(made, "nsfw_content_detected", None) or [False] * len(items)
        prompts = given.get("prompt", [None] * len(items))
        return [
            {"image": image, "prompt": prompt, "flagged": bool(flag)}
            for image, prompt, flag in zip(made.images, prompts, flags, strict=True)
        ]


def fitted(drawn: Sequence[bytes], right: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return right pictures in the size of the drawn ones, resized by Lanczos's filter."""
    from PIL import Image

    found: list[Any] = []
    for made, wanted in zip(drawn, right, strict=True):
        with Image.open(io.BytesIO(made)) as opened:
            size, mode = opened.size, opened.mode
        picture = media.image(wanted)
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        found.append(media.stored(picture.convert(mode)))
    return found


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return what was drawn, from what, and the right picture where there is one."""
    seen: dict[str, Any] = {"prompt": prediction["prompt"]} if prediction["prompt"] is not None else {}
    seen |= {"source": row["image"]} if row.get("image") else {}
    seen["image"] = {"bytes": prediction["image"], "path": None}
    seen |= {"reference": row["target"]} if row.get("target") else {}
    return seen


def judged_prompts(predictions: Rows) -> bool:
    """Tell whether all pictures were drawn from prompts."""
    return all(prompt is not None for prompt in predictions["prompt"])
