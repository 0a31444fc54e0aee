"""Metrics: pure functions on arrays and strings, in one explicit table.

Another package adds a metric through the entry point group `assay.metrics`: the entry's name is the
metric's, its value loads to a `Metric`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from inspect import Parameter
from typing import Any

from tasks.errors import BadEvaluation, unknown
from tasks.metrics import (
    bertscore,
    classification,
    clip_score,
    detection,
    encoders,
    fidelity,
    modules,
    perceptual,
    perplexity,
    segmentation,
    sequences,
    set_distances,
    transcripts,
)
from tasks.metrics.classification import confusion
from tasks.metrics.contract import Measurement, Metric, Score
from tasks.metrics.intervals import scores

__all__ = ["METRICS", "Measurement", "Metric", "Score", "compute", "confusion", "metric", "metrics"]

METRICS = {
    each.name: each
    for each in (
        Metric("accuracy", "labels", classification.accuracy),
        Metric("balanced_accuracy", "labels", classification.balanced_accuracy),
        Metric("precision", "labels", classification.precision),
        Metric("recall", "labels", classification.recall),
        Metric("f1", "labels", classification.f1),
        Metric("matthews_correlation", "labels", classification.matthews_correlation),
        Metric("cohen_kappa", "labels", classification.cohen_kappa),
        Metric("seqeval", "tags", sequences.seqeval),
        Metric("wer", "texts", transcripts.wer),
        Metric("cer", "texts", transcripts.cer),
        Metric("mer", "texts", transcripts.mer),
        Metric("wil", "texts", transcripts.wil),
        Metric("wip", "texts", transcripts.wip),
        Metric("psnr", "images", fidelity.psnr),
        Metric("ssim", "images", fidelity.ssim),
        Metric("ms_ssim", "images", fidelity.ms_ssim),
        Metric("mean_iou", "maps", segmentation.mean_iou),
        Metric("pixel_accuracy", "maps", segmentation.pixel_accuracy),
        Metric("dice", "maps", segmentation.dice),
        Metric("mean_average_precision", "boxes", detection.mean_average_precision),
        Metric("perceptual_distance", "images", perceptual.perceptual_distance, check=encoders.check),
        Metric("frechet_distance", "images", set_distances.frechet_distance, check=encoders.check),
        Metric("kernel_distance", "images", set_distances.kernel_distance, check=encoders.check),
        Metric("clip_score", "prompts", clip_score.clip_score, check=encoders.check),
        Metric("bertscore", "texts", bertscore.bertscore, check=encoders.check),
        Metric("perplexity", "texts", perplexity.perplexity, check=encoders.check),
        Metric("evaluate", "anything", modules.evaluate, check=modules.check),
    )
}


@cache
def metrics() -> dict[str, Metric]:
    """Return every metric by name, Assay's own and those of other installed packages."""
    return {**_added(), **METRICS}


def _added() -> dict[str, Metric]:
    """Return the metrics of other packages; one that does not load is left out, with a warning."""
    found = {}
    for entry in entry_points(group="assay.metrics"):
        package = entry.dist.name if entry.dist is not None else "another package"
        try:
            loaded = entry.load()
        except Exception as error:
            warnings.warn(f"The metric '{entry.name}' of {package} does not load: {error}", stacklevel=2)
            continue
        if not isinstance(loaded, Metric) or loaded.name != entry.name or entry.name in METRICS:
            warnings.warn(
                f"The entry point '{entry.name}' of {package} is left out: it is no Metric of that name, or "
                "Assay has one.",
                stacklevel=2,
            )
            continue
        found[entry.name] = loaded
    return found


def metric(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        UnknownName: There is no such metric.

    >>> metric("wer").takes
    'texts'
    """
    there_is = metrics()
    if name not in there_is:
        raise unknown("metric", name, there_is)
    return there_is[name]


def compute(
    name: str,
    *,
    predictions: Sequence[Any],
    references: Sequence[Any] = (),
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    **arguments: Any,
) -> dict[str, Score]:
    """Compute a metric with its intervals; inputs have the shapes of HF evaluate's metric of that name.

    Raises:
        UnknownName: There is no such metric, or it has no such argument.
        BadEvaluation: Predictions and references do not pair up, or the metric cannot take them.

    >>> compute("accuracy", predictions=[0, 1, 1], references=[0, 1, 0], resamples=0)["accuracy"].n
    3
    """
    found = metric(name)
    for argument in arguments:
        if argument not in found.arguments:
            raise unknown(f"argument of the metric '{name}'", argument, found.arguments)
    missing = [name for name, default in found.arguments.items() if default is Parameter.empty]
    for argument in missing:
        if argument not in arguments:
            raise BadEvaluation(f"The metric '{name}' needs the argument '{argument}'.")
    measured = found.measure(predictions, references, **arguments)
    return scores(measured, level=level, resamples=resamples, seed=seed)
