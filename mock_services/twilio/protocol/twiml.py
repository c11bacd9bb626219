"""Reads TwiML: a response's body as a list of verbs, to be executed from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_BYTES: Final = 64 * 1024  # Twilio refuses larger documents
TWIML_TYPES: Final = frozenset({"text/xml", "application/xml", "text/html"})


class TwimlError(Exception):
    """A response that Twilio cannot execute; `code` is Twilio's error code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Say:
    """Speak `text`, `loop` times."""

    text: str
    loop: int


@dataclass(frozen=True, slots=True)
class Play:
    """Play the recording at `url`."""

    url: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `length` seconds."""

    length: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call without answering it; `reason` is `rejected` or `busy`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at `url`, relative to the present one."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A bidirectional media stream to `url`, with the parameters that its `start` message carries."""

    url: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the caller to `stream` until the server closes it; then go on with `action`, if it is set."""

    stream: Stream
    action: str | None
    method: str


Verb = Say | Play | Pause | Hangup | Reject | Redirect | Connect


def read(body: bytes, content_type: str) -> tuple[Verb, ...]:
    """Read a webhook's answer as Twilio does, by its content type.

    XML types must hold a `<Response>`. `text/plain` is TwiML where it parses and is spoken where it does not; audio is
    played. Raises `TwimlError`: 12300 for another content type, 12100 for what cannot be parsed or executed.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in TWIML_TYPES:
        return parse(body)
    if media_type == "text/plain":
        try:
            return parse(body)
        except TwimlError:
            return (Say(body[:MAX_BYTES].decode("utf-8", "replace"), 1),)
    if media_type.startswith("audio/"):
        return (Play(""),)
    raise TwimlError(f"the answer has the content type {media_type[:80]!r}, which is not TwiML", 12300)


def parse(document: bytes) -> tuple[Verb, ...]:
    """Parse one TwiML document; raise `TwimlError` 12100 where Twilio could not."""
    if len(document) > MAX_BYTES:
        raise TwimlError(f"the document has {len(document)} bytes; Twilio takes at most {MAX_BYTES}", 12100)
    try:
        root = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as unreadable:
        sentence = str(unreadable)[:200] or type(unreadable).__name__
        raise TwimlError(f"the document is not XML that Twilio reads: {sentence}", 12100) from unreadable
    if root.tag != "Response":
        raise TwimlError(f"the document's root is <{_shown(root.tag)}>, not <Response>", 12100)
    return tuple(_verb(element) for element in root)


def _verb(element: Element) -> Verb:
    make = _VERBS.get(element.tag)
    if make is None:
        raise TwimlError(f"<{_shown(element.tag)}> is not a verb that can be executed", 12100)
    return make(element)


def _say(element: Element) -> Say:
    loop = _number(element, "loop", 1)
    return Say("".join(element.itertext()).strip(), 1000 if loop == 0 else min(int(loop), 1000))


def _play(element: Element) -> Play:
    return Play((element.text or "").strip())


def _pause(element: Element) -> Pause:
    return Pause(_number(element, "length", 1))


def _hangup(_element: Element) -> Hangup:
    return Hangup()


def _reject(element: Element) -> Reject:
    reason = element.get("reason", "rejected")
    if reason not in {"rejected", "busy"}:
        raise TwimlError(f"<Reject> has the reason {_shown(reason)!r}; it takes rejected or busy", 12100)
    return Reject(reason)


def _redirect(element: Element) -> Redirect:
    return Redirect((element.text or "").strip(), _method(element))


def _connect(element: Element) -> Connect:
    streams = [child for child in element if child.tag == "Stream"]
    if len(streams) != 1 or len(element) != 1:
        nested = ", ".join(f"<{_shown(child.tag)}>" for child in list(element)[:5]) or "nothing"
        raise TwimlError(f"<Connect> must hold one <Stream>, and holds {nested}", 12100)
    return Connect(_stream(streams[0]), element.get("action"), _method(element))


def _stream(element: Element) -> Stream:
    parameters: dict[str, str] = {}
    for child in element:
        if child.tag != "Parameter" or not child.get("name"):
            raise TwimlError(f"<Stream> holds <{_shown(child.tag)}>; it takes <Parameter name value> only", 12100)
        name, value = child.get("name", ""), child.get("value", "")
        if len(name) + len(value) >= 500:
            raise TwimlError(f"the parameter {_shown(name)!r} has 500 characters or more with its value", 12100)
        parameters[name] = value
    return Stream(element.get("url", "").strip(), parameters)


def _method(element: Element) -> str:
    method = element.get("method", "POST").upper()
    if method not in {"GET", "POST"}:
        raise TwimlError(f"<{element.tag}> has the method {_shown(method)!r}; it takes GET or POST", 12100)
    return method


def _number(element: Element, name: str, default: int) -> float:
    given = element.get(name, str(default))
    if not given.isdecimal() or len(given) > 6:
        raise TwimlError(f"<{element.tag}> has {name}={_shown(given)!r}; it takes a whole number", 12100)
    return float(given)


def _shown(text: object) -> str:
    return str(text)[:50]


_VERBS: Final[Mapping[str, Callable[[Element], Verb]]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Hangup": _hangup,
    "Reject": _reject,
    "Redirect": _redirect,
    "Connect": _connect,
}
