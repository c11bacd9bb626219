"""A media socket that does not open is an error with a reason, and one that is given up is not left behind."""

import asyncio
import contextlib

import pytest
from websockets.utils import accept_key

from mock_services.twilio import stream
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.protocol.media import MediaStream
from mock_services.twilio.protocol.noticed import Noticed
from mock_services.twilio.protocol.turns import Caller
from mock_services.twilio.stream import MediaSession, StreamHandshakeError, open_session

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"


def session() -> MediaSession:
    def caller(now: float) -> Caller:
        raise AssertionError("the stream never starts")

    def tell(event: Noticed) -> None:
        raise AssertionError("nothing is heard")

    return MediaSession(MediaStream("AC1", "CA1", "MZ1", {}), caller, Pacer(), tell)


async def answered(reply: bytes | None) -> None:
    """Open a session towards a server that answers the handshake with `reply`, or not at all."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await over.wait()
        writer.write(reply or b"")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        await open_session(session(), f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/s", "signature", None)
    finally:
        over.set()
        server.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "closed the connection before"),
        (b"HTTP/1.1 101 Switch", "closed the connection before"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "received 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "received 302"),
        (b"SSH-2.0\r\n\r\n", "unknown protocol"),
        (ACCEPTED + b"Sec-WebSocket-Accept: wrong\r\n\r\n", "sec-websocket-accept"),
        (None, "timeout"),
    ],
)
async def test_a_handshake_that_fails_is_told_with_its_reason(
    reply: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HANDSHAKE_SECONDS", 0.3)
    with pytest.raises(StreamHandshakeError, match=rf"ws://127\.0\.0\.1:\d+/s did not open: .*{why}"):
        await answered(reply)


@pytest.mark.anyio
async def test_nobody_listening_is_a_failed_handshake() -> None:
    with pytest.raises(StreamHandshakeError, match="did not open"):
        await open_session(session(), "ws://127.0.0.1:1/s", "signature", None)


@pytest.mark.anyio
async def test_a_socket_that_opens_after_it_was_given_up_is_closed_at_once() -> None:
    asked, answer, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        asked.set()
        await answer.wait()
        writer.write(ACCEPTED + f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/s"
    opening = asyncio.create_task(open_session(session(), url, "signature", None))
    async with asyncio.timeout(5):
        await asked.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        answer.set()
        await gone.wait()
    server.close()
