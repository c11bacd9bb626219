"""One `stream-input` session as a state machine without input, output or a clock of its own.

Texts come in as the client has them; audio goes out as soon as enough text has come, or at once where the client says
so. Times are seconds on any monotonic clock. The messages follow
https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mock_services.core.conversation import Close, Output
from mock_services.elevenlabs.errors import ElevenLabsError, InputTimeoutExceeded, InvalidInputMessage, TextTooLong
from mock_services.elevenlabs.formats import Format
from mock_services.elevenlabs.requests import VoiceSettings
from mock_services.elevenlabs.speech import CHARACTERS_A_CHUNK, Chunk, Speech

NEVER: Final = float("inf")
SCHEDULE: Final = (120, 160, 250, 290)
FEWEST_TRIGGERED: Final = 50  # characters below which `try_trigger_generation` waits for more
POLICY_VIOLATION: Final = 1008
MOST_OWED: Final = 5_000  # chunks of a client that writes faster than it listens


def error_message(refusal: ElevenLabsError) -> str:
    """Give the message that says why a socket is closed."""
    return json.dumps({"message": str(refusal), "error": refusal.word, "code": POLICY_VIOLATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the query of the socket's URL sets."""

    form: Format
    characters_per_second: float
    speed: float
    """How many times faster than it plays audio is sent; 0: at once."""
    inactivity_timeout_s: float = 20.0
    auto_mode: bool = False
    """Whether every text is spoken at once, as it comes."""


class _GenerationConfig(BaseModel):
    chunk_length_schedule: list[Annotated[float, Field(ge=1, le=500)]] | None = Field(default=None, max_length=50)


class _Message(BaseModel):
    """A message of the client; the first may carry the key and how to speak."""

    model_config = ConfigDict(populate_by_name=True)

    text: str
    voice_settings: VoiceSettings | None = None
    generation_config: _GenerationConfig | None = None
    xi_api_key: str | None = None
    xi_api_key_too: str | None = Field(default=None, alias="xi-api-key")
    authorization: str | None = None
    try_trigger_generation: bool | None = None
    flush: bool | None = None


class State(Enum):
    """Where a session stands."""

    AWAITING_FIRST = auto()
    OPEN = auto()
    FINISHING = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Host:
    """What a session asks of whoever keeps the accounts; what raises an `ElevenLabsError` ends the session."""

    authenticate: Callable[[str, str], None]
    """Judge the key, and the authorization, of the first message."""
    spend: Callable[[str], None]
    """Take what a text costs."""
    first_byte_s: Callable[[], float]
    """Draw how long a text takes to its first audio."""
    gap_s: Callable[[float], float]
    """Draw how long after one chunk the next is made, from what it is on average."""
    count_error: Callable[[ElevenLabsError], None]
    """Count what ends the session."""


