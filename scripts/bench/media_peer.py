"""The lean target of the media bench: answers webhooks with TwiML, and speaks 50 frames a second on every stream.

It counts what it receives, and its own lateness, so that a slow peer cannot be taken for a slow double.
"""

from __future__ import annotations

from itertools import cycle

import orjson
import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from mock_services.core.speech import FRAME_BYTES, SILENCE, load_recordings
from mock_services.twilio.lateness import Lateness
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.protocol.audio import payloads

SILENCE_FRAMES = 100  # after each spoken line, so that callers get their turn


class Figures:
    """What the peer saw of all streams."""

    def __init__(self) -> None:
        self.lateness = Lateness()
        self.media = 0
        self.skipped = 0
        self.stops = 0
        self.sequence_errors = 0
        self.open = 0

    def render(self) -> bytes:
        """Give the figures as JSON."""
        return orjson.dumps(
            {
                "media_received": self.media,
                "media_sent": self.lateness.frames,
                "skipped": self.skipped,
                "stops": self.stops,
                "sequence_errors": self.sequence_errors,
                "open": self.open,
                "lateness_ms": self.lateness.summary(),
            }
        )


class Agent(WSListener):
    """One stream's far end: speaks the agent's lines over and over, with pauses, whatever the caller says."""

    def __init__(self, figures: Figures, pacer: Pacer, audio: tuple[bytes, ...]) -> None:
        self._figures = figures
        self._pacer = pacer
        self._audio = cycle(audio)
        self._transport: WSTransport
        self._template = b""
        self._received = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Remember the socket."""
        self._transport = transport
        self._figures.open += 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Count a message; begin to speak at `start`, and check the numbering at `stop`."""
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()
            return
        message = frame.get_payload_as_bytes()
        if message.startswith(b'{"event":"media"'):
            self._received += 1
        elif message.startswith(b'{"event":"start"'):
            sid = orjson.loads(message)["streamSid"].encode()
            self._template = b'{"event":"media","streamSid":"' + sid + b'","media":{"payload":"%b"}}'
            self._pacer.add(self)
        elif message.startswith(b'{"event":"stop"'):
            self._figures.stops += 1
            self._figures.media += self._received
            # start is 1, each frame one more, stop the last: none may be missing on the way.
            self._figures.sequence_errors += int(orjson.loads(message)["sequenceNumber"]) != self._received + 2

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Stop speaking."""
        self._pacer.remove(self)
        self._figures.open -= 1

    def frame_due(self, due: float, now: float) -> None:
        """Speak 20 ms."""
        self._transport.send(WSMsgType.TEXT, self._template % next(self._audio))
        self._figures.lateness.record((now - due) * 1000)

    def frames_missed(self, count: int, now: float) -> None:
        """Count what the peer itself could not send in time."""
        self._figures.skipped += count

    def pacing_failed(self, error: Exception) -> None:
        """Stop the peer: its figures would be worth nothing."""
        raise error


async def serve() -> None:
    """Serve until the process is ended. `GET /voice` gives TwiML, `/ended` takes callbacks, `/figures` tells."""
    figures, pacer = Figures(), Pacer()
    pause = bytes([SILENCE]) * FRAME_BYTES * SILENCE_FRAMES
    audio = payloads(b"".join(line.ulaw + pause for line in load_recordings("agent")))

    def route(request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        path = request.path.decode().partition("?")[0]
        if path == "/stream":
            return Agent(figures, pacer, audio)
        host = request.headers["Host"]
        answers = {
            "/voice": (
                "text/xml",
                f'<Response><Connect><Stream url="wss://{host}/stream"/></Connect></Response>'.encode(),
            ),
            "/figures": ("application/json", figures.render()),
            "/ended": ("application/json", b"{}"),
        }
        kind, body = answers[path]
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(body, {"Content-Type": kind}), None)

    server = await ws_create_server(route, "127.0.0.1", 0, backlog=2048)
    print(f"peer ready on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
