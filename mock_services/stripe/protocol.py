"""Stripe on the wire, without input or output: bracket forms, API versions and webhook signatures."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl

MAX_DEPTH: Final = 8
MAX_PAIRS: Final = 5_000

BASIL: Final = "2025-03-31"
"""From this version on billing periods stand on subscription items, and invoices name their payments differently."""
HOSTED_PAGE: Final = "2026-01-01"
"""From about this version on a checkout session's `ui_mode` is `hosted_page` where it was `hosted`."""

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.[a-z_]+)?")


class FormError(ValueError):
    """A form that contradicts itself, or is larger than any client sends. `param` is the parameter at fault."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


def decode_form(form: str) -> dict[str, Any]:
    """Decode `a=1&b[c]=2&d[0][e]=3&f[]=4` to nested dicts of strings: Rack's reading, which is Stripe's.

    Indices stay keys (`{"d": {"0": {"e": "3"}}}`): only the parameter that is meant tells a list from an object.
    `f[]` takes the next free index, and `g[][h]` goes to the last element for as long as that has no `h`. Of a key that
    stands twice the last value holds; a key whose brackets do not match is a name as it stands. Raises `FormError`.
    """
    try:
        pairs = parse_qsl(form, keep_blank_values=True, max_num_fields=MAX_PAIRS, encoding="utf-8", errors="replace")
    except ValueError:
        raise FormError(f"A request takes at most {MAX_PAIRS} parameters.", "") from None
    decoded: dict[str, Any] = {}
    for key, value in pairs:
        _put(decoded, _segments(key), value, key)
    return decoded


def _segments(key: str) -> list[str]:
    match = _KEY.fullmatch(key)
    if match is None:
        return [key]
    segments = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(segments) > MAX_DEPTH:
        raise FormError(f"Parameters nest at most {MAX_DEPTH} deep: {key[:200]}", match[1])
    return segments


def _put(container: dict[str, Any], segments: list[str], value: str, key: str) -> None:
    for at, segment in enumerate(segments[:-1]):
        following = segments[at + 1 :]
        name = _element(container, following) if segment == "" else segment
        inner = container.setdefault(name, {})
        if not isinstance(inner, dict):
            raise FormError(f"Invalid parameter: {key[:200]} is both a value and an object.", segments[0])
        container = inner
    last = segments[-1] if segments[-1] != "" or len(segments) == 1 else str(len(container))
    if isinstance(container.get(last), dict):
        raise FormError(f"Invalid parameter: {key[:200]} is both a value and an object.", segments[0])
    container[last] = value


def _element(container: dict[str, Any], following: list[str]) -> str:
    """The index that `[]` means before more brackets: the last element while it lacks what follows, else a new one."""
    newest = str(len(container) - 1)
    held = container.get(newest)
    return newest if isinstance(held, dict) and following[0] != "" and following[0] not in held else str(len(container))


def is_version(text: str) -> bool:
    """Whether `text` has the shape of an API version: a date, and since 2024 a release name (`2025-03-31.basil`)."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return False
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def since(version: str, change: str) -> bool:
    """Whether a client of API version `version` sees a change that came with the version dated `change`."""
    return version[:10] >= change


def sign(secret: str, timestamp: int, payload: bytes) -> str:
    """Give the `Stripe-Signature` header: hex HMAC-SHA256 of `<timestamp>.<payload>`, as scheme v1.

    Source: https://docs.stripe.com/webhooks#verify-manually.
    """
    signed = str(timestamp).encode() + b"." + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