class StreamInput:
    """The texts of one client, and the audio that is owed for them.

    What is owed is a queue of (due, speech, chunk): audio is made only when it is due.
    """

    def __init__(self, options: Options, host: Host, now: float, *, authenticated: bool) -> None:
        self.state = State.AWAITING_FIRST
        self._options = options
        self._host = host
        self._authenticated = authenticated
        self._speed = 1.0
        self._schedule: tuple[float, ...] = SCHEDULE
        self._generations = 0
        self._buffer = ""
        self._owed: deque[tuple[float, Speech, Chunk]] = deque()
        self._free_at = now
        self._timeout_at = now + options.inactivity_timeout_s
        self._answers: list[Output] = []
        self._answers_due = NEVER

    @property
    def due(self) -> float:
        """When something is to be sent next; infinity while there is nothing."""
        if self.state is State.CLOSED and not self._answers:
            return NEVER
        next_audio = self._owed[0][0] if self._owed else NEVER
        ending = self._free_at if self.state is State.FINISHING and not self._owed else NEVER
        timeout = self._timeout_at if self.state in (State.AWAITING_FIRST, State.OPEN) else NEVER
        return min(self._answers_due, next_audio, ending, timeout)

    def receive_audio(self, audio: bytes, now: float) -> None:
        """Take a binary message: there are none in this protocol."""
        self._fail(InvalidInputMessage(), now)

    def receive_text(self, text: str, now: float) -> None:
        """Take a message of the client."""
        if self.state in (State.FINISHING, State.CLOSED):
            return
        try:
            message = _Message.model_validate_json(text)
        except ValidationError:
            self._fail(InvalidInputMessage(), now)
            return
        self._timeout_at = now + self._options.inactivity_timeout_s
        try:
            if self.state is State.AWAITING_FIRST:
                self._begin(message)
            self._take(message, now)
        except ElevenLabsError as refusal:
            self._fail(refusal, now)

    def poll(self, now: float) -> Iterator[Output]:
        """Give what is to be sent by `now`, in order. After a `Close` there is nothing more."""
        if now >= self._timeout_at and self.state in (State.AWAITING_FIRST, State.OPEN) and not self._answers:
            self._fail(InputTimeoutExceeded(self._options.inactivity_timeout_s), now)
        while self._owed and self._owed[0][0] <= now:
            _, speech, chunk = self._owed.popleft()
            yield self._audio(speech, chunk)
        if self.state is State.FINISHING and not self._owed and self._free_at <= now:
            self.state = State.CLOSED
            final = {"audio": None, "isFinal": True, "normalizedAlignment": None, "alignment": None}
            self._answers += [json.dumps(final), Close(1000, "")]
        answers, self._answers, self._answers_due = self._answers, [], NEVER
        yield from answers

    def _begin(self, message: _Message) -> None:
        if not self._authenticated:
            self._host.authenticate(message.xi_api_key or message.xi_api_key_too or "", message.authorization or "")
        if message.voice_settings is not None:
            message.voice_settings.check()
            self._speed = message.voice_settings.speed or 1.0
        if message.generation_config is not None and message.generation_config.chunk_length_schedule:
            self._schedule = tuple(message.generation_config.chunk_length_schedule)
        self.state = State.OPEN

    def _take(self, message: _Message, now: float) -> None:
        if message.text == "":
            self._generate(now)
            self._free_at = max(self._free_at, now)
            self.state = State.FINISHING
            return
        if message.text.strip() or self._buffer:
            self._buffer += message.text
        length = len(self._buffer)
        if (
            message.flush
            or self._options.auto_mode
            or (message.try_trigger_generation and length >= FEWEST_TRIGGERED)
            or length >= self._schedule[min(self._generations, len(self._schedule) - 1)]
        ):
            self._generate(now)

    def _generate(self, now: float) -> None:
        text, self._buffer = self._buffer, ""
        if not text.strip():
            return
        if len(self._owed) > MOST_OWED:
            raise TextTooLong(len(self._owed) * CHARACTERS_A_CHUNK + len(text), MOST_OWED * CHARACTERS_A_CHUNK)
        self._host.spend(text)
        self._generations += 1
        speech = Speech(text, self._options.characters_per_second, self._speed)
        self._free_at = max(now + self._host.first_byte_s(), self._free_at)
        for chunk in speech.chunks():
            self._owed.append((self._free_at, speech, chunk))
            if self._options.speed:
                self._free_at += self._host.gap_s((chunk.end_s - chunk.start_s) / self._options.speed)

    def _audio(self, speech: Speech, chunk: Chunk) -> str:
        alignment = speech.alignment_ms(chunk)
        message: dict[str, Any] = {
            "audio": base64.b64encode(speech.audio(self._options.form, chunk)).decode(),
            "isFinal": None,
            "normalizedAlignment": alignment,
            "alignment": alignment,
        }
        return json.dumps(message)

    def _fail(self, refusal: ElevenLabsError, now: float) -> None:
        """Say what was wrong, and close; what is owed is dropped."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self._owed.clear()
        self._host.count_error(refusal)
        self._answers = [error_message(refusal), Close(POLICY_VIOLATION, refusal.word)]
        self._answers_due = now
