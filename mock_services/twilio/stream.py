"""A media stream over a real socket: the protocol machine, the caller and the pacer joined to one picows connection."""

from __future__ import annotations

import asyncio
import binascii
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NoReturn

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from mock_services.core.speech import SAMPLE_RATE
from mock_services.twilio.lateness import Lateness
from mock_services.twilio.pacer import Pacer
from mock_services.twilio.protocol.media import MediaStream, StreamState
from mock_services.twilio.protocol.noticed import KeyPressed, Noticed
from mock_services.twilio.protocol.turns import Caller, Phase

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 5.0
CLOSE_SECONDS = 2.0  # how long a peer may take to answer the closing handshake
MESSAGE_LIMIT = 1 << 20  # bytes of one incoming message; audio of any length is allowed, so this is generous
READ_BUFFER = 4096
# Audio is worth nothing late: about a second of it may wait in the kernel and 0.4 s here, then frames are skipped.
KERNEL_SEND_BUFFER = 16 * 1024
WRITE_HIGH_WATER = 8 * 1024
NORMAL_CLOSURES = frozenset({WSCloseCode.OK, WSCloseCode.GOING_AWAY, WSCloseCode.NO_INFO})


class StreamHandshakeError(Exception):
    """The media socket could not be opened; Twilio's error 31920."""


class StreamEnd(Enum):
    """Why a stream ended."""

    CALLER_DONE = "the caller hung up"
    SERVER_CLOSED = "the server closed the socket"
    LOST = "the socket was lost"
    BROKEN = "the double failed"


@dataclass(frozen=True, slots=True)
class StreamOutcome:
    """How a stream ended, and a sentence about it where something went wrong."""

    end: StreamEnd
    detail: str = ""


