"""Attempts: requests to an endpoint, made again while the trouble may pass.

Too many requests, a server's own errors, answers that do not come or cannot be read pass; a request that the
server refuses does not. A pause that the server asks for holds back every request, not only the one told.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from tasks.errors import AssayError, OutOfReach
from tasks.inference.endpoints import Endpoint, refusal

Answer = TypeVar("Answer")

GIVEN_UP = 4
"""Requests in a row that may stay without an answer from a server that is there."""

GRACE = 2.0
"""Seconds that requests under way have to come to an end when the run ends early."""

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Statuses of trouble that may pass; those above 511 are proxies' and overloaded servers' own."""

SHUT_OUT = frozenset({401, 402})
"""Statuses that every other request would have too: a key that is refused, an account without money."""


class Rejected(AssayError):
    """The server refused this request for good."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Unanswered(AssayError):
    """The request had no answer that can be read, however often it was made."""


class _Passing(Exception):
    """Trouble that may pass, with the seconds that the server asks to wait."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True)
class Patience:
    """How often and how long to try.

    Attributes:
        attempts: The most requests for one answer.
        first: Seconds before the second, which double each time.
        longest: The most seconds between two, unless the server asks for more.
        asked: The most seconds that are waited when the server asks for it.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 30.0
    asked: float = 600.0


PATIENCE = Patience()
"""For a run."""

CHECKING = Patience(attempts=3, longest=2.0, asked=10.0)
"""For the check before a run, which a person waits for."""


def pause(attempt: int, patience: Patience, chance: float) -> float:
    """Return the seconds to wait after an attempt: doubling, and between half and the whole by chance.

    Args:
        attempt: The number of the attempt that failed, from 0.
        patience: How long to wait.
        chance: In [0, 1), so that requests that failed together are not made again together.

    >>> [pause(attempt, Patience(), 0.5) for attempt in (0, 1, 2, 20)]
    [0.375, 0.75, 1.5, 22.5]
    """
    return min(patience.longest, patience.first * 2.0 ** min(attempt, 30)) * (0.5 + chance / 2)


def asked_to_wait(header: str | None, now: datetime) -> float:
    """Return the seconds of a `Retry-After` header, which holds seconds or a date; 0 for neither.

    Source: RFC 9110, section 10.2.3.

    >>> now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    >>> asked_to_wait("7", now), asked_to_wait("Thu, 01 Jan 2026 12:00:09 GMT", now), asked_to_wait("?", now)
    (7.0, 9.0, 0.0)
    """
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() - now.timestamp())


class Attempts:
    """A client of one endpoint, for many threads.

    Attributes:
        repeated: How many requests were made again.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        self._endpoint = endpoint
        self._patience = patience or PATIENCE
        self._key = endpoint.key()
        self._client = httpx.Client(
            headers=endpoint.headers(),
            timeout=httpx.Timeout(endpoint.timeout, connect=min(10.0, endpoint.timeout), pool=None),
            limits=httpx.Limits(
                max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency
            ),
        )
        self._closed = threading.Event()
        self._lock = threading.Condition()
        self._under_way = 0
        self._answered, self._given_up = False, 0
        self._not_before = 0.0
        self.repeated = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way: threads between two attempts end at once, requests have a moment."""
        self._closed.set()
        with self._lock:
            self._lock.wait_for(lambda: not self._under_way, timeout=GRACE)
        self._client.close()

    def get(self, path: str, read: Callable[[Any], Answer]) -> Answer:
        """Fetch below the endpoint's address; see `post`."""
        return self._patiently(lambda: self._client.get(f"{self._endpoint.address}/{path}"), read)

    def post(self, path: str, body: dict[str, Any], read: Callable[[Any], Answer]) -> Answer:
        """Send JSON below the endpoint's address and return what `read` makes of the answer's JSON.

        Args:
            path: As chat/completions.
            body: The request.
            read: Raises LookupError, TypeError or ValueError for an answer that is not what it should be.

        Raises:
            Rejected: The server refused this request.
            Unanswered: It did not answer this request, and is there all the same.
            NoAccess: It refuses the key.
            OutOfReach: It is down, or has left several requests in a row without an answer.
        """
        try:
            return self._patiently(
                lambda: self._client.post(f"{self._endpoint.address}/{path}", json=body), read
            )
        except Unanswered as unanswered:
            if self._closed.is_set() or not self._gone():
                raise
            raise OutOfReach(
                f"The endpoint '{self._endpoint.address}' answers no more ({unanswered}); what it has "
                "answered is stored, and the same evaluation goes on from there when it is run again."
            ) from unanswered

    def _gone(self) -> bool:
        """Tell a server that is down from one request that it cannot answer."""
        with self._lock:
            self._given_up += 1
            if self._given_up > GIVEN_UP:
                return True
        try:
            return self._client.get(f"{self._endpoint.address}/models").status_code in PASSING
        except httpx.HTTPError:
            return True

    def _patiently(self, send: Callable[[], httpx.Response], read: Callable[[Any], Answer]) -> Answer:
        last = ""
        for attempt in range(self._patience.attempts):
            self._rest(self._not_before - time.monotonic())
            try:
                answer = self._once(send, read)
            except _Passing as trouble:
                last = self._without_key(str(trouble))
                if attempt + 1 == self._patience.attempts:
                    break
                self._repeat(pause(attempt, self._patience, random.random()), trouble.wait)
            else:
                with self._lock:
                    self._answered, self._given_up = True, 0
                return answer
        raise Unanswered(f"no answer in {self._patience.attempts} attempts, the last with: {last}")

    def _once(self, send: Callable[[], httpx.Response], read: Callable[[Any], Answer]) -> Answer:
        with self._lock:
            self._under_way += 1
        try:
            response = send()
        except httpx.TransportError as error:
            raise _Passing(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        finally:
            with self._lock:
                self._under_way -= 1
                self._lock.notify_all()
        status = response.status_code
        if status in PASSING:
            wait = asked_to_wait(response.headers.get("Retry-After"), datetime.now(UTC))
            raise _Passing(f"status {status}: {_said(response)}", wait)
        if status in SHUT_OUT or (status == 403 and not self._answered):
            raise refusal(status, self._endpoint, self._without_key(_said(response)))
        if status >= 300:
            raise Rejected(status, self._without_key(f"status {status}: {_said(response)}"))
        try:
            return read(response.json())
        except (LookupError, TypeError, ValueError) as error:
            raise _Passing(f"an answer that cannot be read ({type(error).__name__}: {error})") from error

    def _repeat(self, seconds: float, asked: float) -> None:
        with self._lock:
            self.repeated += 1
            if asked:
                until = time.monotonic() + min(asked, self._patience.asked)
                self._not_before = max(self._not_before, until)
        self._rest(max(seconds, self._not_before - time.monotonic()))

    def _rest(self, seconds: float) -> None:
        if (seconds > 0 and self._closed.wait(seconds)) or self._closed.is_set():
            raise Unanswered("the run ended before the answer came")

    def _without_key(self, text: str) -> str:
        """Return what a server said, which may hold the key that it was sent."""
        return text.replace(self._key, "…") if self._key else text


def _said(response: httpx.Response) -> str:
    """Return the message of an error's body, one line long."""
    try:
        body = response.json()
        error = body.get("error", body) if isinstance(body, dict) else body
        said = error.get("message") or error.get("detail") if isinstance(error, dict) else error
        text = said if isinstance(said, str) else json.dumps(said if said is not None else body)
    except ValueError:
        text = response.text
    return " ".join(text.split())[:300] or response.reason_phrase
