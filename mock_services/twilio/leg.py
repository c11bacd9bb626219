"""One party's side of a call: what its TwiML is fetched with, what the party says, and what is told of it."""

from __future__ import annotations

import asyncio
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Protocol

from mock_services.core.speech import FRAME_BYTES, SAMPLE_RATE
from mock_services.twilio.callbacks import Callbacks, Failure, Progress, Subscription, Webhook, recording_fields
from mock_services.twilio.http import WebhookError
from mock_services.twilio.models import Account, CallRecord
from mock_services.twilio.network import Network
from mock_services.twilio.parties import Directory
from mock_services.twilio.playback import Playback
from mock_services.twilio.protocol import twiml
from mock_services.twilio.protocol.attributes import TwimlError
from mock_services.twilio.protocol.audio import Line
from mock_services.twilio.protocol.tape import Recorder
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.protocol.urls import joined
from mock_services.twilio.protocol.verbs import Verb
from mock_services.twilio.protocol.webhook import Fields, voice_fields
from mock_services.twilio.recordings import Deck, Recording, RecordingLog
from mock_services.twilio.stream import MediaSession

MAX_DOCUMENTS = 100  # a document that redirects to itself ends here
Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Document:
    """TwiML that came from `url` at `at` (monotonic seconds)."""

    url: str
    verbs: tuple[Verb, ...]
    at: float


class Ending(Enum):
    """What a verb gives that ends the call."""

    HANG_UP = "somebody hangs up, or nothing can be executed"
    NO_MORE = "the document has no more verbs"


Next = Document | Ending | None
"""What comes after a verb: another document, the end of the call, or the next verb."""


class Running(Protocol):
    """A call that goes on, as REST reaches it."""

    leg: Leg
    progress: Progress

    def redirect(self, source: Source) -> bool:
        """Go on with another document; False for a call that cannot."""

    def end(self) -> None:
        """End the call from outside."""

    def limit(self, seconds: float) -> None:
        """Let the call go on for `seconds` from now at most."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from: a webhook, or TwiML that was given with a request."""

    webhook: Webhook | None = None
    twiml: str = ""


@dataclass(frozen=True, slots=True)
class Owed:
    """The `action` of a verb that was cut short: it is requested all the same, and nobody executes what it answers.

    A hang-up always leaves it owed; another document that takes the verb's place does so `on_redirect` only.
    """

    document: Document
    action: str | None
    method: str
    more: Fields
    on_redirect: bool = False


@dataclass(frozen=True, slots=True)
class CentralOffice:
    """What all calls share."""

    network: Network
    account: Account
    directory: Directory
    recordings: RecordingLog
    running: dict[str, Running] = field(default_factory=dict)  # by SID


class Fork(Protocol):
    """A stream that takes a copy of what is said, beside the verbs."""

    def stop(self) -> None:
        """Send no more."""

    async def ended(self) -> None:
        """Wait until the stream is over."""


