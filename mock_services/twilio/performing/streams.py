"""`<Connect><Stream>`, `<Start><Stream>` and `<Stop><Stream>`: the call's audio over WebSockets."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from mock_services.twilio.callbacks import Subscription
from mock_services.twilio.leg import Document, Ending, Leg, Next
from mock_services.twilio.models import new_sid
from mock_services.twilio.protocol.fork import ForkStream, Heard
from mock_services.twilio.protocol.media import MediaStream
from mock_services.twilio.protocol.stream_url import StreamUrlError, resolve
from mock_services.twilio.protocol.turns import Caller
from mock_services.twilio.protocol.verbs import Connect, Start, Stop, Stream
from mock_services.twilio.stream import (
    MediaSession,
    StreamEnd,
    StreamHandshakeError,
    StreamOutcome,
    open_session,
)

HANDSHAKE_FAILED = 31920
STREAM_LOST = 31921
MAX_FORKS = 4  # tracks that one call may be forked to


async def connect(leg: Leg, verb: Connect, document: Document, since: float) -> Next:
    """Hold the conversation until one side ends it, then go on with the action or the next verb."""
    leg.answered(document)
    if await _converse(leg, verb.stream, document, since) is StreamEnd.CALLER_DONE:
        return Ending.HANG_UP
    if verb.action is None:
        return None
    return await leg.follow(document, verb.action, verb.method, [])


async def start(leg: Leg, verb: Start, document: Document) -> Next:
    """Begin to send the call's audio, and go on at once; a stream that does not open is told of and passed over."""
    leg.answered(document)
    stream_sid = new_sid("MZ")
    taken = verb.stream.name in leg.forks
    if taken or len(leg.forks) >= MAX_FORKS:
        why = f"the name {verb.stream.name!r} is taken" if taken else f"{MAX_FORKS} streams go on"
        _tell(leg, verb.stream, document, stream_sid, "stream-error", f"<Start><Stream> is passed over: {why}")
        return None
    name = verb.stream.name or stream_sid
    leg.forks[name] = Forking(leg, verb.stream, document, stream_sid, name)
    return None


async def stop(leg: Leg, verb: Stop) -> Next:
    """End the stream of that name, or the only one there is; with none there is nothing to do."""
    name = verb.name or (next(iter(leg.forks)) if len(leg.forks) == 1 else "")
    if name in leg.forks:
        leg.forks[name].stop()
    return None


class ForkSession(MediaSession):
    """The socket of a stream that takes audio one way: what is heard of the call, line noise while nothing is.

    It is given what is heard as a recorder is (`Recorder`).
    """

    def __init__(self, leg: Leg, stream: ForkStream) -> None:
        network = leg.network
        random = network.randomness.fresh(f"stream {leg.run_id} {leg.record.caller}")
        super().__init__(
            stream,
            lambda now: Caller(leg.script, network.voice, random, now),  # is never asked: nobody talks on it
            network.pacer,
            lambda _event: None,
        )
        self._fork = stream
        self._noise = network.voice.noise
        self._noise_at = random.randrange(len(self._noise))
        self._heard = {track: Heard() for track in stream.tracks}

    def caller(self, ulaw: bytes, at: float) -> None:
        """Take what the caller says from `at` on."""
        if "inbound" in self._heard:
            self._heard["inbound"].add(ulaw, at)

    def agent(self, ulaw: bytes, at: float) -> None:
        """Take what is played to the caller from `at` on."""
        if "outbound" in self._heard:
            self._heard["outbound"].add(ulaw, at)

    def cut(self, at: float) -> None:
        """Learn that nothing of what was to be played after `at` is heard."""
        if "outbound" in self._heard:
            self._heard["outbound"].clear()

    def end(self, at: float) -> None:
        """Learn that the call is over."""
        for heard in self._heard.values():
            heard.clear()

    def frame_due(self, due: float, now: float) -> None:
        """Send the next frame of each track (`Paced`)."""
        payloads = self._next(now)
        if self._blocked:
            self._fork.skip()
            self.frames_blocked += 1
            return
        for message in self._fork.frame(payloads):
            self._send(message)
        self.lateness.record((now - due) * 1000)

    def frames_missed(self, count: int, now: float) -> None:
        """Pass over frames that are too late to be sent (`Paced`)."""
        for _ in range(count):
            self._next(now)
        self._fork.skip(count)
        self.frames_skipped += count

    def _next(self, now: float) -> dict[str, bytes]:
        self._noise_at = (self._noise_at + 1) % len(self._noise)
        noise = self._noise[self._noise_at]
        return {track: heard.next(now) or noise for track, heard in self._heard.items()}


