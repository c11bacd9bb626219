"""URLs that a target wrote, which may be malformed: a request to one says so, so that nothing else need fail on it."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def joined(document_url: str, url: str) -> str:
    """Give `url` as seen from the document that names it; a malformed one as it is, for the request to refuse."""
    try:
        return urljoin(document_url, url)
    except ValueError:
        return url


def path_of(url: str) -> str:
    """Give the path of a URL; of a malformed one, nothing."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
