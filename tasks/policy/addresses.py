"""Addresses: which endpoints may be asked, so that no evaluation reaches into the network it runs in."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from tasks.errors import BadEvaluation

_PORTS = {"http": "80", "https": "443"}
_ADDRESS = re.compile(r"(https?)://(\[[^\]]+\]|[^/:?#@\s]+)(?::(\d+|\*))?(/[^?#\s]*)?")

Resolve = Callable[[str], list[str]]


@dataclass(frozen=True)
class Address:
    """An endpoint's address, or a pattern of some.

    Attributes:
        scheme: http or https.
        host: In small letters, without the dot at the end.
        port: In digits, or * for any.
        path: Without a slash at the end.
    """

    scheme: str
    host: str
    port: str
    path: str


def address(text: str) -> Address:
    """Read an address or a pattern, as https://*.acme.org:8000/v1.

    Raises:
        BadEvaluation: It is none.

    >>> address("HTTP://GPU-1./v1/")
    Address(scheme='http', host='gpu-1', port='80', path='/v1')
    """
    scheme, slashes, rest = text.strip().partition("://")
    match = _ADDRESS.fullmatch(f"{scheme.lower()}{slashes}{rest}")
    if match is None:
        raise BadEvaluation(f"'{text}' is no address of an endpoint, as https://api.openai.com/v1 is.")
    host = match[2].lower().strip("[]").rstrip(".")
    return Address(match[1], host, str(match[3] or _PORTS[match[1]]), (match[4] or "").rstrip("/"))


def allows(pattern: str, url: str, resolve: Resolve | None = None) -> bool:
    """Tell whether a pattern allows an endpoint's address.

    A pattern whose host holds a `*` allows no host that is, or that resolves to, an address inside: loopback,
    private, link-local. A path allows what lies below it.

    Args:
        pattern: As https://*.acme.org, http://gpu-1:8000/v1.
        url: The endpoint's.
        resolve: From a host to its addresses; left out, the system's.

    >>> allows("https://*", "https://api.openai.com/v1", lambda host: ["104.18.6.192"])
    True
    >>> allows("https://*", "https://api.openai.com/v1", lambda host: ["10.0.0.1"])
    False
    >>> allows("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1")
    True
    """
    wanted, there = address(pattern), address(url)
    # What a server makes of dots and escapes is its own affair, so that a path with them matches none.
    odd = "%" in there.path or "\\" in there.path or ".." in unquote(there.path).split("/")
    same = (
        wanted.scheme == there.scheme
        and fnmatchcase(there.host, wanted.host.replace("[", "[[]"))
        and wanted.port in {there.port, "*"}
        and (not wanted.path or (f"{there.path}/".startswith(f"{wanted.path}/") and not odd))
    )
    if not same or not set(wanted.host) & {"*", "?"}:
        return same
    return not inside(there.host, resolve or resolved)


def inside(host: str, resolve: Resolve) -> bool:
    """Tell whether a host is, or has, an address that is not the wide world's; one that has none is.

    >>> inside("localhost", lambda host: ["127.0.0.1"]), inside("nowhere", lambda host: [])
    (True, True)
    """
    found = resolve(host)
    return not found or not all(_global(each) for each in found)


def _global(text: str) -> bool:
    found = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_global and not found.is_multicast)


def resolved(host: str) -> list[str]:
    """Return the addresses of a host; none where it has none that is known here."""
    try:
        return sorted({str(each[4][0]) for each in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return []


def check_patterns(patterns: Iterable[str]) -> None:
    """See that every pattern is one.

    Raises:
        BadEvaluation: One is not.
    """
    for each in patterns:
        address(each)


def host_of(url: str) -> str:
    """Return an address's scheme and host, for a message.

    >>> host_of("https://user:key@host:1/v1")
    'https://host:1'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
