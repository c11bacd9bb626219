"""Performs a call: rings the number's webhook, executes the TwiML that comes back, and holds the media stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urljoin

from mock_services.twilio.http import WebhookError
from mock_services.twilio.models import CallRecord, Number, new_sid
from mock_services.twilio.network import Network
from mock_services.twilio.protocol import twiml
from mock_services.twilio.protocol.media import MediaStream
from mock_services.twilio.protocol.noticed import Noticed
from mock_services.twilio.protocol.stream_url import StreamUrlError, resolve
from mock_services.twilio.protocol.tape import Tape
from mock_services.twilio.protocol.turns import Caller, Script
from mock_services.twilio.protocol.twiml import Connect, Hangup, Pause, Play, Redirect, Reject, Say, TwimlError, Verb
from mock_services.twilio.protocol.webhook import Fields, inbound_fields, voice_fields
from mock_services.twilio.stream import MediaSession, StreamEnd, StreamHandshakeError, StreamOutcome, open_session

MAX_DOCUMENTS = 100  # a document that redirects to itself ends here
Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed: step, a word from a bounded set, a sentence, Twilio's error code if any; `at`: monotonic."""

    step: str
    reason: str
    detail: str
    error_code: int | None = None
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Document:
    """TwiML that came from `url` at `at` (monotonic seconds)."""

    url: str
    verbs: tuple[Verb, ...]
    at: float


