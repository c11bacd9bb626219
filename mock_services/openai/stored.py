"""The responses that are kept, so that a later request can continue them: the newest, as many as fit."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from mock_services.openai.errors import PreviousResponseNotFound, ResponseNotFound
from mock_services.openai.responses import Previous

MOST_BYTES = 64 << 20


class _Kept(NamedTuple):
    content: bytes
    previous: Previous


class StoredResponses:
    """At most `capacity` responses and `MOST_BYTES` of them; the oldest go first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, response_id: str, content: bytes, previous: Previous) -> None:
        """Keep a response, as JSON, with what a request that continues it needs."""
        self._kept[response_id] = _Kept(content, previous)
        self._bytes += len(content)
        while len(self._kept) > self._capacity or self._bytes > MOST_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.content)

    def content(self, response_id: str) -> bytes:
        """Give a response as JSON; raises `ResponseNotFound`."""
        kept = self._kept.get(response_id)
        if kept is None:
            raise ResponseNotFound(response_id[:100])
        return kept.content

    def previous(self, response_id: str) -> Previous:
        """Give what a request that continues a response needs; raises `PreviousResponseNotFound`."""
        kept = self._kept.get(response_id)
        if kept is None:
            raise PreviousResponseNotFound(response_id[:100])
        return kept.previous

    def forget(self, response_id: str) -> None:
        """Delete a response; raises `ResponseNotFound`."""
        self._bytes -= len(self.content(response_id))
        del self._kept[response_id]