class Forking:
    """A `<Start><Stream>` from its handshake to its end, beside the verbs."""

    def __init__(self, leg: Leg, stream: Stream, document: Document, stream_sid: str, name: str) -> None:
        self._leg = leg
        self._stream = stream
        self._document = document
        self._name = name
        network = leg.network
        self._session = ForkSession(
            leg, ForkStream(network.account_sid, leg.record.sid, stream_sid, stream.parameters, stream.track)
        )
        leg.attach(self._session)  # from here on, though the socket is still to open
        self._task = asyncio.create_task(self._run(stream_sid))

    def stop(self) -> None:
        """Send no more: `stop`, and the end of the socket."""
        self._task.cancel()

    async def ended(self) -> None:
        """Wait until the stream is over."""
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()  # raises what went wrong in it

    async def _run(self, stream_sid: str) -> None:
        leg, stream, document = self._leg, self._stream, self._document
        started = False
        try:
            await _open(leg, stream, document, self._session)
            _tell(leg, stream, document, stream_sid, "stream-started")
            started = True
            outcome = await self._session.run()
        except (StreamUrlError, StreamHandshakeError) as refused:
            _tell(leg, stream, document, stream_sid, "stream-error", str(refused))
            leg.fail("connect", "stream-handshake", str(refused), HANDSHAKE_FAILED)
        except asyncio.CancelledError:
            if started:
                _tell(leg, stream, document, stream_sid, "stream-stopped")
            raise
        else:
            _note_failure(leg, outcome)
            _tell_end(leg, stream, document, stream_sid, outcome)
        finally:
            leg.detach(self._session)
            leg.forks.pop(self._name, None)


async def _converse(leg: Leg, stream: Stream, document: Document, since: float) -> StreamEnd:
    network = leg.network
    stream_sid = new_sid("MZ")
    media = MediaStream(network.account_sid, leg.record.sid, stream_sid, stream.parameters)
    session = MediaSession(
        media, lambda now: _caller(leg, now), network.pacer, lambda event: leg.tell(event.name, **event.fields())
    )
    try:
        await _open(leg, stream, document, session)
    except (StreamUrlError, StreamHandshakeError) as refused:
        _tell(leg, stream, document, stream_sid, "stream-error", str(refused))
        leg.fail("connect", "stream-handshake", str(refused), HANDSHAKE_FAILED)
        return StreamEnd.LOST
    leg.hold(session)
    leg.tell("connected", latency_ms=round((time.monotonic() - since) * 1000, 3), stream_sid=stream_sid)
    _tell(leg, stream, document, stream_sid, "stream-started")
    try:
        outcome = await session.run()
    except asyncio.CancelledError:
        _tell(leg, stream, document, stream_sid, "stream-stopped")
        raise
    _conclude(leg, outcome)
    _tell_end(leg, stream, document, stream_sid, outcome)
    return outcome.end


async def _open(leg: Leg, stream: Stream, document: Document, session: MediaSession) -> None:
    network = leg.network
    url = resolve(stream.url, document.url, network.stream_map)
    await open_session(session, url, network.sign_upgrade(stream.url, url), network.http.tls)
    leg.sessions.append(session)
    loss = network.opened("WS {Stream}", urlsplit(url).path, leg.run_id, leg.record.sid.encode())
    if loss is not None:
        session.lose(loss.after_s, loss.note)


def _caller(leg: Leg, now: float) -> Caller:
    return Caller(leg.script, leg.network.voice, leg.random, now)


def _conclude(leg: Leg, outcome: StreamOutcome) -> None:
    match outcome.end:
        case StreamEnd.CALLER_DONE:
            leg.reason = "caller-hangup"
        case StreamEnd.SERVER_CLOSED:
            leg.reason = "agent-hangup"
        case _:
            _note_failure(leg, outcome)


def _note_failure(leg: Leg, outcome: StreamOutcome) -> None:
    if outcome.end is StreamEnd.LOST:
        leg.fail("media", "stream-lost", outcome.detail, STREAM_LOST)
    elif outcome.end is StreamEnd.BROKEN:
        leg.fail("media", "double-failed", outcome.detail)


def _tell_end(leg: Leg, stream: Stream, document: Document, stream_sid: str, outcome: StreamOutcome) -> None:
    if outcome.end is StreamEnd.LOST:
        _tell(leg, stream, document, stream_sid, "stream-error", outcome.detail)
    else:
        _tell(leg, stream, document, stream_sid, "stream-stopped")


def _tell(leg: Leg, stream: Stream, document: Document, stream_sid: str, event: str, error: str = "") -> None:
    """Post the stream's status, if it is asked for."""
    webhook = Subscription.of(stream.status, document.url).webhook
    if webhook is None:
        return
    fields = [
        ("AccountSid", leg.network.account_sid),
        ("CallSid", leg.record.sid),
        ("StreamSid", stream_sid),
        ("StreamName", stream.name or stream_sid),
        ("StreamEvent", event),
        ("Timestamp", datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")),
    ]
    if error:
        fields.append(("StreamError", error))
    leg.callbacks.post("StreamStatusCallback", webhook, fields)