class MediaSession(WSListener):
    """One call's media socket from `start` to the end. `tell` is given what the caller notices, as it happens."""

    def __init__(
        self,
        stream: MediaStream,
        make_caller: Callable[[float], Caller],
        pacer: Pacer,
        tell: Callable[[Noticed], None],
    ) -> None:
        self.stream = stream
        self.lateness = Lateness()
        self.frames_skipped = 0  # their time had passed: this process was too slow
        self.frames_blocked = 0  # the server did not read what was sent before
        self._make_caller = make_caller
        self._pacer = pacer
        self._tell = tell
        self._caller: Caller
        self._unanswered_ms: float | None = None
        self._transport: WSTransport | None = None
        self._abandoned = False
        self._loss: asyncio.TimerHandle | None = None
        self._outcome: asyncio.Future[StreamOutcome] = asyncio.get_running_loop().create_future()
        self._blocked = False
        self._parts = bytearray()  # of a message that comes in fragments

    async def run(self) -> StreamOutcome:
        """Send `connected` and `start`, then pace the caller until one side ends it. Cancelling it hangs up."""
        self._send(self.stream.connected())
        now = time.monotonic()
        self._send(self.stream.start())
        self._caller = self._make_caller(now)
        self._pacer.add(self)
        try:
            outcome = await self._outcome
        finally:
            self._pacer.remove(self)
            self._caller.leave()
            self._unanswered_ms = self._caller.unanswered_ms
            if self.stream.tape is not None:
                self.stream.tape.cut(time.monotonic())
            fault = await self._close()
            self._release()
        return replace(outcome, detail=fault) if fault and outcome.end is StreamEnd.LOST else outcome

    @property
    def is_open(self) -> bool:
        """Whether the handshake was made, however long ago."""
        return self._transport is not None

    def abandon(self) -> None:
        """Give up while the socket is being opened: should it still open, it is closed at once."""
        self._abandoned = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def lose(self, after_s: float, why: str) -> None:
        """Have the socket lost so much later, without a closing handshake: a fault of the lab's."""

        def lose() -> None:
            if self._transport is not None:
                self._transport.underlying_transport.abort()
            self._end(StreamOutcome(StreamEnd.LOST, why))

        self._loss = asyncio.get_running_loop().call_later(after_s, lose)

    def summary(self) -> dict[str, Any]:
        """Give the media figures of the call so far."""
        waited = {} if self._unanswered_ms is None else {"unanswered_ms": round(self._unanswered_ms, 3)}
        return {
            "frames_sent": self.lateness.frames,
            "frames_late": self.lateness.late,
            "lateness_ms": self.lateness.summary(),
            "frames_skipped": self.frames_skipped,
            "frames_blocked": self.frames_blocked,
            "messages_received": self.stream.messages_received,
            "audio_received_ms": round(self.stream.audio_received * 1000 / SAMPLE_RATE),
            "protocol_warnings": self.stream.warnings,
            "protocol_warning": self.stream.warning,
            **waited,
        }

    def frame_due(self, due: float, now: float) -> None:
        """Send the caller's next frame (`Paced`)."""
        stream, caller = self.stream, self._caller
        payload = caller.tick(now, stream.voiced_until)
        if self._blocked:
            stream.skip()
            self.frames_blocked += 1
        else:
            self._transport.send(WSMsgType.TEXT, stream.media(payload))  # type: ignore[union-attr] # hot path
            self.lateness.record((now - due) * 1000)
            if stream.tape is not None:
                stream.tape.caller(binascii.a2b_base64(payload), due)
        if stream.marks_pending:
            self._echo_marks(now)
        if caller.events:
            self._report()
        if caller.phase is Phase.DONE:
            self._end(StreamOutcome(StreamEnd.CALLER_DONE))

    def frames_missed(self, count: int, now: float) -> None:
        """Let the caller live through frames that are too late to be sent (`Paced`)."""
        for _ in range(count):
            self._caller.tick(now, self.stream.voiced_until)
        self.stream.skip(count)
        self.frames_skipped += count

    def pacing_failed(self, error: Exception) -> None:
        """End the call: its own code failed (`Paced`)."""
        log.error("a media stream failed", exc_info=error)
        self._end(StreamOutcome(StreamEnd.BROKEN, f"the double failed: {type(error).__name__}: {error}"))

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Bound what may wait to be sent (picows)."""
        self._transport = transport
        connection: socket.socket = transport.underlying_transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_SEND_BUFFER)
        transport.underlying_transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        if self._abandoned:
            transport.disconnect(graceful=False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take what the server sent (picows)."""
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin:
            self._receive(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            self._server_closed(transport, frame)
        elif kind in {WSMsgType.TEXT, WSMsgType.CONTINUATION}:
            self._collect(transport, frame)
        elif kind is WSMsgType.BINARY:
            self.stream.warn("a binary message came; Media Streams has text messages only")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Notice a socket that went away without a closing handshake (picows)."""
        self._end(StreamOutcome(StreamEnd.LOST, "the server dropped the media socket without closing it"))

    def pause_writing(self) -> None:
        """Stop sending: the server does not read (picows)."""
        self._blocked = True

    def resume_writing(self) -> None:
        """Send again: the server reads again (picows)."""
        self._blocked = False

    def _receive(self, message: bytes) -> None:
        if self.stream.state is not StreamState.STARTED:
            return  # what was under way when the call ended
        now = time.monotonic()
        heard_at = self.stream.receive(message, now)
        if heard_at is not None:
            self._caller.hear(heard_at)
            return
        if self.stream.cleared_at == now:
            self._caller.cleared(now)
        if self.stream.marks_pending:
            self._echo_marks(now)

    def _collect(self, transport: WSTransport, frame: WSFrame) -> None:
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > MESSAGE_LIMIT:
            transport.send_close(WSCloseCode.MESSAGE_TOO_BIG)
            self._end(StreamOutcome(StreamEnd.LOST, f"the server sent a message of over {MESSAGE_LIMIT} bytes"))
        elif frame.fin:
            message = bytes(self._parts)
            self._parts.clear()
            self._receive(message)

    def _server_closed(self, transport: WSTransport, frame: WSFrame) -> None:
        code = frame.get_close_code()
        transport.send_close(WSCloseCode.OK)
        transport.disconnect()
        if code in NORMAL_CLOSURES:
            self._end(StreamOutcome(StreamEnd.SERVER_CLOSED))
        else:
            self._end(StreamOutcome(StreamEnd.LOST, f"the server closed the media socket with the code {code.value}"))

    def _echo_marks(self, now: float) -> None:
        for message in self.stream.due_marks(now):
            self._send(message)

    def _report(self) -> None:
        events, self._caller.events = self._caller.events, []
        for event in events:
            if isinstance(event, KeyPressed):
                self._send(self.stream.dtmf(event.digit))
            self._tell(event)

    def _send(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, message)

    def _end(self, outcome: StreamOutcome) -> None:
        self._pacer.remove(self)
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    async def _close(self) -> str:
        """Send `stop`, close the socket and wait for that; give a sentence if the server broke the protocol."""
        transport = self._transport
        if transport is None:
            return ""
        if self.stream.state is StreamState.STARTED:
            self._send(self.stream.stop())
        transport.send_close(WSCloseCode.OK)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)
        except WSError as fault:  # the server broke the WebSocket protocol
            return f"the media socket was closed: {str(fault)[:200]}"
        return ""

    def _release(self) -> None:
        """Let go of what refers to this object too, so that an ended call is freed at once.

        Else it waits for a full garbage collection, and that of some hundred calls stops the frames of all others.
        """
        if self._loss is not None:
            self._loss.cancel()
        self._transport = None
        self._make_caller = _over
        self._tell = _over


def _over(told: object) -> NoReturn:
    raise AssertionError(f"the stream is over, and was given {told!r}")


async def open_session(session: MediaSession, url: str, signature: str, tls: ssl.SSLContext | None) -> None:
    """Open the media socket of `session` as Twilio does; raise `StreamHandshakeError` where that fails."""
    headers = {"x-twilio-signature": signature, "User-Agent": "Twilio.TmeWs/1.0"}
    try:
        await ws_connect(
            lambda: session,
            url,
            ssl_context=tls,
            websocket_handshake_timeout=HANDSHAKE_SECONDS,
            max_redirects=0,
            max_frame_size=MESSAGE_LIMIT,
            read_buffer_init_size=READ_BUFFER,
            extra_headers=headers,
            logger_name="media",
        )
    except (WSError, OSError, ValueError) as refused:
        raise StreamHandshakeError(f"{url} did not open: {str(refused)[:200] or type(refused).__name__}") from refused
    except asyncio.CancelledError:
        session.abandon()
        raise
    if not session.is_open:  # picows does not call it an error if the connection ends before the answer has come
        raise StreamHandshakeError(f"{url} did not open: the server closed the connection before it had answered")
