"""The Helm chart rendered by Helm's own library, one list of documents for each way to install it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import helm_python
import yaml

from tests.infra.composition import ROOT

CHART = ROOT / "infra" / "kubernetes" / "assay"
NAME = "assay"
VALUES: Mapping[str, dict[str, Any]] = {
    "as it is": {},
    "gpu": yaml.safe_load((CHART.parent / "gpu.yaml").read_text(encoding="utf-8")),
    "autoscaled": {"worker": {"autoscaling": {"enabled": True}}, "policy": "publish: false\n"},
    "own stores": {
        "postgres": {"address": "db.example.org:5433"},
        "valkey": {"address": "queue.example.org:6380"},
        "s3": {"address": "https://s3.example.org"},
        "worker": {"autoscaling": {"enabled": True}},
    },
}
"""The ways to install it that are tested."""


@functools.cache
def documents(values: str) -> tuple[dict[str, Any], ...]:
    """Return what an installation with these values is made of."""
    with helm_python.Chart.load(str(CHART)) as chart:
        rendered: dict[str, str] = chart.render(VALUES[values], name=NAME, namespace="evaluation")
    found = [each for text in rendered.values() for each in yaml.safe_load_all(text) if each]
    assert found
    return tuple(found)


def of_kind(values: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """Return the documents of some kinds by name."""
    return {each["metadata"]["name"]: each for each in documents(values) if each["kind"] in kinds}


def pods(values: str) -> dict[str, dict[str, Any]]:
    """Return the pod of every part by the part's name."""
    kinds = ("Deployment", "StatefulSet", "Job")
    templates = [each["spec"]["template"] for each in of_kind(values, *kinds).values()]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"] for each in templates}


def container(values: str, part: str) -> dict[str, Any]:
    """Return the one container of a part."""
    (only,) = pods(values)[part]["containers"]
    return dict(only)


def environment(values: str, part: str) -> dict[str, str]:
    """Return the environment of a part, without what comes from elsewhere."""
    return {each["name"]: each["value"] for each in container(values, part)["env"] if "value" in each}


def matching(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Return whether a selector finds what has these labels."""
    return selector.items() <= labels.items()


def parts(values: str) -> Iterable[str]:
    """Return the names of the parts that have pods."""
    return pods(values)
