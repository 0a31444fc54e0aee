"""The machine that predictions were made on: what can move their last digits, beside the libraries."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path


def here(device: str) -> dict[str, str]:
    """Return what this machine is made of, as far as it can move a prediction.

    Args:
        device: The torch device in use, as `cpu` or `cuda:0`; `endpoint` where another machine predicts.

    >>> sorted(here("cpu"))
    ['architecture', 'cores', 'device', 'processor', 'system', 'threads']
    """
    if device == "endpoint":
        return {"device": "endpoint"}
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "threads": _threads(),
        "device": _named(device),
    }


@cache
def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _threads() -> str:
    """Return how many threads torch adds numbers up with; what was asked for where it is not loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return os.environ.get("OMP_NUM_THREADS", "")
    return str(torch.get_num_threads())


def _named(device: str) -> str:
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return device
    return f"cuda: {torch.cuda.get_device_name(device)}"
