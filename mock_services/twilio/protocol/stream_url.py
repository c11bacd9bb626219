"""Where a `<Stream>` is really opened: TwiML always names `wss://`, and a lab has plain sockets too."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit


class StreamUrlError(ValueError):
    """A `<Stream>` URL that Twilio does not open."""


def resolve(url: str, webhook_url: str, stream_map: Mapping[str, str]) -> str:
    """Give the URL that is opened for the stream `url` of the TwiML that came from `webhook_url`.

    `stream_map` maps one `scheme://host:port` to another and goes first. A stream on the same host and port as a
    webhook that is served over plain http is opened with `ws://`. Raises `StreamUrlError` for a URL that is not
    `wss://`, or that has a query string.
    """
    if not url.isascii() or any(character <= " " for character in url):
        raise StreamUrlError(f"the stream's URL {url[:200]!r} has characters that a URL cannot have")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as malformed:
        raise StreamUrlError(f"the stream's URL {url[:200]!r} is malformed: {malformed}") from malformed
    if parts.scheme != "wss" or not host:
        raise StreamUrlError(f"the stream's URL {url[:200]!r} is not a wss:// URL; Twilio opens no other")
    if "?" in url or "#" in url:
        raise StreamUrlError(f"the stream's URL {url[:200]!r} has a query or fragment; pass values as <Parameter>")
    origin = f"wss://{parts.netloc}"
    if origin in stream_map:
        return stream_map[origin] + url[len(origin) :]
    webhook = urlsplit(webhook_url)
    if webhook.scheme == "http" and webhook.netloc.lower() == parts.netloc.lower():
        return urlunsplit(parts._replace(scheme="ws"))
    return url


def parse_map(text: str) -> dict[str, str]:
    """Read `wss://a:1=ws://b:2,…` into a map from origin to origin; raise `ValueError` naming a bad entry."""
    origins: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        source, separator, target = entry.partition("=")
        if not separator or not _is_origin(source, {"wss"}) or not _is_origin(target, {"ws", "wss"}):
            raise ValueError(f"{entry!r} is not of the form wss://host:port=ws://host:port")
        origins[source] = target
    return origins


def _is_origin(text: str, schemes: set[str]) -> bool:
    parts = urlsplit(text)
    return parts.scheme in schemes and bool(parts.hostname) and not (parts.path or parts.query or parts.fragment)
