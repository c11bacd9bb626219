"""A conversation sends what its session owes when it is due, wakes for what comes sooner, and ends with the client."""

import asyncio
import heapq
from typing import Any

import pytest
from starlette.websockets import WebSocket

from mock_services.core.conversation import Close, Conversation, Output

Sent = tuple[float, Any]


class Owing:
    """A session that is told what to send: `<seconds> <text>` owes the text so many seconds from now."""

    def __init__(self) -> None:
        self._owed: list[tuple[float, str]] = []

    @property
    def due(self) -> float:
        return self._owed[0][0] if self._owed else float("inf")

    def receive_text(self, text: str, now: float) -> None:
        delay, words = text.split()
        heapq.heappush(self._owed, (now + float(delay), words))

    def receive_audio(self, audio: bytes, now: float) -> None:
        heapq.heappush(self._owed, (now, audio.decode()))

    def poll(self, now: float) -> list[Output]:
        due: list[Output] = []
        while self.due <= now:
            words = heapq.heappop(self._owed)[1]
            known: dict[str, Output] = {"bytes": b"bytes", "close": Close(1000, "done")}
            due.append(known.get(words, words))
        return due


class Peer:
    """The client's end of an ASGI socket."""

    def __init__(self) -> None:
        self.begun = asyncio.get_running_loop().time()
        self.sent: list[Sent] = []
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.late: list[float] = []

    def tell(self, content: str | bytes) -> None:
        key = "text" if isinstance(content, str) else "bytes"
        self._inbox.put_nowait({"type": "websocket.receive", key: content})

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def _send(self, message: Any) -> None:
        if message["type"] != "websocket.accept":
            self.sent.append((asyncio.get_running_loop().time() - self.begun, message))
        if message["type"] == "websocket.close":
            self.leave()

    async def converse(self) -> list[Any]:
        """Converse to the end; give what was sent."""
        websocket = WebSocket({"type": "websocket", "headers": []}, self._inbox.get, self._send)
        await websocket.accept()
        await asyncio.wait_for(Conversation(websocket, Owing(), self.late.append).run(), 10)
        return [message.get("text") or message.get("bytes") or message["code"] for _, message in self.sent]


@pytest.mark.anyio
async def test_things_are_sent_in_the_order_in_which_they_are_due() -> None:
    peer = Peer()
    for text in ("0.15 third", "0.05 first", "0.1 second", "0.2 close"):
        peer.tell(text)
    assert await peer.converse() == ["first", "second", "third", 1000]
    for (at, _), due in zip(peer.sent, (0.05, 0.1, 0.15, 0.2), strict=True):
        assert at >= due - 0.002
    assert len(peer.late) == 4
    assert min(peer.late) >= 0


@pytest.mark.anyio
async def test_a_message_wakes_the_sender_for_what_is_due_sooner() -> None:
    peer = Peer()
    peer.tell("9 never")
    task = asyncio.create_task(peer.converse())
    while not peer.sent:
        await asyncio.sleep(0)
        peer.tell(b"bytes")
    peer.leave()
    assert "never" not in await task
    assert peer.sent[0][1]["bytes"] == b"bytes"
    assert peer.sent[0][0] < 5


@pytest.mark.anyio
async def test_a_client_that_leaves_ends_it_whatever_is_owed() -> None:
    peer = Peer()
    peer.tell("60 words")
    peer.leave()
    assert await peer.converse() == []
