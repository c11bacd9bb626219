"""Takes credentials out of what a run writes down: its log, and the exchanges that it keeps of its failures.

What is hidden is known by its name (`password`, `access_token`), by its look (a bearer's word, a JWT), or by its value:
a setting's, or what stood under such a name in the request, for a server may say it back under another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import orjson

HIDDEN = "[hidden]"
JWT = re.compile(r"(?<![^\W_])ey[\w-]*\.[\w-]{10,}\.[\w-]{10,}")
"""Three parts with dots are a token when the first is base64 of `{"`; a host name or a module is not."""
BEARER = re.compile(r"\b(Bearer|Basic|Token)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
VALUE = (
    r"""\\*["']?\s*[=:]\s*)(?:[bru]?(["'])((?:\\.|(?!\2)[^\\])*)\2?|(\\+["'])((?:(?!\4).)*)(?:\4)?|([^\s"'&,;}\]]+))"""
)
"""What follows a name: a value in quotes, in quotes of a text within a text (`\\"`), or without any."""
IN_TEXT = r"password|passwd|passphrase|secret|(?:access|verification|auth)_?code|token|api[_-]?key"
NAMED = re.compile(rf"((?:{IN_TEXT}){VALUE}", re.IGNORECASE | re.DOTALL)
FIELD = re.compile(rf"((?:(?:{IN_TEXT})\w{{0,12}}|\b(?:code|otp|pin)){VALUE}", re.IGNORECASE | re.DOTALL)
"""In a body a bare `code` is one that was sent to somebody; in a log it is mostly a status."""
SECRET_NAME = re.compile(rf"{IN_TEXT}|authorization|cookie|credential|signature|^(?:code|otp|pin)$", re.IGNORECASE)
SHORTEST_SECRET = 6
"""A shorter value is no secret that could be told from an ordinary word."""
PARSED_BYTES = 16_384
TEXT_CHARACTERS = 4_096
"""How much of a body is looked at as JSON, and of any text: these patterns are not to be run over megabytes."""
DEEPEST = 20


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without anything that looks like a credential, and without these values."""
    return _redact(text, secrets, NAMED, [])


def redact_body(body: bytes | str, secrets: Iterable[str] = (), found: list[str] | None = None) -> str:
    """A body as text, without credentials; `found` gets the values that were hidden for their names.

    Of a body that is no JSON, or a long one, the beginning is all that is given.
    """
    found = [] if found is None else found
    known = sorted(secrets, key=len, reverse=True)
    if len(body) <= PARSED_BYTES:
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, dict | list):
            return orjson.dumps(redact_value(parsed, known, found)).decode()
    # A character takes four bytes at most.
    text = body[: 4 * TEXT_CHARACTERS].decode("utf-8", "replace") if isinstance(body, bytes) else body
    return _redact(text[:TEXT_CHARACTERS], known, FIELD, found)


def redact_value(value: Any, secrets: Iterable[str], found: list[str], depth: int = 0) -> Any:
    """What JSON holds, likewise."""
    if isinstance(value, str):
        return _redact(value[:TEXT_CHARACTERS], secrets, FIELD, found)
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        return "[deeper]"
    if isinstance(value, list):
        return [redact_value(item, secrets, found, depth + 1) for item in value]
    redacted: dict[str, Any] = {}
    for name, item in value.items():
        if SECRET_NAME.search(str(name)) and item not in (None, "", True, False):
            _gather(item, found)
            redacted[str(name)] = HIDDEN
        else:
            redacted[redact_value(str(name), secrets, found)] = redact_value(item, secrets, found, depth + 1)
    return redacted


def redact_path(url: str, template: str, secrets: Iterable[str] = ()) -> str:
    """A URL's path and query, without the values of secret names: in the query, or in the template's `{token}`."""
    parts = urlsplit(url)
    segments = parts.path.split("/")
    places = template.partition(" ")[0].split("/")
    if len(places) == len(segments):
        segments = [
            HIDDEN if place.startswith("{") and SECRET_NAME.search(place.strip("{}")) else segment
            for place, segment in zip(places, segments, strict=True)
        ]
    path = redact("/".join(segments), secrets)
    if not parts.query:
        return path
    query = [
        (name, HIDDEN if value and SECRET_NAME.search(name) else redact(value, secrets))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return f"{path}?{urlencode(query, safe='[]:@,/')}"


def _redact(text: str, secrets: Iterable[str], named: re.Pattern[str], found: list[str]) -> str:
    def hide(match: re.Match[str]) -> str:
        quote = match[2] or match[4] or ""
        _gather(match[3] or match[5] or match[6] or "", found)
        return f"{match[1]}{quote}{HIDDEN}{quote}"

    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = BEARER.sub(rf"\1 {HIDDEN}", text)
    text = named.sub(hide, text)
    return JWT.sub(HIDDEN, text)


def _gather(value: Any, found: list[str]) -> None:
    """Note a hidden value, and what it is without a form's encoding."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _gather(item, found)
        return
    text = str(value)
    found += [each for each in dict.fromkeys((text, unquote_plus(text))) if len(each) >= SHORTEST_SECRET]
