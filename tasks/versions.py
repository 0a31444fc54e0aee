"""Versions of everything that can move a score, recorded with each run."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

RECORDED = ("assay", "torch", "transformers", "tokenizers", "datasets", "numpy", "scikit-learn", "jiwer")


def of(package: str) -> str:
    """Return the version of a package, or that it is not installed.

    >>> of("no-such-package")
    'not installed'
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@cache
def pins() -> dict[str, str]:
    """Return the version of each recorded package, and of Python.

    >>> "torch" in pins()
    True
    """
    found = {"python": platform.python_version()}
    found |= {name.replace("-", "_"): of(name) for name in RECORDED}
    return found


def of_engine(engine: str) -> dict[str, str]:
    """Return the version of what ran a model, as a parameter; nothing where it is recorded or elsewhere.

    >>> of_engine("transformers"), of_engine("endpoint")
    ({}, {})
    """
    return (
        {} if engine in {*RECORDED, "endpoint", "file", "python"} else {f"version_{engine}": version(engine)}
    )
