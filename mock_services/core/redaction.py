"""Hides credentials in what a journal shows: its URL asks for none, and a double's port may be open to a whole network.

It is done where an entry is shown, so that no request waits for it. Credentials are told by the names of what holds
them, in JSON, in forms and in the queries of URLs, and where they stand without a name by how they look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

HIDDEN: Final = "[hidden]"
_IN_TWO_WORDS: Final = (
    ("api", "key"),
    ("secret", "key"),
    ("private", "key"),
    ("access", "code"),
    ("verification", "code"),
)
ENDINGS: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "credential",
    "credentials",
    *(f"{kind}{hyphen}{code}" for kind, code in _IN_TWO_WORDS for hyphen in ("", "_", "-")),
)
"""How names of credentials end: `admin_password` is one, `max_tokens` and `token_type` are not."""
WHOLE: Final = ("code", "otp", "pin", "cvc")
"""Names that are a credential's only as they stand: a `country_code` is none."""

_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_ESCAPE: Final = re.compile(r"%[0-9a-f]{2}")
# What stands between a name and its value: `": "`, that within a JSON string, `=`, or that within a form's field.
_DELIMITER: Final = re.compile(r"""(?:\]|%5D)*+(?:(\\*+["'])\s*+:\s*+|=|(%3D))""", re.IGNORECASE)
_STRINGS: Final = {
    '"': re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL),
    "'": re.compile(r"'[^'\\]*+(?:\\.[^'\\]*+)*+'?", re.DOTALL),
}
_NUMBER: Final = re.compile(r"-?\d[\w.+-]*+")
_BRACKET_OR_STRING: Final = re.compile(r'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_IN_TEXT: Final = re.compile(r"""[^&\s"'<>\\;,)]*+""")
_IN_FORM: Final = re.compile(r"[^&]*+")
_ENCODED: Final = re.compile(r"""(?:(?!%(?:26|20|0A|0D|22))[^&\s"'<>\\+])*+""", re.IGNORECASE)
_PART: Final = re.compile(r'name="?([^"\s;]++)"?[^\n]*+\n(?:[^\r\n]++\r?\n)*+\r?\n', re.IGNORECASE)
_SHAPES: Final = (
    (("Bearer ", "Basic ", "Token "), re.compile(r"\b(Bearer|Basic|Token) [\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (("eyJ",), re.compile(r"\beyJ[\w-]{5,}+\.[\w-]++\.[\w-]*+"), HIDDEN),  # a JSON Web Token
    (("sk_", "sk-", "rk_", "whsec_"), re.compile(r"\b(?:sk|rk|whsec)[-_][\w-]{8,}"), HIDDEN),  # OpenAI's, Stripe's keys
    (("SG.",), re.compile(r"\bSG\.[\w-]{8,}+\.[\w-]++"), HIDDEN),  # SendGrid's
)
"""What looks like a credential: words of which one is in it, what it is, and what is shown instead."""
_SEGMENT: Final = re.compile(r"\{([^}]*)\}")


def is_secret(name: str) -> bool:
    """Say whether what has this name is a credential."""
    return len(name) in _ends_of_names(name.translate(_LOWER))


def redact(text: str) -> str:
    """Hide the credentials in a text of any kind."""
    return _unshaped(_cut(text, _named_values(text, _IN_TEXT)))


def redact_body(body: str) -> str:
    """Hide the credentials in a request's body: JSON, a form of either kind, or a text; it may be cut off anywhere."""
    if body.startswith("--"):
        body = _cut(body, _parts(body))
    form = body.lstrip()[:1] not in ("{", "[", "-")
    return _unshaped(_cut(body, _named_values(body, _IN_FORM if form else _IN_TEXT)))


def redact_path(name: str, path: str) -> str:
    """Hide what an operation's name (`GET /rsvp/{invitation_token}`) says is a credential in a path of its own."""
    hidden = _secret_segments(name)
    if not hidden:
        return path
    return "/".join(HIDDEN if place in hidden else segment for place, segment in enumerate(path.split("/")))


@lru_cache(1024)
def _secret_segments(name: str) -> frozenset[int]:
    found = ((place, _SEGMENT.fullmatch(segment)) for place, segment in enumerate(name.split("/")))
    return frozenset(place for place, field in found if field is not None and is_secret(field[1]))


def _cut(text: str, values: Iterator[tuple[int, int, str]]) -> str:
    """Put `HIDDEN`, between quotes of the kind that are given, in the place of each value that is not empty."""
    parts: list[str] = []
    kept = 0
    for start, end, quote in values:
        if start < end:
            parts += text[kept:start], quote, HIDDEN, quote
            kept = end
    return "".join((*parts, text[kept:])) if parts else text


def _ends_of_names(lower: str) -> Iterator[int]:
    """Find where names of credentials may end."""
    for word in (*ENDINGS, *WHOLE):
        place = lower.find(word)
        while place >= 0:
            if word not in WHOLE or _begins(lower, place):
                yield place + len(word)
            place = lower.find(word, place + 1)


def _begins(lower: str, place: int) -> bool:
    """Say whether a name may begin there: at a word's begin, or behind `%5B` and the like."""
    before = lower[place - 1 : place]
    return not (before.isalnum() or before in ("_", "-")) or _ESCAPE.fullmatch(lower, place - 3, place) is not None


def _named_values(text: str, plain: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    """Find the values of what has a credential's name; `plain` matches one that follows `=`."""
    end = 0
    for place in sorted(_ends_of_names(text.translate(_LOWER))):
        found = _DELIMITER.match(text, place)
        if found is None or place < end:
            continue
        start, quote = found.end(), ""
        if found[1] is not None:
            start, end, quote = _json_value(text, start, found[1])
        else:
            end = _end(plain if found[2] is None else _ENCODED, text, start)
        yield start, end, quote


def _json_value(text: str, start: int, quote: str) -> tuple[int, int, str]:
    """Give where the value of a name in such quotes begins and ends; what is no value (`null`) is empty."""
    if len(quote) > 1:  # JSON within a JSON string, whose quotes have backslashes
        if not text.startswith(quote, start):
            return start, _end(_NUMBER, text, start), quote
        start += len(quote)
        end = text.find(quote, start)
        while end > start and text[end - 1] == "\\":
            end = text.find(quote, end + 1)
        return start, end if end >= 0 else len(text), ""
    first = text[start : start + 1]
    if first in _STRINGS:
        return start, _end(_STRINGS[first], text, start), quote
    if first in ("[", "{"):
        return start, _end_of_brackets(text, start), quote
    return start, _end(_NUMBER, text, start), quote


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return start if found is None else found.end()


def _end_of_brackets(text: str, start: int) -> int:
    depth = 0
    for found in _BRACKET_OR_STRING.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return len(text)


def _parts(body: str) -> Iterator[tuple[int, int, str]]:
    """Find the credentials among the parts of a multipart form."""
    for found in _PART.finditer(body):
        if is_secret(found[1]):
            end = body.find("\n--", found.end())
            yield found.end(), end if end >= 0 else len(body), ""


def _unshaped(text: str) -> str:
    for words, shape, instead in _SHAPES:
        if any(word in text for word in words):
            text = shape.sub(instead, text)
    return text
