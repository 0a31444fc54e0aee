"""The Hub's listings: models and datasets by tag, task type and words, and a benchmark's leaderboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.hub.server import Hub, Kind, Repository


def card(repository: Repository) -> dict[str, Any]:
    """Return the header of a repository's card, as far as it is YAML."""
    text = repository.files.get("README.md", b"").decode()
    found = re.match(r"---\n(.*?)^---", text, re.DOTALL | re.MULTILINE)
    try:
        return dict(yaml.safe_load(found[1]) or {}) if found else {}
    except (yaml.YAMLError, ValueError):
        return {}


def tags(repository: Repository) -> list[str]:
    """Return the tags that the Hub makes of a card."""
    header = card(repository)

    def several(key: str) -> list[Any]:
        value = header.get(key) or []
        return value if isinstance(value, list) else [value]

    found = [str(each) for each in several("tags")]
    found += [f"dataset:{each}" for each in several("datasets")]
    found += [f"task_categories:{each}" for each in several("task_categories")]
    if header.get("pipeline_tag"):
        found.append(header["pipeline_tag"])
    return found


def about(repository: Repository, expand: list[str]) -> dict[str, Any]:
    """Describe a repository with what the Hub reads from its card."""
    header = card(repository)
    found = {
        "id": repository.name,
        "tags": tags(repository),
        "downloads": repository.downloads,
        "likes": 0,
        "private": repository.private,
        "pipeline_tag": header.get("pipeline_tag"),
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    if "cardData" in expand:
        found["cardData"] = header
    if "model-index" in expand and header.get("model-index"):
        found["model-index"] = header["model-index"]
    return found


def listed(hub: Hub, kind: Kind, query: dict[str, list[str]]) -> list[dict[str, Any]]:
    """List public repositories that carry all the tags asked for, most downloaded first."""
    wanted = {*query.get("filter", []), *query.get("pipeline_tag", [])}
    words = query.get("search", [""])[0].lower()
    found = [
        each
        for (its_kind, _), each in hub.repositories.items()
        if its_kind == kind and not each.private and wanted <= set(tags(each)) and words in each.name.lower()
    ]
    found.sort(key=lambda each: -each.downloads)
    most = int(query.get("limit", ["1000"])[0])
    return [about(each, query.get("expand", [])) for each in found[:most]]


def leaderboard(hub: Hub, name: str) -> list[dict[str, Any]]:
    """Rank what models report on a dataset in `.eval_results`."""
    entries = []
    for (kind, model), repository in hub.repositories.items():
        if kind != "models":
            continue
        for path, content in repository.files.items():
            if not path.startswith(".eval_results/"):
                continue
            for each in yaml.safe_load(content) or []:
                if each["dataset"]["id"] == name:
                    entries.append((float(each["value"]), model, path, each.get("notes")))
    entries.sort(reverse=True)
    return [
        {
            "rank": place,
            "modelId": model,
            "value": value,
            "filename": path,
            "verified": False,
            "source": None,
            "author": {"type": "org", "name": model.split("/")[0], "fullname": "", "avatarUrl": ""},
            "notes": notes,
        }
        for place, (value, model, path, notes) in enumerate(entries, 1)
    ]
