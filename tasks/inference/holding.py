"""Holding: a loaded model kept for the next evaluation that needs the same one.

Outside of `held` nothing is kept. Inside, one model is: it is released before another is loaded, so that
there is never room needed for two, and when the context ends.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Holder:
    """The last loaded model, and what it is.

    Attributes:
        loads: How many models were loaded.
    """

    def __init__(self) -> None:
        self._key: Hashable = None
        self._model: Any = None
        self.loads = 0

    def take(self, key: Hashable, load: Callable[[], Any]) -> Any:
        """Return the model of a key, loaded if it is not the one that is held."""
        if self._model is None or self._key != key:
            self.release()
            self._model, self._key = load(), key
            self.loads += 1
        return self._model

    def release(self) -> None:
        """Let go of the model that is held."""
        if self._model is None:
            return
        self._key = self._model = None
        # A network's parts point at each other; its memory must be free before the next one needs it.
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            # Another engine does not share torch's store of free memory.
            torch.cuda.empty_cache()


_holder: ContextVar[Holder | None] = ContextVar("holder", default=None)


@contextmanager
def held() -> Iterator[Holder]:
    """Keep the last loaded model while the context is open."""
    holder = Holder()
    token = _holder.set(holder)
    try:
        yield holder
    finally:
        _holder.reset(token)
        holder.release()


def kept(key: Hashable, load: Callable[[], Any]) -> Any:
    """Return the model of a key: the one that is held, or one loaded now.

    >>> with held() as holder:
    ...     found = [kept(key, lambda: object()) for key in ("a", "a", "b")]
    >>> found[0] is found[1], found[1] is found[2], holder.loads
    (True, False, 2)
    """
    holder = _holder.get()
    return load() if holder is None else holder.take(key, load)
