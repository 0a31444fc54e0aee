"""Efficiency: how fast a model ran, what it took, and how near that is to what the machine can do."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.inference.linear import linear_operations
from tasks.inference.predictor import Options
from tasks.inference.tally import Tally

_RAPL = Path("/sys/class/powercap")


@dataclass
class Meter:
    """What is read before and after a run: memory peaks and energy counters.

    Attributes:
        device: The torch device of the run.
        joules: The energy counters when the meter was started; None where the machine cannot tell.
    """

    device: str
    joules: float | None

    @classmethod
    def start(cls, device: str) -> Meter:
        """Reset the peaks and read the counters."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        if device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        return cls(device, energy(device))

    def read(self) -> dict[str, float]:
        """Return what is known: `host_peak_bytes`, `device_peak_bytes`, `joules`."""
        found = {"host_peak_bytes": host_peak_bytes()}
        if self.device.startswith("cuda"):
            import torch

            found["device_peak_bytes"] = float(torch.cuda.max_memory_allocated(self.device))
        now = energy(self.device)
        if now is not None and self.joules is not None and now >= self.joules:
            found["joules"] = now - self.joules
        return found


def host_peak_bytes() -> float:
    """Return the most memory this process held, since the meter was started where the system can tell."""
    import resource

    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024


def energy(device: str) -> float | None:
    """Return a counter of the joules that a device has used; None where the machine cannot tell."""
    if device.startswith("cuda"):
        return _gpu_energy(device)
    counters = sorted(_RAPL.glob("intel-rapl:?/energy_uj"))
    try:
        return sum(int(counter.read_text()) for counter in counters) / 1e6 if counters else None
    except OSError:
        return None


def _gpu_energy(device: str) -> float | None:
    try:
        import pynvml
        import torch

        pynvml.nvmlInit()
        bus = torch.cuda.get_device_properties(device).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{bus}")
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except Exception:
        # A driver without the counter, no NVML: the run must not fail for want of a figure.
        return None


@lru_cache(maxsize=8)
def matmul_peak(device: str, dtype: str, width: int) -> float:
    """Return the floating-point operations a second of the machine's own matrix product.

    Args:
        device: A torch device.
        dtype: The precision.
        width: The model's width: (4096, width) by (width, 4 x width) is timed.
    """
    import torch

    kind = getattr(torch, dtype)
    left = torch.ones(4096, width, device=device, dtype=kind)
    right = torch.ones(width, 4 * width, device=device, dtype=kind)
    operations = 2.0 * 4096 * width * 4 * width
    best = float("inf")
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        began = time.perf_counter()
        left @ right
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return operations / best


def width_of(network: Any) -> int:
    """Return a model's width: what its config states, or else 1024."""
    whole = getattr(network, "config", None)
    for config in (whole, getattr(whole, "text_config", None), getattr(whole, "vision_config", None)):
        for name in ("hidden_size", "d_model", "n_embd"):
            stated = getattr(config, name, None)
            if isinstance(stated, int) and stated > 0:
                return stated
    return 1024


def parameters(network: Any) -> int:
    """Return how many parameters a model has, shared ones once."""
    return sum(each.numel() for each in network.parameters())


def operations(run: Any) -> float:
    """Return the floating-point operations of a call, by torch's own count of matrix products."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    packed = {torch.ops.mkldnn._linear_pointwise: linear_operations}
    counter = FlopCounterMode(display=False, custom_mapping=packed)
    with counter:
        run()
    return float(counter.get_total_flops())


def figures(tally: Tally, options: Options, network: Any, unit: str) -> dict[str, float]:
    """Return the efficiency of a run, by name.

    Args:
        tally: What it did; `tally.operations` per unit of cost where they were counted.
        options: How the model was loaded.
        network: The torch module; None where the model is elsewhere.
        unit: What a row costs: tokens, images, seconds.
    """
    found = dict(tally.latencies())
    if tally.seconds:
        found["rows_per_second"] = (tally.rows - tally.reused) / tally.seconds
        found[f"{unit}_per_second"] = tally.cost / tally.seconds
    if tally.padding_waste is not None:
        found["padding_waste"] = tally.padding_waste
    if tally.load_seconds:
        found["load_seconds"] = tally.load_seconds
    if network is None:
        return found
    found["parameters"] = float(parameters(network))
    if tally.operations and tally.seconds:
        done = tally.operations * tally.cost / tally.seconds
        peak = matmul_peak(options.device, options.dtype, width_of(network))
        found |= {"flops": done, "matmul_peak": peak, "matmul_share": done / peak}
    return found
