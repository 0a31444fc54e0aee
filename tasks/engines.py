"""Engines: what runs a model, chosen by the settings and checked before any model loads."""

from __future__ import annotations

from importlib.util import find_spec

from tasks import catalogue
from tasks.errors import BadEvaluation, listing
from tasks.inference import converted
from tasks.inference.checkpoints import Checkpoint
from tasks.inference.predictor import Options
from tasks.spec import Model, Settings
from tasks.types import task_type
from tasks.types.contract import Open, TaskType

FILE = "file"
"""What gives out the predictions of a file: it runs no model."""
PYTHON = "python"
"""What calls a function."""

SPREAD_BY_THEMSELVES = frozenset({"endpoint", "vllm", FILE, PYTHON})
"""Engines that have many rows under way on their own, which a second process would only get in the way of."""


def choose(kind: TaskType, model: Model, settings: Settings) -> str:
    """Return the engine of a model: its endpoint or file where it has one, or else what the settings say.

    Raises:
        BadEvaluation: The task type cannot be run so, or the engine is not installed.
    """
    if model.predictions or model.function is not None:
        return FILE if model.predictions else PYTHON
    engine = "endpoint" if model.endpoint else settings.engine
    if engine == "transformers":
        return engine
    if engine not in kind.engines:
        able = [name for name in catalogue.task_types() if engine in task_type(name).engines]
        how = "behind an endpoint" if engine == "endpoint" else f"by the engine {engine}"
        here = listing(["transformers", *(each for each in kind.engines if each != "endpoint")])
        raise BadEvaluation(
            f"The task type {kind.name} cannot be run {how}, which can be: {listing(able)}; "
            f"the engines of {kind.name} are: {here}."
        )
    if engine != "endpoint" and find_spec(engine) is None:
        raise BadEvaluation(
            f"The engine {engine} is not installed: pip install 'assay[{engine}]', "
            "or set settings.engine to transformers."
        )
    return engine


def check_form(checkpoint: Checkpoint, engine: str) -> None:
    """Refuse weights in a form that the engine does not read.

    Raises:
        BadEvaluation: They are converted for CTranslate2, and another engine was chosen.
    """
    if checkpoint.form == "ctranslate2" and engine != "ctranslate2":
        raise BadEvaluation(
            f"The model '{checkpoint.name}' is converted for CTranslate2; "
            f"set settings.engine to ctranslate2, or name the model it was made of."
        )


def check_machine(options: Options) -> None:
    """Refuse a device or precision that the engine does not have here.

    Raises:
        BadEvaluation: It does not run there, or not in that precision.
    """
    if options.engine == "ctranslate2":
        converted.check(options)
    if options.engine == "vllm" and options.device != "cuda:0":
        raise BadEvaluation(
            "The engine vllm runs on the first CUDA device, which CUDA_VISIBLE_DEVICES can choose, and this "
            f"evaluation on {options.device}; set settings.device to cuda or settings.engine to transformers."
        )


def opener(kind: TaskType, engine: str) -> Open:
    """Return what opens a model of a task type with an engine."""
    return kind.open if engine == "transformers" else kind.engines[engine]
