"""Metrics that HF evaluate modules define: a Python script of a folder or the Hub, run on this machine."""

from __future__ import annotations

import hashlib
import importlib
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tasks.errors import BadEvaluation, NotFound, Refused, listing
from tasks.metrics.contract import Measurement
from tasks.metrics.hub_errors import clear, first_line
from tasks.metrics.shapes import check_lengths
from tasks.metrics.statistics import FloatArray, Weighted

_FEWEST = 50
"""Bootstrap samples below which an interval would say little: then there is none."""


def evaluate(
    predictions: Sequence[Any],
    references: Sequence[Any],
    module: str,
    revision: str | None = None,
    config: str | None = None,
    options: Mapping[str, Any] | None = None,
    labels: Sequence[Any] | None = None,
    higher_is_better: bool = True,
    seconds: float = 10.0,
    allow_remote_code: bool = False,
) -> Measurement:
    """Whatever a module of HF evaluate computes, by its own code; it judges what the task type gives.

    Keys: `<module>/<key>` for every number that the module returns; anything else it returns is named in the
    tags. Refused unless the evaluation's settings say `allow_remote_code: true`, since it runs the module's
    code on this machine.

    Args:
        predictions: As the module takes them.
        references: As the module takes them.
        module: A folder that holds a script of its name, a script, or a Hub name (accuracy, owner/name).
        revision: The commit or tag of a Hub module, which must be given: its code could change otherwise.
        config: The module's configuration, where it has several.
        options: What to pass on to its compute(), by name.
        labels: The order of label names, for a module that takes numbers; left out, they are sorted.
        higher_is_better: The direction of its scores, which a module does not say.
        seconds: How long the bootstrap may take: the interval is of as many samples (by rows) as fit, and
            there is none where fewer than 50 do. The tags say how many.
        allow_remote_code: Whether its code may run; an evaluation sets this from its settings.

    Reference: evaluate.load(module).compute(…).
    """
    check(module=module, revision=revision, config=config, allow_remote_code=allow_remote_code)
    check_lengths(predictions, references)
    script = _script(module, revision)
    loaded = _load(str(script), config, _digest(script))
    given = _numbered(loaded, list(predictions), list(references), labels)
    name = script.stem
    passed = dict(options or {})
    begun = time.perf_counter()
    try:
        whole = loaded.compute(predictions=given[0], references=given[1], **passed)
    except Exception as error:
        raise BadEvaluation(f"The metric module '{module}' failed: {first_line(error)}") from error
    took = time.perf_counter() - begun
    numbers = _numbers(name, whole)
    if not numbers:
        raise BadEvaluation(f"The metric module '{module}' returned no number, but {listing(whole or ())}.")

    def resampled(weights: FloatArray) -> dict[str, float]:
        rows = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
        try:
            return _numbers(
                name,
                loaded.compute(
                    predictions=[given[0][row] for row in rows],
                    references=[given[1][row] for row in rows],
                    **passed,
                ),
            )
        except Exception:
            # A module may fail, each in its own way, on a sample that lacks a class: there it is undefined.
            return {}

    def score(weights: FloatArray) -> dict[str, FloatArray]:
        if weights.ndim == 1:
            found = numbers if (weights == 1).all() else resampled(weights)
            return {key: np.asarray(found.get(key, np.nan)) for key in numbers}
        drawn = [resampled(each) for each in weights]
        return {key: np.array([each.get(key, np.nan) for each in drawn]) for key in numbers}

    samples = int(seconds / max(took, 1e-9))
    affordable = samples if samples >= _FEWEST else 0
    return Measurement(
        Weighted.every(len(given[0])),
        score,
        dict.fromkeys(numbers, higher_is_better),
        tags={name: _description(script, whole, numbers, affordable, seconds)},
        most_resamples=affordable,
    )


