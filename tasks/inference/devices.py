"""Devices and precision: what `auto` means on this machine."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal, cast

from tasks.errors import BadEvaluation

Dtype = Literal["float32", "bfloat16", "float16"]


def choose_device(asked: str) -> str:
    """Return the torch device to run on.

    Raises:
        BadEvaluation: A device was named that this machine lacks.

    >>> choose_device("cpu")
    'cpu'
    """
    if asked == "cpu":
        return asked
    if asked == "auto" and _built_for_cpu():
        return "cpu"
    import torch

    there_is = ["cpu"]
    if torch.cuda.is_available():
        there_is += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        there_is.append("mps")
    if asked == "auto":
        return "cpu" if len(there_is) == 1 else there_is[1]
    chosen = "cuda:0" if asked == "cuda" else asked
    if chosen not in there_is:
        raise BadEvaluation(
            f"There is no device '{asked}' on this machine; there are: {', '.join(there_is)}."
        )
    return chosen


def alike(device: str) -> list[str]:
    """Return the devices of this machine that are of the kind of one: every GPU for a GPU.

    >>> alike("cpu")
    ['cpu']
    """
    if not device.startswith("cuda"):
        return [device]
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _built_for_cpu() -> bool:
    """Tell from its version alone that the installed torch knows no accelerator.

    Importing torch takes seconds, which an evaluation whose predictions are all stored need not spend.
    """
    return version("torch").endswith("+cpu")


def choose_dtype(asked: str, device: str) -> Dtype:
    """Return the precision to load weights in: what was asked, or what suits the device.

    >>> choose_dtype("auto", "cpu"), choose_dtype("bfloat16", "cpu")
    ('float32', 'bfloat16')
    """
    if asked != "auto":
        return cast(Dtype, asked)
    if not device.startswith("cuda"):
        return "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
