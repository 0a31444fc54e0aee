"""Unconditional image generation: pictures drawn from noise, judged as a set against real ones."""

from __future__ import annotations

from tasks.inference.checkpoints import Checkpoint
from tasks.inference.diffusion import SETTINGS
from tasks.inference.predictor import Options, Predictor
from tasks.types import drawing
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import no_labels

REAL = Column(
    name="target",
    role="reference",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("image", "img", "picture", "photo", "real"),
    help="a real picture; as many are drawn as there are",
)


def open_painter(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a pipeline that draws from noise alone."""
    return drawing.Painter(checkpoint, options)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return drawn and real pictures, which belong together only as sets."""
    return {"images": Judged(list(predictions["image"]), list(references["target"]))}


UNCONDITIONAL_IMAGE_GENERATION = TaskType(
    name="unconditional-image-generation",
    version=1,
    summary="Pictures drawn from noise, as many as the dataset has, judged as a set against its own.",
    columns=(REAL,),
    prediction=drawing.PREDICTION,
    metrics=(("frechet_distance", {"encoder": "facebook/dinov2-base"}),),
    batch_cost=8,
    cost_unit="images",
    preprocessing=SETTINGS,
    align=no_labels,
    open=open_painter,
    evidence=evidence,
    judged_by=("images",),
    sample=drawing.sample,
    generates=True,
    form="diffusers",
)