class Performance:
    """One call's course from ringing to the last verb. `tell(event, **fields)` is given each step as it happens.

    `run` returns why the call ended, or None where it failed; `failure`, `rejected_as` and `session` hold the rest.
    Cancelling `run` hangs up.
    """

    def __init__(
        self,
        network: Network,
        record: CallRecord,
        number: Number,
        script: Script,
        random: Random,
        run_id: str,
        tell: Tell,
        tape: Tape | None = None,
    ) -> None:
        self.failure: Failure | None = None
        self.rejected_as: str | None = None  # the status of a call that was not answered because of <Reject>
        self.session: MediaSession | None = None
        self._network = network
        self._record = record
        self._number = number
        self._script = script
        self._random = random
        self._run_id = run_id
        self._tell = tell
        self._tape = tape
        self._started = time.monotonic()
        self._connected = False
        self._reason = "twiml-end"
        self._fetched = 0
        self._cookies: dict[str, str] = {}

    async def run(self) -> str:
        """Perform the call to its end and give the reason for it."""
        document = await self._ring()
        while document is not None:
            document = await self._execute(document)
        return self._reason

    def fields(self) -> Fields:
        """Give the voice fields of a webhook at this moment of the call."""
        record = self._record
        return voice_fields(
            self._network.account_sid, record.sid, record.caller, record.called, record.status, record.direction
        )

    def let_go(self) -> None:
        """Let go of the call that this belongs to, so that both are freed at once when it is over."""
        self._tell = _told_nobody

    async def _ring(self) -> Document | None:
        number = self._number
        self._tell("dialing", script=self._script.name)
        try:
            return await self._fetch(
                "VoiceUrl", number.voice_method, number.voice_url, inbound_fields(self._record.sid)
            )
        except (WebhookError, TwimlError) as failure:
            if not number.voice_fallback_url:
                self._fail_to_fetch(failure)
                return None
            error: Fields = [("ErrorCode", str(failure.code)), ("ErrorUrl", number.voice_url)]
        return await self._go_to("VoiceFallbackUrl", number.voice_fallback_method, number.voice_fallback_url, error)

    async def _go_to(self, kind: str, method: str, url: str, more: Fields) -> Document | None:
        try:
            return await self._fetch(kind, method, url, more)
        except (WebhookError, TwimlError) as failure:
            self._fail_to_fetch(failure)
            return None

    async def _fetch(self, kind: str, method: str, url: str, more: Fields) -> Document:
        self._fetched += 1
        if self._fetched > MAX_DOCUMENTS:
            raise TwimlError(f"the call went through {MAX_DOCUMENTS} documents without an end, last from {url}", 12100)
        fields = [*self.fields(), *more]
        answer = await self._network.call_webhook(kind, method, url, fields, self._run_id, self._cookies)
        return Document(answer.url, twiml.read(answer.body, answer.content_type), answer.at)

    async def _execute(self, document: Document) -> Document | None:
        """Execute the verbs; give the document to go on with, or None where the call ends."""
        if not self._connected and not any(isinstance(verb, Connect | Redirect) for verb in document.verbs):
            self._fail("answer", "call-rejected", _rejection(document))
        for place, verb in enumerate(document.verbs):
            self._begin(verb)
            match verb:
                case Say() | Pause() | Play():
                    await asyncio.sleep(self._length(verb))
                case Hangup():
                    return None
                case Reject(reason):
                    self.rejected_as = "busy" if reason == "busy" else "no-answer"
                    return None
                case Redirect(url, method):
                    return await self._go_to("Redirect", method, urljoin(document.url, url), [])
                case Connect(action=action, method=method):
                    since = time.monotonic() if place else document.at
                    if await self._connect(document, verb, since) is StreamEnd.CALLER_DONE:
                        return None
                    if action is not None:
                        return await self._go_to("action", method, urljoin(document.url, action), [])
        if self._record.status == "ringing":
            self._record.answer()
        return None

    def _begin(self, verb: Verb) -> None:
        """Answer the call if it rings and `verb` is one that answers."""
        if self._record.status == "ringing" and not isinstance(verb, Pause | Reject):
            self._record.answer()
        if not isinstance(verb, Connect):
            self._reason = "twiml-end"

    def _length(self, verb: Say | Pause | Play) -> float:
        """Give how many seconds `verb` takes. Recordings are not fetched, so theirs are unknown and count nothing."""
        match verb:
            case Say(text, loop):
                return len(text) * loop / self._network.speech_rate
            case Pause(length):
                return length
            case Play():
                return 0.0

    async def _connect(self, document: Document, verb: Connect, since: float) -> StreamEnd:
        if not self._connected:
            self._tell("answered", latency_ms=round((document.at - self._started) * 1000, 3))
            self._connected = True
        try:
            session = await self._open(document, verb, since)
        except (StreamUrlError, StreamHandshakeError) as refused:
            self._fail("connect", "stream-handshake", str(refused), 31920)
            return StreamEnd.LOST
        outcome = await session.run()
        self._conclude(outcome)
        return outcome.end

    async def _open(self, document: Document, verb: Connect, since: float) -> MediaSession:
        network = self._network
        url = resolve(verb.stream.url, document.url, network.stream_map)
        parameters = verb.stream.parameters
        stream = MediaStream(network.account_sid, self._record.sid, new_sid("MZ"), parameters, self._tape)
        session = MediaSession(stream, self._make_caller, network.pacer, self._notice)
        await open_session(session, url, network.sign_upgrade(url), network.http.tls)
        self.session = session
        self._tell("connected", latency_ms=round((time.monotonic() - since) * 1000, 3), stream_sid=stream.stream_sid)
        return session

    def _make_caller(self, now: float) -> Caller:
        return Caller(self._script, self._network.voice, self._random, now)

    def _notice(self, event: Noticed) -> None:
        self._tell(event.name, **event.fields())

    def _conclude(self, outcome: StreamOutcome) -> None:
        match outcome.end:
            case StreamEnd.CALLER_DONE:
                self._reason = "caller-hangup"
            case StreamEnd.SERVER_CLOSED:
                self._reason = "agent-hangup"
            case StreamEnd.LOST:
                self._fail("media", "stream-lost", outcome.detail, 31921)
            case StreamEnd.BROKEN:
                self._fail("media", "double-failed", outcome.detail)

    def _fail_to_fetch(self, failure: WebhookError | TwimlError) -> None:
        reason = failure.reason if isinstance(failure, WebhookError) else "twiml-invalid"
        if self._record.status == "ringing":
            self._record.answer()  # the caller is told that an application error has occurred
        self._fail("answer", reason, str(failure), failure.code)

    def _fail(self, step: str, reason: str, detail: str, code: int | None = None) -> None:
        if self.failure is None:  # the first one is the cause
            self.failure = Failure(step, reason, detail, code)


def _told_nobody(event: str, **fields: object) -> None:
    """Take an event of a call that is over: there is none."""


def _rejection(document: Document) -> str:
    said = " ".join(verb.text for verb in document.verbs if isinstance(verb, Say))
    verbs = ", ".join(type(verb).__name__ for verb in document.verbs[:10]) or "no verb"
    words = f" and says {said[:200]!r}" if said else ""
    return f"the TwiML of {document.url} connects no stream: it has {verbs}{words}"
