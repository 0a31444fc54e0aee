"""Division of arrays where the divisor may be nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tasks.metrics.statistics import FloatArray


def over(above: ArrayLike, below: ArrayLike, nothing: float = 0.0) -> FloatArray:
    """Divide; by 0 is `nothing`.

    >>> over([1.0, 1.0], [2.0, 0.0])
    array([0.5, 0. ])
    """
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    return np.asarray(np.divide(above, below, out=np.full(below.shape, nothing), where=below != 0))