def check(
    *,
    module: str,
    revision: str | None = None,
    config: str | None = None,
    allow_remote_code: bool = False,
    **_: object,
) -> None:
    """Check that a module is there, loads, and may run.

    Raises:
        Refused: Its code may not run.
        NotFound: There is no such module.
        BadEvaluation: A Hub module without a revision, or a module that does not load.
    """
    if not allow_remote_code:
        raise Refused(
            f"The metric module '{module}' runs its own code on this machine; read that code, then set "
            "allow_remote_code: true."
        )
    script = _script(module, revision)
    _load(str(script), config, _digest(script))


def _script(module: str, revision: str | None) -> Path:
    """Return the script of a module, fetched from the Hub where it is no local one."""
    path = Path(module).expanduser()
    if path.is_file():
        return path.resolve()
    if path.is_dir():
        path = path.resolve()
        if not (path / f"{path.name}.py").is_file():
            there = sorted(each.name for each in path.iterdir())
            raise NotFound(f"The folder '{module}' holds no {path.name}.py; there are: {listing(there, 8)}.")
        return path / f"{path.name}.py"
    if module.startswith((".", "/", "~")) or module.count("/") > 1 or module.endswith(".py"):
        raise NotFound(f"There is no metric module '{module}': neither a folder nor a script.")
    if not revision:
        raise BadEvaluation(
            f"The metric module '{module}' is fetched from the Hub, where its code can change; give "
            "revision, the commit or tag to run."
        )
    return _fetched(module, revision)


@lru_cache(maxsize=32)
def _fetched(module: str, revision: str) -> Path:
    # evaluate's own loader falls back to whatever revision was run last when the Hub does not answer.
    from huggingface_hub import snapshot_download

    name = module if "/" in module else f"evaluate-metric/{module}"
    try:
        folder = Path(snapshot_download(name, repo_type="space", revision=revision))
    except (OSError, ValueError) as error:
        raise clear("metric module", module, error) from error
    script = folder / f"{name.partition('/')[2]}.py"
    if not script.is_file():
        raise NotFound(f"The Hub's '{name}' is no metric module: it holds no {script.name}.")
    return script


def _digest(script: Path) -> str:
    return hashlib.sha256(script.read_bytes()).hexdigest()


@lru_cache(maxsize=8)
def _load(script: str, config: str | None, digest: str) -> Any:
    import evaluate as library

    # The library copies the script to a folder that Python may have looked into a moment ago.
    importlib.invalidate_caches()
    try:
        return library.load(script, config, keep_in_memory=True, experiment_id=uuid.uuid4().hex)
    except Exception as error:
        raise BadEvaluation(f"The metric module '{script}' does not load: {first_line(error)}") from error


def _numbered(
    loaded: Any, predictions: list[Any], references: list[Any], labels: Sequence[Any] | None
) -> tuple[list[Any], list[Any]]:
    """Number labels where the module takes numbers and was given names."""
    names = [*predictions, *references]
    features = loaded.features if isinstance(loaded.features, list) else [loaded.features]
    kinds = {str(getattr(one.get("references"), "dtype", "")) for one in features}
    named = all(isinstance(name, str) for name in names)
    if not (named and all(kind.startswith("int") for kind in kinds)):
        return predictions, references
    order = list(labels) if labels is not None else sorted(set(names))
    number = {name: place for place, name in enumerate(order)}
    strange = sorted(set(names) - set(number))
    if strange:
        raise BadEvaluation(f"The label '{strange[0]}' is not among labels: {listing(order)}.")
    return [number[name] for name in predictions], [number[name] for name in references]


def _numbers(name: str, result: Any) -> dict[str, float]:
    """Return the numbers of what a module returned, by score key."""
    found = {}
    for key, value in (result or {}).items():
        if np.ndim(value) == 0 and isinstance(value, (int, float, np.number, np.ndarray)):
            found[f"{name}/{key}"] = float(value)
    return found


def _description(script: Path, whole: Any, numbers: Mapping[str, float], samples: int, seconds: float) -> str:
    left_out = [str(key) for key in whole if f"{script.stem}/{key}" not in numbers]
    interval = f"interval of at most {samples} samples" if samples else "no interval"
    others = f"; returned no numbers: {listing(left_out)}" if left_out else ""
    return f"HF evaluate module, SHA-256 {_digest(script)[:16]}; {interval} in {seconds:g} s{others}"
