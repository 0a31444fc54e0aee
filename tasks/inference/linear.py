"""Linear layers on a CPU, with weights packed for oneDNN where that is faster than what torch calls.

For float32, torch hands matrix products to MKL, which leaves half of some processors' vector units idle
(AVX-512 on processors of other makers than its own). oneDNN uses them, and torch carries it; the difference
is measured on this machine before anything is changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

ROWS = 512
"""Rows that weights are packed for, and that the trial multiplies; other numbers work as well."""

WORTH = 1.15
"""How much faster packed weights must be for layers to be changed."""


def accelerate(network: Any) -> int:
    """Pack the weights of a model's linear layers where this machine gains by it; return how many.

    Args:
        network: A torch module on the CPU, in evaluation mode. It is changed in place, and can no longer
            be trained, moved or saved.
    """
    import torch

    if not worthwhile():
        return 0
    packed = 0
    for name, module in list(network.named_modules()):
        plain = type(module) is torch.nn.Linear and module.weight.dtype == torch.float32
        if not plain or module.weight.device.type != "cpu" or not name:
            continue
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent) if parent else network, child, _packed_linear()(module).eval())
        packed += 1
    return packed


@cache
def _packed_linear() -> Any:
    """Return the class of layers that compute what a linear layer does, from packed weights.

    A layer keeps `weight` and `bias` under their names, for code that looks at their type; `weight` is
    without its values, unless another module shares them.
    """
    import torch

    class PackedLinear(torch.nn.Module):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.in_features, self.out_features = layer.in_features, layer.out_features
            self.packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach().contiguous(), ROWS)
            self.weight = torch.nn.Parameter(layer.weight.detach().to("meta"), requires_grad=False)
            self.bias = layer.bias

        def forward(self, states: Any) -> Any:
            return torch.ops.mkldnn._linear_pointwise(states, self.packed, self.bias, "none", [], "")

    return PackedLinear


@cache
def worthwhile() -> bool:
    """Tell whether packed weights are faster here, by trying both."""
    import torch

    try:
        with torch.inference_mode():
            states, weight, bias = torch.ones(ROWS, 768), torch.ones(768, 768), torch.ones(768)
            packed = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
            plain_s = _best(lambda: torch.nn.functional.linear(states, weight, bias))
            packed_s = _best(lambda: torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], ""))
    except (RuntimeError, AttributeError, NotImplementedError):
        # A build of torch without these operators computes the usual way.
        return False
    return plain_s > WORTH * packed_s


def _best(work: Callable[[], object]) -> float:
    work()
    best = float("inf")
    until = time.perf_counter() + 0.03
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def linear_operations(states: Any, weight: Any, *_: Any, **__: Any) -> int:
    """Return the floating-point operations of a packed product, from the shapes of its arguments.

    >>> linear_operations([2, 3, 4], [5, 4])
    240
    """
    rows = 1
    for size in states[:-1]:
        rows *= size
    return int(2 * rows * states[-1] * weight[0])
