"""Image to image: a picture made of another, by a diffusion pipeline: edited, restored, enlarged."""

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

SOURCE = Column(
    name="image",
    role="input",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("source", "source_image", "input_image", "original_image", "lr", "input", "source_img"),
    help="the picture to start from",
)
PROMPT = Column(
    name="prompt",
    role="input",
    accepts=frozenset({"text"}),
    typical="text",
    aliases=("edit_prompt", "instruction", "text", "edit", "caption"),
    help="what is to become of it",
    required=False,
)
TARGET = Column(
    name="target",
    role="reference",
    accepts=frozenset({"image"}),
    typical="image",
    aliases=("target_image", "edited_image", "output_image", "hr", "output", "target_img"),
    help="the right picture",
    required=False,
)


def open_painter(checkpoint: Checkpoint, options: Options) -> Predictor:
    """Load a pipeline that draws from pictures: its own kind, or what diffusers turns it into."""
    return drawing.Painter(checkpoint, options, from_pictures=True)


def gives(features: datasets.Features, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return what can be judged: the fit to right pictures, and to the prompt, where there are some."""
    return (*(("images",) if "target" in columns else ()), *(("prompts",) if "prompt" in columns else ()))


def evidence(predictions: Rows, references: Rows, alignment: Alignment) -> dict[str, Judged]:
    """Return pictures beside right ones of the same size, and beside their prompts."""
    drawn = list(predictions["image"])
    found = {}
    if "target" in references:
        found["images"] = Judged(drawn, drawing.fitted(drawn, references["target"]))
    if drawing.judged_prompts(predictions):
        found["prompts"] = Judged(drawn, list(predictions["prompt"]))
    return found


IMAGE_TO_IMAGE = TaskType(
    name="image-to-image",
    version=1,
    summary="A picture made of another; right pictures of another size are resized to it.",
    columns=(SOURCE, PROMPT, TARGET),
    prediction=drawing.PREDICTION,
    metrics=(("ssim", {}), ("psnr", {})),
    batch_cost=4,
    cost_unit="images",
    preprocessing=SETTINGS,
    align=no_labels,
    open=open_painter,
    evidence=evidence,
    judged_by=("images", "prompts"),
    sample=drawing.sample,
    generates=True,
    gives=gives,
    form="diffusers",
)
