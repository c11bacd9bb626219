"""The HTTP client that fetches webhooks: lean, since hundreds of calls may ring at once beside live audio.

It keeps Twilio's limits: 5 s to connect, 15 s in all, one retry of a connection that failed, ten redirects; and what a
URL's fragment sets instead.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, NamedTuple
from urllib.parse import urlencode, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from mock_services.twilio.protocol.overrides import Limits
from mock_services.twilio.protocol.urls import joined

MAX_REDIRECTS = 10
MAX_BODY = 64 * 1024
MAX_HEADERS = 100
READ_SIZE = 64 * 1024
SWITCHING_PROTOCOLS = 101

Params = Sequence[tuple[str, str]]


class WebhookError(Exception):
    """A webhook that could not be fetched; `code` is Twilio's error code, `reason` a word from a bounded set."""

    reason: ClassVar[str]
    code: ClassVar[int] = 11200
    policy: str = ""  # the retry policy that it falls under, if any


class ConnectionFailedError(WebhookError):
    """No connection could be made, or it ended before the answer did."""

    reason = "webhook-refused"
    code = 11205


class NotConnectedError(ConnectionFailedError):
    """No connection could be made."""

    policy = "ct"


class BadUrlError(WebhookError):
    """The URL cannot be fetched."""

    reason = "webhook-refused"
    code = 11210


class TimedOutError(WebhookError):
    """The answer was not there in time."""

    reason = "webhook-timeout"
    code = 11205
    policy = "rt"


class ConnectTimedOutError(TimedOutError):
    """The connection was not there in time."""

    policy = "ct"


class HttpStatusError(WebhookError):
    """The answer is an error (status 400 or more), or another protocol's (101), or not HTTP, or too large."""

    reason = "webhook-http-error"

    def __init__(self, sentence: str, answer: Answer | None = None) -> None:
        super().__init__(sentence)
        self.answer = answer
        self.policy = "" if answer is None else f"{answer.status // 100}xx"


