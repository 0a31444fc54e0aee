"""Objects that threads may not share, one for each thread."""

from __future__ import annotations

import copy
import threading
from typing import Any


class PerThread:
    """Stands for an object of which every thread has a copy of its own, made when it first asks.

    A fast tokenizer is one: how it cuts and pads is its state, and two threads that cut differently at the
    same time make it refuse ("Already borrowed").

    >>> shared = PerThread([1, 2])
    >>> shared.index(2), len(shared)
    (1, 2)
    """

    def __init__(self, original: Any) -> None:
        self._original, self._local, self._lock = original, threading.local(), threading.Lock()
        self._local.mine = original

    def _mine(self) -> Any:
        if not hasattr(self._local, "mine"):
            with self._lock:
                self._local.mine = copy.deepcopy(self._original)
        return self._local.mine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mine(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what every copy is to have, which is for before other threads ask for theirs."""
        if name in {"_original", "_local", "_lock"}:
            object.__setattr__(self, name, value)
            return
        for each in {id(one): one for one in (self._original, self._mine())}.values():
            setattr(each, name, value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call this thread's copy."""
        return self._mine()(*arguments, **named)

    def __len__(self) -> int:
        return len(self._mine())
