"""Text to image: a picture drawn from a prompt by a diffusion pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tasks.inference.checkpoints import Checkpoint
from tasks.inference.diffusion import SETTINGS
from tasks.inference.predictor import Options, Predictor
from tasks.types import drawing
from tasks.types.contract import Alignment, Column, Judged, Rows, TaskType
from tasks.types.labels import no_labels

if TYPE_CHECKING:
    import datasets

PROMPT = Column(
    name="prompt",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("text", "caption", "prompts", "description", "sentence"),
    help="what is to be drawn",
)
TARGET = Column(
    name="target",
    role="reference",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("image", "img", "picture", "photo", "reference", "edited_image", "output_image"),
    help="a real or right picture of it",
    required=False,
)


def open_painter(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a pipeline that draws from prompts."""
    return drawing.Painter(checkpoint, options)


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what can be judged: the fit to the prompt, and to right pictures where there are some."""
    return ("prompts", "images") if "target" in columns else ("prompts",)


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return pictures beside their prompts, and beside right pictures of the same size."""
    drawn = list(predictions["image"])
    found = {"prompts": Judged(drawn, list(predictions["prompt"]))}
    if "target" in references:
        found["images"] = Judged(drawn, drawing.fitted(drawn, references["target"]))
    return found


TEXT_TO_IMAGE = TaskType(
    name="text-to-image",
    version=1,
    summary="A picture drawn from a prompt; right pictures of another size are resized to it.",
    columns=(PROMPT, TARGET),
    prediction=drawing.PREDICTION,
    metrics=(("clip_score", {"encoder": "openai/clip-vit-large-patch14"}), ("ssim", {}), ("psnr", {})),
    batch_cost=4,
    cost_unit="images",
    preprocessing=SETTINGS,
    align=no_labels,
    open=open_painter,
    evidence=evidence,
    judged_by=("prompts", "images"),
    sample=drawing.sample,
    generates=True,
    gives=gives,
    form="diffusers",
)
