"""Twilio's webhook signature (https://www.twilio.com/docs/usage/security#validating-requests)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def sign(token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Sign a form: HMAC-SHA1, in base64, of the URL and every field's name and value in order of the names.

    Of a field that stands several times each distinct value counts once.
    """
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def is_signed(token: str, url: str, fields: Iterable[tuple[str, str]], signature: str) -> bool:
    """Check a signature over the URL with and without its port, as Twilio's own validator does."""
    known = tuple(fields)
    given = signature.encode("utf-8", "replace")
    return any(hmac.compare_digest(sign(token, each, known).encode(), given) for each in _with_and_without_port(url))


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    _, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return url, parts._replace(netloc=parts.netloc.removesuffix(f":{port}")).geturl()
    default = DEFAULT_PORTS.get(parts.scheme)
    return url, parts._replace(netloc=f"{parts.netloc}:{default}").geturl() if default else url