class Leg:
    """One side of a call. `tell(event, **fields)` is given each step as it happens.

    `must_connect`: a document that leads to no conversation is a refusal, which is what the dialling client wants to
    know. `reason` is why the call ended, `failure` what went wrong first.
    """

    def __init__(
        self,
        office: CentralOffice,
        record: CallRecord,
        script: Script,
        random: Random,
        run_id: str,
        tell: Tell,
        fallback: Webhook | None = None,
        *,
        must_connect: bool = False,
    ) -> None:
        self.office = office
        self.network = office.network
        self.record = record
        self.script = script
        self.random = random
        self.run_id = run_id
        self.tell = tell
        self.fallback = fallback
        self.must_connect = must_connect
        self.callbacks = Callbacks(office.network, run_id)
        self.failure: Failure | None = None
        self.reason = "twiml-end"
        self.owed: Owed | None = None
        self.rejected_as: str | None = None  # the status of a call that was not answered because of <Reject>
        self.session: MediaSession | None = None  # the newest bidirectional stream
        self.sessions: list[MediaSession] = []  # all streams
        self.forks: dict[str, Fork] = {}
        self.recordings: dict[str, tuple[Recording, Subscription]] = {}  # by SID
        self.children: list[Leg] = []  # those that <Dial> has rung
        self.deck = Deck()
        self.playback = Playback(self.deck)
        self._started = time.monotonic()
        self._answered = False
        self._answers = iter(script.answers or ())
        self._fetched = 0
        self._cookies: dict[str, str] = {}

    def fields(self) -> Fields:
        """Give the voice fields of a webhook at this moment of the call."""
        record = self.record
        fields = voice_fields(
            self.network.account_sid, record.sid, record.caller, record.called, record.status, record.direction
        )
        if record.parent_call_sid is not None:
            fields.append(("ParentCallSid", record.parent_call_sid))
        if record.answered_by is not None:
            fields.append(("AnsweredBy", record.answered_by))
        return fields

    async def fetch(self, kind: str, webhook: Webhook, more: Fields) -> Document:
        """Request a document; raise `WebhookError` or `TwimlError`."""
        self._fetched += 1
        if self._fetched > MAX_DOCUMENTS:
            sentence = f"the call went through {MAX_DOCUMENTS} documents without an end, last from {webhook.url}"
            raise TwimlError(sentence, 12100)
        answer = await self.network.call_webhook(
            kind, webhook.method, webhook.url, [*self.fields(), *more], self.run_id, self._cookies
        )
        return Document(answer.url, twiml.read(answer.body, answer.content_type), answer.at)

    async def go_to(self, kind: str, webhook: Webhook, more: Fields | None = None) -> Document | Ending:
        """Request the document to go on with; where that fails ask the fallback, and end the call if there is none."""
        try:
            return await self.fetch(kind, webhook, more or [])
        except (WebhookError, TwimlError) as failure:
            return await self._fall_back(failure, webhook.url)

    async def follow(self, document: Document, action: str | None, method: str, more: Fields) -> Document | Ending:
        """Request a verb's `action`, which is the present document's own URL where there is none."""
        return await self.go_to("action", Webhook(joined(document.url, action or ""), method), more)

    async def request_owed(self) -> None:
        """Request the action that a verb left owed, if there is one, and pass over its answer."""
        owed, self.owed = self.owed, None
        if owed is None:
            return
        url = joined(owed.document.url, owed.action or "")
        fields = [*self.fields(), *owed.more]
        try:
            await self.network.call_webhook("action", owed.method, url, fields, self.run_id, self._cookies)
        except WebhookError as failure:
            self.fail("answer", failure.reason, str(failure), failure.code)

    async def go_to_source(self, source: Source) -> Document | Ending:
        """Take the document that a REST request names or holds."""
        if source.webhook is not None:
            return await self.go_to("Url", source.webhook)
        try:
            return Document("", twiml.parse(source.twiml.encode()), time.monotonic())
        except TwimlError as failure:
            return await self._fall_back(failure, "")

    def fail(self, step: str, reason: str, detail: str, code: int | None = None) -> None:
        """Note what went wrong; the first is the cause."""
        if self.failure is None:
            self.failure = Failure(step, reason, detail, code)

    def answered(self, document: Document) -> None:
        """Tell, once, that TwiML has come which holds a conversation."""
        if not self._answered:
            self.tell("answered", latency_ms=round((document.at - self._started) * 1000, 3))
        self._answered = True
        self.must_connect = False

    def next_answer(self, by_chance: Callable[[], str]) -> str:
        """Give what the party does at the next `<Gather>` or `<Record>`; a script that does not say leaves it open."""
        return next(self._answers, "") if self.script.answers is not None else by_chance()

    def any_line(self) -> str:
        """Draw a line that the party could say."""
        return self.random.choice(self.network.voice.lines).id

    def seconds_of(self, line_id: str) -> float:
        """Give how long a line is."""
        return len(self.network.voice.line(line_id).payloads) * FRAME_BYTES / SAMPLE_RATE

    def say(self, line_id: str) -> None:
        """Let the party begin to speak a line: whoever listens in hears it."""
        if self.deck.recorders:
            self.deck.caller(ulaw(self.network.voice.line(line_id)), time.monotonic())

    def hear(self, line_id: str) -> None:
        """Let the party at the other end begin to speak a line to this one."""
        if self.deck.recorders:
            self.deck.agent(ulaw(self.network.voice.line(line_id)), time.monotonic())

    def begin_recording(
        self, source: str, subscription: Subscription, channels: int = 1, track: str = "both", at: float | None = None
    ) -> Recording:
        """Begin a recording of this call at `at` (monotonic), or now; `attach` its tape to lay what is heard on it."""
        recording = self.office.recordings.begin(self.record.sid, source, channels, track, at)
        self.recordings[recording.sid] = recording, subscription
        self._tell_recording(recording, subscription)
        return recording

    def change_recording(self, recording: Recording, status: str) -> None:
        """Pause a recording (silence), go on with it, or stop it."""
        self.detach(recording.tape)
        if status == "stopped":
            self.finish_recording(recording)
            return
        recording.change(status)
        if status == "in-progress":
            self.attach(recording.tape)

    def finish_recording(self, recording: Recording, at: float | None = None) -> None:
        """End a recording at `at` (monotonic), or now, and tell of it; one that has ended is left alone."""
        if not recording.is_over:
            recording.finish(at)
            self.detach(recording.tape)
            self._tell_recording(recording, self.recordings[recording.sid][1])

    def attach(self, recorder: Recorder) -> None:
        """Give `recorder` what is heard from now on."""
        self.deck.recorders.append(recorder)
        self.playback.join(recorder)
        self._load()

    def detach(self, recorder: Recorder) -> None:
        """Give `recorder` nothing more."""
        if recorder in self.deck.recorders:
            self.deck.recorders.remove(recorder)
        self._load()

    def hold(self, session: MediaSession) -> None:
        """Hold the conversation over `session`."""
        self.session = session
        self._load()

    def _load(self) -> None:
        """Give the stream the deck only while something records: each of its frames costs."""
        if self.session is not None:
            self.session.stream.tape = self.deck if self.deck.recorders else None

    @property
    def every_session(self) -> list[MediaSession]:
        """All streams, those of the calls that `<Dial>` made too."""
        return [session for leg in (self, *self.children) for session in leg.sessions]

    def stop(self) -> None:
        """End every stream and recording that goes on beside the verbs."""
        for recording, _ in self.recordings.values():
            self.finish_recording(recording)
        for fork in self.forks.values():
            fork.stop()

    async def close(self) -> None:
        """End them, and wait until the streams, of the calls that `<Dial>` made too, are over."""
        self.stop()
        await asyncio.gather(*(fork.ended() for leg in (self, *self.children) for fork in leg.forks.values()))

    def let_go(self) -> None:
        """Let go of whom steps are told to, so that both are freed at once when the call is over."""
        self.tell = nobody

    async def settled(self) -> Failure | None:
        """Wait until every callback, of the calls that `<Dial>` made too, is answered; give the first that failed."""
        for leg in (self, *self.children):
            await leg.callbacks.settled()
        return next((leg.callbacks.failure for leg in (self, *self.children) if leg.callbacks.failure), None)

    def _tell_recording(self, recording: Recording, subscription: Subscription) -> None:
        if subscription.webhook is not None and recording.status in subscription.events:
            fields = recording_fields(self.network.account_sid, recording)
            self.callbacks.post("RecordingStatusCallback", subscription.webhook, fields)

    async def _fall_back(self, failure: WebhookError | TwimlError, url: str) -> Document | Ending:
        if self.fallback is not None:
            error: Fields = [("ErrorCode", str(failure.code)), ("ErrorUrl", url)]
            try:
                return await self.fetch("VoiceFallbackUrl", self.fallback, error)
            except (WebhookError, TwimlError) as second:
                failure = second
        reason = failure.reason if isinstance(failure, WebhookError) else "twiml-invalid"
        if self.record.status == "ringing":
            self.record.answer()  # the caller is told that an application error has occurred
        self.fail("answer", reason, str(failure), failure.code)
        return Ending.HANG_UP


def nobody(event: str, **_fields: object) -> None:
    """Tell nobody: the call is over, or nobody has dialled it."""


def ulaw(line: Line) -> bytes:
    """Give a line's audio."""
    return b"".join(binascii.a2b_base64(payload) for payload in line.payloads)
