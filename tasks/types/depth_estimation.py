"""Depth estimation: how far away every pixel of an image is."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import BadEvaluation
from tasks.inference import loading, media
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Decode, Item, Options, Row
from tasks.types import sized_images
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.image_classification import IMAGE
from tasks.types.sized_images import Size

if TYPE_CHECKING:
    import datasets

NUMBERED = {"L", "I", "I;16", "F"}
"""Modes of pictures whose pixels are single numbers."""

DEPTH = Column(
    name="depth",
    role="reference",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("depth_map", "depth_image", "label", "disparity", "annotation"),
    help="the right map: a picture of one distance a pixel",
)
PREDICTION = pa.schema([pa.field("depth", pa.binary())])


class DepthEstimator:
    """A depth estimator with its image processor."""

    def __init__(self, checkpoint: Checkpoint, options: Options) -> None:
        self._processor = loading.image_processor(checkpoint, options)
        self.network = loading.model("AutoModelForDepthEstimation", checkpoint, options)

    def prepare(self, rows: Sequence[Row]) -> list[Item]:
        """Decode and resize images; each costs one."""
        return [self._prepared(media.image(row["image"])) for row in rows]

    def _prepared(self, image: Any) -> Item:
        return Item((dict(self._processor(images=image, return_tensors="pt")), image.size), cost=1.0)

    def forward(self, items: Sequence[Item]) -> Decode:
        """Estimate a batch."""
        return sized_images.run(self.network, items, self._decoded)

    def _decoded(self, output: Any, sizes: Sequence[Size]) -> list[dict[str, Any]]:
        maps = self._processor.post_process_depth_estimation(output, target_sizes=list(sizes))
        return [{"depth": encoded(each["predicted_depth"].float().cpu().numpy())} for each in maps]


def encoded(depth: NDArray[np.float32]) -> bytes:
    """Encode a map of shape (height, width) as a TIFF of single-precision numbers.

    >>> from tasks.metrics.images import opened
    >>> np.asarray(opened(encoded(np.array([[0.25, 3.5]], dtype=np.float32)), 0)).tolist()
    [[0.25, 3.5]]
    """
    from PIL import Image

    buffer = io.BytesIO()
    whole = Image.fromarray(np.ascontiguousarray(depth, dtype=np.float32))
    whole.save(buffer, format="TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


def align(
    features: datasets.Features,
    columns: Mapping[str, str],
    rows: datasets.Dataset,
    checkpoint: Checkpoint,
    overrides: Mapping[str, str],
) -> Alignment:
    """Check that maps hold numbers; there are no labels to match.

    Raises:
        BadEvaluation: They are coloured pictures.
    """
    from PIL import Image

    column = columns["depth"]
    with Image.open(io.BytesIO(media.encoded(rows[0][column]))) as opened:
        mode = opened.mode
    if mode not in NUMBERED:
        raise BadEvaluation(
            f"The column '{column}' holds pictures of mode {mode}; a depth map holds one number a pixel."
        )
    return Alignment()


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return predicted and right maps."""
    return {"depths": Judged(list(predictions["depth"]), list(references["depth"]))}


def shaded(depth: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """Return a map as a picture, its least number black and its greatest white."""
    from PIL import Image

    with Image.open(io.BytesIO(depth if isinstance(depth, bytes) else media.encoded(depth))) as opened:
        numbers = np.asarray(opened).astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    return media.stored(Image.fromarray((255 * (numbers - low) / ((high - low) or 1)).astype(np.uint8)))


def sample(prediction: Mapping[str, Any], row: Mapping[str, Any], alignment: Alignment) -> dict[str, Any]:
    """Return the image and both maps as shades."""
    return {
        "image": row["image"],
        "reference": shaded(row["depth"]),
        "prediction": shaded(prediction["depth"]),
    }


DEPTH_ESTIMATION = TaskType(
    name="depth-estimation",
    version=1,
    summary="How far away every pixel of an image is.",
    columns=(IMAGE, DEPTH),
    prediction=PREDICTION,
    metrics=(("depth_errors", {}),),
    batch_cost=8,
    cost_unit="images",
    preprocessing=(),
    align=align,
    open=DepthEstimator,
    evidence=evidence,
    judged_by=("depths",),
    sample=sample,
)
