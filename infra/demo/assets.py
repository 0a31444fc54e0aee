"""Assets: folders that are made once, whole or not at all, and made again when their recipe changes."""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

STAMP = ".recipe"


class NotToBeHad(Exception):
    """An asset cannot be made here; the message says why in one sentence."""


@dataclass(frozen=True)
class Asset:
    """A model or a data set of the demo.

    Attributes:
        name: Its folder below the demo's, as models/digits-vit-nano.
        make: Fills an empty folder; is given the demo's folder too, for what was made before it.
        recipes: Modules whose source decides what is made.
        core: Whether the demo cannot do without it.
        needs: Names of assets made before it.
    """

    name: str
    make: Callable[[Path, Path], None]
    recipes: tuple[ModuleType, ...]
    core: bool = True
    needs: tuple[str, ...] = ()

    def recipe(self) -> str:
        """Return a digest of the source that makes it."""
        source = "".join(inspect.getsource(module) for module in self.recipes)
        return hashlib.sha256(f"{self.name}{source}".encode()).hexdigest()

    def is_ready(self, demo: Path) -> bool:
        """Tell whether it is there, made by today's recipe."""
        stamp = demo / self.name / STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.recipe()

    def build(self, demo: Path) -> None:
        """Make it in a temporary folder and put it in place.

        Raises:
            NotToBeHad: It cannot be made here.
        """
        place = demo / self.name
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=".making-"))
        try:
            self.make(made, demo)
            (made / STAMP).write_text(self.recipe(), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            os.replace(made, place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
