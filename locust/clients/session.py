"""One virtual user's connection to the platform: every request counted, every answer checked, the token kept fresh.

It sits on the HTTP client that Locust's FastHttpUser holds, so each request is in Locust's statistics once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import gevent
import orjson

from clients.checks import TOKENS, Check, error_inside, fields
from clients.failures import ContentFailure, StatusFailure
from clients.governor import Governor
from utils.tokens import Tokens

Body = dict[str, Any]

RUN_HEADER = "X-Lab-Run-Id"
RETRY_AFTER_S = 60.0
"""How long a 429 without a readable `Retry-After` holds a user back: the platform's window."""


class CountedResponse(Protocol):
    """What the session needs of Locust's response."""

    status_code: int
    content: bytes | None
    headers: Any
    request_meta: Mapping[str, Any]
    """What is to be reported of it: `exception` is what broke it off, or Locust's own refusal of its status."""

    def success(self) -> None:
        """Count the request as a success."""

    def failure(self, exc: Exception) -> None:
        """Count the request as failed."""


class CountedHttp(Protocol):
    """What the session needs of Locust's HTTP client."""

    def request(self, method: str, url: str, **kwargs: Any) -> AbstractContextManager[CountedResponse]:
        """Send a request; the context manager, the response itself, reports it once when it is left."""


@dataclass(frozen=True)
class Answer:
    """How a request ended: its status (0 without one), the parsed body, and whether it was what it should be."""

    status: int
    body: Any
    ok: bool

    @property
    def content(self) -> Body | None:
        """The body, an object, of an answer that was what it should be; else None."""
        return cast(Body, self.body) if self.ok else None

    @property
    def rows(self) -> list[Body] | None:
        """Likewise of one whose body is a list."""
        return cast("list[Body]", self.body) if self.ok else None


@dataclass(frozen=True)
class Form:
    """A body that is not JSON: its bytes and what they are (an uploaded file)."""

    content_type: str
    content: bytes


class Session:
    """Sends requests as one user: paced by the governor, authorised, renewed, checked."""

    def __init__(
        self,
        http: CountedHttp,
        address: str,
        login: Callable[[Session], Answer],
        governor: Governor | None = None,
        sleep: Callable[[float], None] = gevent.sleep,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        run_id: str = "",
        held: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Take Locust's client, the user's address, and how to log in anew when a refresh token is refused.

        `now` says when a token expires; the pace is kept by `clock`, which nobody sets back.
        `held` is told of the seconds for which the governor held a request back.
        `run_id` goes with every request: the lab's backend hands it on to the vendors, for the reconciliation.
        """
        self._http = http
        self._login = login
        self._governor = governor or Governor()
        self._sleep = sleep
        self._now = now
        self._clock = clock
        self._held = held
        self._headers = {"X-Forwarded-For": address, "Accept": "application/json"}
        if run_id:
            self._headers[RUN_HEADER] = run_id
        self.tokens: Tokens | None = None

    def adopt(self, access: str, refresh: str) -> None:
        """Go on with this token pair."""
        self.tokens = Tokens(access, refresh, self._now())

    def send(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        expected: int = 200,
        check: Check | None = None,
        authorised: bool = True,
        parse: Callable[[bytes], Any] = orjson.loads,
    ) -> Answer:
        """Send one request, counted under `name` (the path with placeholders; the path itself when left out).

        A token that is about to expire is renewed first; a 401 leads to one renewal and one repeat, and each of these
        requests is counted as what it was. `expected` is the one status that counts as a success. `body` is sent as
        JSON, unless it is a `Form`; `parse` reads the answer's content and raises ValueError where it cannot.
        """
        renewed = False
        if authorised and self.tokens is not None and self.tokens.due(self._now()):
            renewed = self.renew()
        answer = self._once(method, path, name, params, body, expected, check, authorised, parse)
        if answer.status == 401 and expected != 401 and authorised and not renewed and self.renew():
            answer = self._once(method, path, name, params, body, expected, check, authorised, parse)
        return answer

    def access_token(self) -> str:
        """A token that is good for a while yet, for what is not sent here: a socket's handshake. Empty without one."""
        if self.tokens is not None and self.tokens.due(self._now()):
            self.renew()
        return self.tokens.access if self.tokens is not None else ""

    def renew(self) -> bool:
        """Get a new token pair with the refresh token, or, when that is refused, with the password."""
        if self.tokens is not None:
            answer = self.send(
                "POST",
                "/api/auth/refresh",
                body={"refresh_token": self.tokens.refresh},
                check=fields(TOKENS),
                authorised=False,
            )
            if answer.ok:
                self.adopt(answer.body["access_token"], answer.body["refresh_token"])
                return True
            if answer.status != 401:
                return False
        return self._login(self).ok

    def _once(
        self,
        method: str,
        path: str,
        name: str | None,
        params: Mapping[str, Any] | None,
        body: Any,
        expected: int,
        check: Check | None,
        authorised: bool,
        parse: Callable[[bytes], Any],
    ) -> Answer:
        ready = self._clock()
        delay = self._governor.delay(ready)
        if delay > 0:
            self._sleep(delay)
            self._held(self._clock() - ready)
        headers = dict(self._headers)
        if authorised and self.tokens is not None:
            headers["Authorization"] = "Bearer " + self.tokens.access
        options: dict[str, Any] = {"params": params} if params else {}
        if isinstance(body, Form):
            options["data"] = body.content
            headers["Content-Type"] = body.content_type
        elif body is not None:
            options["data"] = orjson.dumps(body)
            headers["Content-Type"] = "application/json"
        self._governor.record(self._clock())
        with self._http.request(
            method, path, name=name or path, catch_response=True, headers=headers, allow_redirects=False, **options
        ) as response:
            status = response.status_code or 0
            if status == 429:
                self._governor.hold(self._clock(), _retry_after(response))
            return _judge(response, status, expected, check, parse)


def _judge(
    response: CountedResponse, status: int, expected: int, check: Check | None, parse: Callable[[bytes], Any]
) -> Answer:
    """Mark the response as what it is. Without a status the socket's error is the reason, without the URL around it."""
    broken_off = response.request_meta["exception"]
    if status == 0:
        response.failure(getattr(broken_off, "original", broken_off))
        return Answer(0, None, ok=False)
    if status != expected:
        response.failure(StatusFailure(status, expected))
        return Answer(status, None, ok=False)
    if broken_off is not None and status < 400:
        response.failure(broken_off)
        return Answer(status, None, ok=False)
    try:
        body = parse(response.content or b"")
    except ValueError:
        response.failure(ContentFailure("no JSON" if parse is orjson.loads else "unreadable"))
        return Answer(status, None, ok=False)
    wrong = None
    if expected < 400:
        wrong = error_inside(body) or (check(body) if check else None)
    if wrong:
        response.failure(ContentFailure(wrong))
        return Answer(status, None, ok=False)
    response.success()
    return Answer(status, body, ok=True)


def _retry_after(response: CountedResponse) -> float:
    """The seconds in `Retry-After`; the platform's window when there is none that can be read."""
    value = response.headers.get("retry-after", "") if response.headers else ""
    try:
        return float(value)
    except ValueError:
        return RETRY_AFTER_S