class TooManyRedirectsError(WebhookError):
    """The webhook redirects for ever."""

    reason = "webhook-http-error"
    code = 11215


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook answered; `url` is where it came from after redirects, `at` when it was complete (monotonic)."""

    status: int
    content_type: str
    body: bytes
    url: str
    at: float


Sign = Callable[[str, Params], str]


class HttpClient:
    """Fetches webhooks, each over a connection of its own; `sign` signs a URL with the parameters of its form."""

    def __init__(self, sign: Sign, limits: Limits) -> None:
        self.tls = ssl.create_default_context()
        self._sign = sign
        self._limits = limits

    async def fetch(
        self,
        method: str,
        url: str,
        params: Params,
        headers: Mapping[str, str],
        cookies: dict[str, str],
        most: int = MAX_BODY,
    ) -> Answer:
        """Request `url` with `params` in its form (POST) or query (GET), following redirects; raise `WebhookError`.

        An answer may have `most` bytes. Cookies that the answers set are kept in `cookies`, and sent. A `#fragment` is
        neither sent nor signed.
        """
        limits = self._limits.overridden(url)
        headers = {"I-Twilio-Idempotency-Token": str(uuid.uuid4()), **headers}
        try:
            async with asyncio.timeout(limits.total):
                for _ in range(MAX_REDIRECTS + 1):
                    answer, location = await self._persist(
                        _Request(method, url, params, headers, cookies, most, limits)
                    )
                    if location is None:
                        return answer
                    url = joined(url, location)
                    if answer.status not in {307, 308}:
                        method, params = "GET", ()
        except TimeoutError:
            raise TimedOutError(f"{url} did not answer within {limits.total:g} s") from None
        raise TooManyRedirectsError(f"{url} redirects more than {MAX_REDIRECTS} times")

    async def _persist(self, request: _Request) -> tuple[Answer, str | None]:
        """Request once, and again as often as the limits allow after such a failure."""
        for attempt in count():
            try:
                return await self._request(request)
            except WebhookError as failure:
                if attempt == request.limits.retries or failure.policy not in request.limits.policies:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _request(self, request: _Request) -> tuple[Answer, str | None]:
        method, url, params, headers, cookies, most, limits = request
        target = _Target(url, method, params)
        form = params if method == "POST" else ()
        head = {
            "Host": target.netloc,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "X-Twilio-Signature": self._sign(target.url, form),
            **headers,
        }
        if cookies:
            head["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        body = b""
        if method == "POST":
            body = urlencode(form).encode("ascii")
            head["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            head["Content-Length"] = str(len(body))
        lines = [f"{method} {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        reader, writer = await self._connect(target, limits)
        try:
            writer.write("\r\n".join(lines).encode("latin-1") + body)
            async with asyncio.timeout(limits.read) as reading:
                response = await _read_response(reader, url, most)
        except TimeoutError:
            if reading.expired():
                raise TimedOutError(f"{url} did not answer within {limits.read:g} s") from None
            raise
        finally:
            writer.close()
        cookies.update(response.cookies)
        answer = Answer(
            response.status, response.headers.get("content-type", ""), response.content(), target.url, time.monotonic()
        )
        if answer.status >= 400 or answer.status == SWITCHING_PROTOCOLS:
            raise HttpStatusError(f"{url} answered {answer.status}", answer)
        redirected = answer.status in {301, 302, 303, 307, 308}
        return answer, response.headers.get("location") if redirected else None

    async def _connect(self, target: _Target, limits: Limits) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = self.tls if target.secure else None
        try:
            async with asyncio.timeout(limits.connect):
                return await asyncio.open_connection(target.host, target.port, ssl=tls)
        except TimeoutError:
            raise ConnectTimedOutError(f"{target.url}: no connection within {limits.connect:g} s") from None
        except OSError as refused:  # includes failures of name lookup and TLS
            raise NotConnectedError(f"{target.url}: no connection: {str(refused)[:200]}") from refused


class _Request(NamedTuple):
    """One request of those that a webhook may take."""

    method: str
    url: str
    params: Params
    headers: Mapping[str, str]
    cookies: dict[str, str]
    most: int
    limits: Limits


class _Target:
    """A URL taken apart for one request, with `params` in the query where the method is GET."""

    __slots__ = ("host", "netloc", "path", "port", "secure", "url")

    def __init__(self, url: str, method: str, params: Params) -> None:
        url = url.partition("#")[0]
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            if host and host.isascii():
                host.encode("idna")  # as looking it up does, which no name with an empty or too long label survives
        except ValueError as malformed:
            raise BadUrlError(f"the webhook URL {url[:200]!r} is malformed: {malformed}") from malformed
        if not host or parts.scheme not in {"http", "https"} or not is_url_text(url):
            raise BadUrlError(f"the webhook URL {url[:200]!r} is not an http or https URL with a host")
        if "@" in parts.netloc:
            raise BadUrlError(f"the webhook URL of {host} holds a user name, which this double does not send")
        query = parts.query
        if method == "GET" and params:
            query = f"{query}&{urlencode(params)}" if query else urlencode(params)
            url = f"{url.partition('?')[0]}?{query}"
        self.url = url
        self.secure = parts.scheme == "https"
        self.host = host
        self.port = port or (443 if self.secure else 80)
        self.netloc = parts.netloc
        self.path = (parts.path or "/") + (f"?{query}" if query else "")


def is_url_text(text: str) -> bool:
    """Whether `text` has only characters that may stand in a URL on the wire."""
    return text.isascii() and all(" " < character != "\x7f" for character in text)


def is_web_url(text: str) -> bool:
    """Whether `text` is an http or https URL that can be fetched."""
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port_fits and is_url_text(text)


class _Response:
    """Collects what httptools' parser finds in an answer; what comes before it, with a status of 1xx, is passed over.

    The parser that calls it is to be set, and refers to it: whoever is done with them has it forget the parser.
    """

    parser: HttpResponseParser | None = None

    def __init__(self, most: int) -> None:
        self._most = most
        self.complete = False
        self._begin()

    def _begin(self) -> None:
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.headers_complete = False
        self.status = 0
        self._body = bytearray()
        self._count = 0

    def on_message_begin(self) -> None:
        if self.complete:
            raise HttpStatusError("the answer is followed by another one")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        if self._count > MAX_HEADERS:
            raise HttpStatusError(f"the answer has more than {MAX_HEADERS} headers")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key == "set-cookie":
            cookie, separator, content = text.partition(";")[0].partition("=")
            if separator and len(self.cookies) < MAX_HEADERS:
                self.cookies[cookie.strip()] = content.strip()
        else:
            self.headers[key] = text

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self.status = self.parser.get_status_code()
        self.headers_complete = True

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > self._most:
            raise HttpStatusError(f"the answer has more than {self._most} bytes")

    def on_message_complete(self) -> None:
        if self.status < 200 and self.status != SWITCHING_PROTOCOLS:
            self._begin()  # an interim answer, such as 103: the final one follows (RFC 9110, 15.2)
        else:
            self.complete = True

    def ends_with_connection(self) -> bool:
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        return self.headers_complete and not framed

    def content(self) -> bytes:
        if self.headers.get("content-encoding", "").lower() != "gzip":
            return bytes(self._body)
        unzip = zlib.decompressobj(wbits=31)
        try:
            content = unzip.decompress(bytes(self._body), self._most)
        except zlib.error as broken:
            raise HttpStatusError(f"the answer's gzip cannot be read: {broken}") from broken
        if unzip.unconsumed_tail:
            raise HttpStatusError(f"the answer has more than {self._most} bytes")
        return content


async def _read_response(reader: asyncio.StreamReader, url: str, most: int) -> _Response:
    response = _Response(most)
    parser = response.parser = HttpResponseParser(response)
    try:
        while not response.complete:
            received = await reader.read(READ_SIZE)
            if not received:
                if response.ends_with_connection():
                    break
                raise ConnectionFailedError(f"{url} closed the connection before it had answered")
            parser.feed_data(received)
    except (HttpParserError, HttpParserUpgrade) as unreadable:
        if response.complete and response.status == SWITCHING_PROTOCOLS:
            return response  # the parser goes no further, with or without an Upgrade header
        # The parser wraps what its callbacks raise.
        if isinstance(unreadable.__context__, WebhookError):
            raise unreadable.__context__ from None
        raise HttpStatusError(f"{url} did not answer in HTTP: {str(unreadable)[:200]}") from unreadable
    except OSError as lost:
        raise ConnectionFailedError(f"{url}: the connection was lost: {str(lost)[:200]}") from lost
    finally:
        response.parser = None
    return response
