"""Endpoints: models that another server runs, spoken to as OpenAI's API is.

The key is read from the environment where a request is made, and is kept nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tasks.errors import BadEvaluation, NoAccess, NotFound, OutOfReach, listing, nearest


@dataclass(frozen=True)
class Price:
    """Dollars a million tokens.

    Attributes:
        read: Of the prompt.
        written: Of the answer.
    """

    read: float
    written: float

    def dollars(self, read: int, written: int) -> float:
        """Return what a number of tokens costs.

        >>> Price(0.5, 1.5).dollars(1_000_000, 2_000_000)
        3.5
        """
        return (read * self.read + written * self.written) / 1e6


@dataclass(frozen=True)
class Endpoint:
    """A model behind an address.

    Attributes:
        address: Where the API is, as http://host:8000/v1, without a slash at the end.
        model: What the server calls the model.
        key_name: The environment variable that holds the key; it need not be set for servers that ask none.
        concurrency: Requests under way at a time.
        timeout: Seconds to wait for one answer.
        price: What it charges, where that is known.
    """

    address: str
    model: str
    key_name: str = "OPENAI_API_KEY"
    concurrency: int = 16
    timeout: float = 120.0
    price: Price | None = None

    @property
    def place(self) -> str:
        """The address of the model itself, the same for the same model.

        >>> Endpoint("http://host/v1", "acme/small one").place
        'http://host/v1/models/acme/small%20one'
        """
        return f"{self.address}/models/{quote(self.model, safe='/:')}"

    def key(self) -> str:
        """Return the key, or nothing where the variable is not set.

        Raises:
            BadEvaluation: What the variable holds can be no key, as with a line break in it.
        """
        found = os.environ.get(self.key_name, "").strip()
        if not found.isascii() or not found.isprintable() or " " in found:
            raise BadEvaluation(
                f"The environment variable {self.key_name} holds no key for the endpoint '{self.address}': "
                "a key is one line of plain characters."
            )
        return found

    def headers(self) -> dict[str, str]:
        """Return the headers of a request, the key among them."""
        key = self.key()
        return {"Authorization": f"Bearer {key}"} if key else {}


def refusal(status: int, endpoint: Endpoint, said: str) -> NoAccess:
    """Return the error of an endpoint that lets nobody in with this key."""
    held = "refuses the key in" if os.environ.get(endpoint.key_name) else "asks for a key, none is in"
    return NoAccess(
        f"The endpoint '{endpoint.address}' {held} the environment variable {endpoint.key_name} "
        f"(status {status}{f': {said}' if said else ''})."
    )


def check(endpoint: Endpoint) -> None:
    """Ask an endpoint which models it has, and refuse the evaluation when the wanted one is not there.

    A server that lists no models is taken at its word when the first row is asked.

    Raises:
        OutOfReach: It does not answer, or not as such an endpoint does.
        NoAccess: It refuses the key.
        NotFound: It has no such model.
    """
    import httpx

    from tasks.inference.attempts import CHECKING, Attempts, Rejected, Unanswered

    try:
        with Attempts(endpoint, CHECKING) as attempts:
            there = attempts.get("models", _names)
    except Rejected as rejected:
        if rejected.status in {404, 405, 501}:
            return
        raise OutOfReach(
            f"The endpoint '{endpoint.address}' of the model '{endpoint.model}' does not list its models: "
            f"{rejected}."
        ) from rejected
    except (Unanswered, httpx.HTTPError) as error:
        raise OutOfReach(
            f"The endpoint '{endpoint.address}' of the model '{endpoint.model}' does not answer as an "
            f"OpenAI-compatible server does, whose address usually ends in /v1: {error}."
        ) from error
    # Ollama lists its models with a tag and answers without.
    if endpoint.model in there or f"{endpoint.model}:latest" in there:
        return
    close = nearest(endpoint.model, there)
    hint = f" Did you mean '{close}'?" if close else ""
    raise NotFound(
        f"The endpoint '{endpoint.address}' has no model '{endpoint.model}'; "
        f"there are: {listing(there)}.{hint}"
    )


def _names(answer: Any) -> list[str]:
    """Read the names of a listing: the API's own, or the bare list that some servers send.

    >>> _names({"object": "list", "data": [{"id": "small"}]})
    ['small']
    """
    entries = answer["data"] if isinstance(answer, Mapping) else answer
    return [str(entry["id"]) for entry in entries]
