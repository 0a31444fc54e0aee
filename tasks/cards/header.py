"""The header of a card: YAML between two lines of three dashes, before the text that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tasks import documents
from tasks.errors import BadEvaluation

_HEADER = re.compile(
    r"\A\ufeff?\s*---[ \t]*\r?\n(?P<header>.*?)(?P<end>^---[ \t]*\r?$)", re.DOTALL | re.MULTILINE
)


class _Strings(yaml.SafeLoader):
    """Reads scalars as the strings they are written as: a config may be called `no`, `1.10` or 2018-01-01."""


_Strings.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def text_of(card: str) -> str:
    """Return the header of a card, empty where it has none.

    >>> text_of("---\\nlicense: mit\\n---\\n# A model")
    'license: mit\\n'
    """
    found = _HEADER.match(card)
    return found["header"] if found else ""


def read(card: str, name: str, *, strings: bool = False) -> dict[str, Any]:
    """Read a card's header.

    Args:
        card: The card's text.
        name: Whose card it is, for the message.
        strings: Whether scalars are left as strings, null apart.

    Raises:
        BadEvaluation: It is no YAML, or no mapping.

    >>> read("---\\nconfig: no\\n---\\n", "x", strings=True)
    {'config': 'no'}
    """
    return mapping(text_of(card), f"The header of the card of '{name}'", strings=strings)


def mapping(text: str, what: str, *, strings: bool = False) -> dict[str, Any]:
    """Read YAML that is to be a mapping.

    Raises:
        BadEvaluation: It is no YAML, or no mapping.
    """
    # Cards are edited in a browser, where a tab comes easily, and YAML takes none for indentation.
    text = re.sub(r"^[ \t]+", lambda found: found[0].replace("\t", "    "), text, flags=re.MULTILINE)
    try:
        found = documents.load(text, _Strings if strings else yaml.SafeLoader)
    except documents.TooMuch as error:
        raise BadEvaluation(f"{what} cannot be read: {error}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadEvaluation(f"{what} is not YAML: {' '.join(str(error).split())}.") from error
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise BadEvaluation(f"{what} is no mapping of keys to values, but {type(found).__name__}.")
    return dict(found)


def written(value: Any) -> str:
    """Write a value as YAML in the order given, as cards are written.

    >>> written({"b": 1, "a": [2]})
    'b: 1\\na:\\n- 2\\n'
    """
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1_000_000)


def replaced(card: str, key: str, value: Any) -> str:
    """Return a card with one key of its header set, every other byte as it was.

    Where the header is written so that the key's lines cannot be told from the others', it is written anew.

    >>> replaced("---\\nlicense: mit  # yes\\nmodel-index: []\\n---\\nText", "model-index", [{"name": "m"}])
    '---\\nlicense: mit  # yes\\nmodel-index:\\n- name: m\\n---\\nText'
    >>> replaced("Text", "tags", ["a"])
    '---\\ntags:\\n- a\\n---\\nText'
    """
    found = _HEADER.match(card)
    block = written({key: value})
    if not found:
        return f"---\n{block}---\n{card}"
    header = found["header"]
    ending = "\r\n" if "\r\n" in header else "\n"
    lines = header.splitlines(keepends=True)
    start, stop = _lines_of(lines, key)
    fresh = "".join([*lines[:start], block.replace("\n", ending), *lines[stop:]])
    wanted = {**read(card, "")} | {key: value}
    try:
        kept = mapping(fresh, "") == wanted
    except BadEvaluation:
        kept = False
    if not kept:
        fresh = written(wanted).replace("\n", ending)
    return card[: found.start("header")] + fresh + card[found.start("end") :]


def _lines_of(lines: list[str], key: str) -> tuple[int, int]:
    """Return where a top-level key's lines start and stop; at the end where the key is not there."""
    starts = list(_keys(lines))
    for place, (start, name) in enumerate(starts):
        if name == key:
            stop = starts[place + 1][0] if place + 1 < len(starts) else len(lines)
            # Blank lines and comments before the next key are the next key's.
            while stop > start + 1 and (not lines[stop - 1].strip() or lines[stop - 1].startswith("#")):
                stop -= 1
            return start, stop
    return len(lines), len(lines)


def _keys(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        found = re.match(r"(['\"]?)([^\s#'\"\-][^:'\"]*)\1\s*:(\s|$)", line)
        if found:
            yield number, found[2].strip()
