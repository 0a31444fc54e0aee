"""Secrecy: what looks like a key or a token, so that none gets into what is stored or sent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

SHAPES: Mapping[str, re.Pattern[str]] = {
    "a token of the Hugging Face Hub": re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    "a key of OpenAI's or Anthropic's": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    "a token of GitHub's": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})"),
    "a token of GitLab's": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a key of AWS": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a key of Google's": re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    "a token of Slack's": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "a webhook of Slack's": re.compile(r"\bhooks\.slack\.com/services/\w+/\w+/\w+"),
    "a key of Prefect Cloud": re.compile(r"\bpn[ub]_[A-Za-z0-9]{30,}"),
    "a signed web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "an address with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@${}]+@"),
}
"""What keys look like, by what they are."""
_HOLDERS = re.compile(r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|APIKEY|(?:API|ACCESS|SECRET|PRIVATE)_KEY)$")
SHORTEST = 12
"""A shorter value of such a variable may stand in any text by chance."""
HIDDEN = "********"


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that hold secrets by their names.

    >>> kept({"HF_TOKEN": "long enough to count", "HOME": "/root", "MY_API_KEY": "short"})
    {'HF_TOKEN': 'long enough to count'}
    """
    return {
        name: value
        for name, value in environment.items()
        if _HOLDERS.search(name.upper()) and len(value) >= SHORTEST
    }


def found(text: str, environment: Mapping[str, str]) -> str | None:
    """Return what kind of secret a text holds, without showing it; None for none.

    >>> found("acme/bert", {})
    >>> found("use hf_" + "a" * 34, {})
    'a token of the Hugging Face Hub'
    >>> found("hidden: correct horse", {"MY_TOKEN": "correct horse"})
    'the value of MY_TOKEN'
    """
    for name, value in kept(environment).items():
        if value in text:
            return f"the value of {name}"
    return next((kind for kind, shape in SHAPES.items() if shape.search(text)), None)


def leaks(given: Any, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield where plain data holds secrets, and of what kind.

    >>> list(leaks({"models": [{"name": "hf_" + "a" * 34}]}, {}))
    [('models.0.name', 'a token of the Hugging Face Hub')]
    """
    known = os.environ if environment is None else environment
    yield from _leaks(given, known, ())


def _leaks(given: Any, environment: Mapping[str, str], where: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(given, str):
        kind = found(given, environment)
        if kind is not None:
            yield ".".join(where), kind
    elif isinstance(given, Mapping):
        for key, value in given.items():
            # A key may be as secret as a value: labels are both.
            yield from _leaks(str(key), environment, (*where, "a key"))
            yield from _leaks(value, environment, (*where, str(key)))
    elif isinstance(given, list | tuple):
        for position, value in enumerate(given):
            yield from _leaks(value, environment, (*where, str(position)))


def hidden(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text with every secret in it covered.

    >>> hidden("of postgresql://assay:correct@host/db and hf_" + "a" * 34, {})
    'of postgresql://********@host/db and ********'
    """
    known = os.environ if environment is None else environment
    for value in sorted(kept(known).values(), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for shape in SHAPES.values():
        text = shape.sub(_covered, text)
    return text


def _covered(match: re.Match[str]) -> str:
    scheme, there, rest = match[0].partition("://")
    return f"{scheme}://{HIDDEN}@" if there and rest.endswith("@") else HIDDEN
