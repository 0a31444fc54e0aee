"""Advisories: known holes in the packages that constraints.txt pins, as PyPI knows them."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.audit.committed import KNOWN

SECONDS = 120
"""For the whole of it."""


@dataclass(frozen=True)
class Audit:
    """What asking about packages came to.

    Attributes:
        holes: Each known hole as package, version and advisory.
        asked: How many packages the service answered for.
        unasked: How many it did not.
        problem: Why nothing could be asked at all; empty where it could.
    """

    holes: tuple[str, ...] = ()
    asked: int = 0
    unasked: int = 0
    problem: str = ""


def audit(constraints: Path, *, service: Sequence[str] = ()) -> Audit:
    """Ask about every pinned package, as it is pinned; nothing is installed or resolved.

    Args:
        constraints: The pins.
        service: Arguments that name another service than PyPI's.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(constraints), "--no-deps"]
    how = ["--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", "10"]
    try:
        done = subprocess.run(
            [*command, *how, *service], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Audit(problem=f"the advisory service did not answer in {SECONDS} s")
    try:
        return read(json.loads(done.stdout), known(KNOWN), datetime.date.today())
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Audit(problem=f"the advisory service could not be asked: {said[:300]}")


def known(file: Path) -> list[Mapping[str, Any]]:
    """Return the advisories that are known not to matter."""
    found: list[Mapping[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["advisories"]
    return found


def read(answer: Mapping[str, Any], accepted: Sequence[Mapping[str, Any]], today: datetime.date) -> Audit:
    """Return what an answer of pip-audit's says; a package that was not asked about is not a good one.

    >>> hole = {"id": "PYSEC-1", "aliases": [], "fix_versions": ["2"]}
    >>> one = {"name": "a", "version": "1", "vulns": [hole]}
    >>> read({"dependencies": [one, {"name": "b", "skip_reason": "not found"}]}, [], datetime.date.today())
    Audit(holes=('a 1: PYSEC-1, mended in 2',), asked=1, unasked=1, problem='')
    """
    holes, asked, unasked = [], 0, 0
    for package in answer["dependencies"]:
        if "skip_reason" in package:
            unasked += 1
            continue
        asked += 1
        for hole in package["vulns"]:
            names = {hole["id"], *hole.get("aliases", ())}
            if any(_accepts(each, package["name"], names, today) for each in accepted):
                continue
            mended = " or ".join(hole.get("fix_versions", ())) or "no version yet"
            holes.append(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    return Audit(tuple(holes), asked, unasked)


def _accepts(entry: Mapping[str, Any], package: str, names: set[str], today: datetime.date) -> bool:
    if not str(entry.get("reason", "")).strip():
        raise ValueError(f"{KNOWN}: the entry of {entry.get('id')} gives no reason")
    until = entry.get("until")
    in_time = until is None or today <= until
    return entry["id"] in names and entry["package"] == package and in_time
