"""Merging: new entries into what a repository says already, touching nothing that is not one's own.

One's own is what this installation's key signed. Everything is pure: texts in, texts out.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks import documents
from tasks.cards import header
from tasks.errors import BadEvaluation
from tasks.publish import signatures

CARD = "README.md"
INDEX = "model-index"
Entry = dict[str, Any]
Own = Callable[[Any], bool]
"""Whether a token is signed by one's own key."""


def signed_by(key: str) -> Own:
    """Return what tells tokens that a public key signed, altered ones not among them."""

    def own(token: Any) -> bool:
        found = signatures.opened(token)
        return found is not None and found.key == key and found.intact

    return own


def signed(token: Any) -> bool:
    """Tell whether some key of Assay's signed a token."""
    found = signatures.opened(token)
    return found is not None and found.intact


def nobody(token: Any) -> bool:
    """Tell that no token is one's own: what is merged takes no other's place."""
    return False


def index_of(card: str, name: str) -> list[Entry]:
    """Return a card's model-index, empty where it has none.

    Raises:
        BadEvaluation: The card's header cannot be read, or its model-index is of another form.
    """
    index = header.read(card, name).get(INDEX) or []
    right = isinstance(index, list) and all(
        isinstance(each, Mapping) and isinstance(each.get("results") or [], list) for each in index
    )
    if not right:
        raise BadEvaluation(f"The model-index of the card of '{name}' is no list of models with results.")
    return copy.deepcopy(index)


def own_items(index: Sequence[Entry], own: Own) -> list[Entry]:
    """Return the items of a model-index whose every score is one's own."""
    return [item for each in index for item in each.get("results") or [] if _is_own(item, own)]


def _is_own(item: Any, own: Own) -> bool:
    metrics = (item.get("metrics") or []) if isinstance(item, Mapping) else []
    return bool(metrics) and all(
        isinstance(each, Mapping) and own(each.get("verifyToken")) for each in metrics
    )


def _subject(item: Entry) -> tuple[str, ...]:
    """Return what an item of a model-index is about: problem, dataset, config, split; not its revision."""
    dataset = item.get("dataset") or {}
    task = (item.get("task") or {}).get("type")
    filters = (dataset.get("args") or {}).get("filters")
    return (str(task), *(str(dataset.get(name)) for name in ("type", "config", "split")), str(filters))


def same(one: Any, other: Any) -> bool:
    """Tell whether two tokens say the same, apart from when."""
    both = [signatures.opened(token) for token in (one, other)]
    said = [{**each.claims, "iat": None} if each else None for each in both]
    return said[0] is not None and said[0] == said[1]


def index_with(index: Sequence[Entry], items: Sequence[Entry], name: str, own: Own) -> list[Entry]:
    """Return a model-index with items in it, in the place of one's own on the same subject.

    Scores of the same subject that the new item lacks stay, and so does a score that says the same as the
    new one: so publishing the same again changes nothing.
    """
    merged = copy.deepcopy(list(index)) or [{"name": name, "results": []}]
    for item in items:
        old = next(
            (
                each
                for entry in merged
                for each in entry.get("results") or []
                if _is_own(each, own) and _subject(each) == _subject(item)
            ),
            None,
        )
        if old is None:
            merged[0]["results"] = [*(merged[0].get("results") or []), copy.deepcopy(item)]
            continue
        before = {each.get("name"): each for each in old["metrics"]}
        fresh = {each["name"]: each for each in item["metrics"]}
        for key, each in fresh.items():
            if key in before and same(before[key].get("verifyToken"), each["verifyToken"]):
                fresh[key] = before[key]
        if all(key in before and before[key] is each for key, each in fresh.items()):
            continue
        rest = [each for key, each in before.items() if key not in fresh]
        old.clear()
        old.update({**copy.deepcopy(item), "metrics": [*fresh.values(), *rest]})
    return merged


def card_with(card: str, items: Sequence[Entry], name: str, own: Own) -> str:
    """Return a card with items in its model-index, every other byte as it was."""
    index = index_of(card, name)
    merged = index_with(index, items, name.rpartition("/")[2], own)
    return card if merged == index else header.replaced(card, INDEX, merged)


def entries_of(text: str, path: str) -> list[Entry]:
    """Return the entries of an `.eval_results` file.

    Raises:
        BadEvaluation: It is not YAML, or no list of entries.
    """
    found = documents.read(text, f"The file '{path}'") if text.strip() else []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise BadEvaluation(f"The file '{path}' is no list of results.")
    return [dict(each) for each in found]


def file_with(text: str, entries: Sequence[Entry], path: str, own: Own) -> str:
    """Return an `.eval_results` file with entries in it, in the place of one's own on the same task."""
    before = entries_of(text, path)
    merged = list(before)
    for entry in entries:
        place = next(
            (
                number
                for number, each in enumerate(merged)
                if own(each.get("verifyToken")) and _task(each) == _task(entry)
            ),
            None,
        )
        if place is None:
            merged.append(entry)
        elif not same(merged[place].get("verifyToken"), entry["verifyToken"]):
            merged[place] = entry
    return text if merged == before else header.written(merged)


def _task(entry: Entry) -> tuple[Any, ...]:
    dataset = entry.get("dataset") or {}
    return (dataset.get("id"), dataset.get("task_id"))


def own_entries(text: str, path: str, own: Own) -> list[Entry]:
    """Return one's own entries of an `.eval_results` file."""
    return [each for each in entries_of(text, path) if own(each.get("verifyToken"))]


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Write what changes as a unified diff; empty where nothing does.

    >>> print(difference({"a": "x"}, {"a": "x", "b": "y"}))
    --- a/b
    +++ b/b
    @@ -0,0 +1 @@
    +y
    """
    found = []
    for path in sorted(after):
        old, new = before.get(path, ""), after[path]
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"a/{path}", f"b/{path}", lineterm="", n=3
        )
        found += list(lines)
    return "\n".join(found)
