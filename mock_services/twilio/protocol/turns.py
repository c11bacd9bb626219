"""The caller of a call: waits for the greeting, speaks, waits for the answer, speaks again, and hangs up.

It is asked for one frame every 20 ms and told of the agent's voice; it knows no socket and no clock. Times are seconds
on the clock of the media stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from mock_services.twilio.protocol.audio import Line, Voice


class Script(BaseModel):
    """How a caller behaves, as data. Times are milliseconds; each has a bound, so that no call can last for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: int = Field(default=2, ge=0, le=200, description="how often the caller speaks")
    lines: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="what it says, in order, over and over; none: by chance",
    )
    wait_for_greeting: bool = Field(default=True, description="whether the agent speaks first")
    max_wait_ms: int = Field(default=8_000, ge=100, le=120_000, description="patience for the greeting and each answer")
    quiet_gap_ms: int = Field(default=700, ge=100, le=10_000, description="silence after which the agent has finished")
    max_listen_ms: int = Field(default=30_000, ge=100, le=600_000, description="how long the agent may go on speaking")
    reply_pause_ms: int = Field(default=300, ge=0, le=60_000, description="from the agent's end to the next words")
    hang_up_pause_ms: int = Field(default=300, ge=0, le=60_000, description="from the last answer's end to hanging up")
    max_call_ms: int = Field(default=300_000, ge=100, le=14_400_000, description="when the caller hangs up in any case")


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """The agent was heard for the first time, `latency_ms` after the stream began."""

    latency_ms: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The agent answered the caller's turn `index`, `latency_ms` after the caller's last word, or did not in time.

    `overlapped`: it was speaking already when the caller ended, so that there was nothing to wait for.
    """

    index: int
    latency_ms: float
    timed_out: bool
    overlapped: bool


class Phase(Enum):
    """What the caller is doing."""

    GREETING = "waits for the greeting"
    LISTENING = "listens to the agent, and takes a breath when it has finished"
    SPEAKING = "speaks"
    WAITING = "waits for the answer"
    DONE = "hangs up"


class Caller:
    """A person on the line who follows `script`. What it says, where the script leaves it open, comes from `random`.

    Raises `KeyError` with the name of a line that `voice` does not have.
    """

    __slots__ = (
        "_first_heard",
        "_heard_at",
        "_line",
        "_lines",
        "_noise",
        "_noise_at",
        "_script",
        "_since",
        "_spoken",
        "_started",
        "_turn",
        "events",
        "phase",
    )

    def __init__(self, script: Script, voice: Voice, random: Random, now: float) -> None:
        self.phase = Phase.GREETING if script.wait_for_greeting else Phase.LISTENING
        self.events: list[FirstAudio | Turn] = []
        self._script = script
        self._lines = _choose_lines(script, voice, random)
        self._noise = voice.noise
        self._noise_at = random.randrange(len(voice.noise))
        self._started = now
        self._since = now  # when the phase began
        self._line: tuple[bytes, ...] = ()
        self._spoken = 0  # frames of the line
        self._turn = 0
        self._heard_at: float | None = None  # the first voice since the caller began to wait for some
        self._first_heard = False

    def hear(self, at: float) -> None:
        """Learn that voice of the agent will be heard at `at`."""
        if self._heard_at is None:
            self._heard_at = at

    def tick(self, now: float, voiced_until: float) -> bytes:
        """Give the payload of the next 20 ms. The agent's voice, as buffered so far, ends at `voiced_until`.

        What has happened is left in `events`, for the one who asks to take.
        """
        heard_at = self._heard_at
        if heard_at is not None and heard_at > voiced_until:
            heard_at = self._heard_at = None  # it was cleared before it was heard
        if heard_at is not None and heard_at > now:
            heard_at = None  # it is not heard yet
        if heard_at is not None and not self._first_heard:
            self._first_heard = True
            self.events.append(FirstAudio((heard_at - self._started) * 1000))
        if (now - self._started) * 1000 >= self._script.max_call_ms:
            self.phase = Phase.DONE
        phase = self.phase
        if phase is Phase.SPEAKING:
            return self._speak(now, voiced_until)
        waited_ms = (now - self._since) * 1000
        if phase is Phase.WAITING:
            self._wait(now, heard_at, waited_ms)
        elif phase is Phase.LISTENING:
            self._listen(now, voiced_until, waited_ms)
        elif phase is Phase.GREETING:
            if heard_at is not None:
                self._enter(Phase.LISTENING, now)
            elif waited_ms >= self._script.max_wait_ms:
                self._go_on(now)
        self._noise_at = (self._noise_at + 1) % len(self._noise)
        return self._noise[self._noise_at]

    def _speak(self, now: float, voiced_until: float) -> bytes:
        payload = self._line[self._spoken]
        self._spoken += 1
        if self._spoken == len(self._line):
            self._enter(Phase.WAITING, now)
            self._heard_at = now if voiced_until > now else None
        return payload

    def _wait(self, now: float, heard_at: float | None, waited_ms: float) -> None:
        if heard_at is not None:
            latency_ms = (heard_at - self._since) * 1000
            self._answered(Turn(self._turn, latency_ms, timed_out=False, overlapped=latency_ms == 0.0))
            self._enter(Phase.LISTENING, now)
        elif waited_ms >= self._script.max_wait_ms:
            self._answered(Turn(self._turn, float(self._script.max_wait_ms), timed_out=True, overlapped=False))
            self._go_on(now)

    def _listen(self, now: float, voiced_until: float, waited_ms: float) -> None:
        script = self._script
        breath_ms = script.reply_pause_ms if self._turn < script.turns else script.hang_up_pause_ms
        finished = (now - voiced_until) * 1000 >= script.quiet_gap_ms + breath_ms
        if finished or waited_ms >= script.max_listen_ms:
            self._go_on(now)

    def _answered(self, turn: Turn) -> None:
        self.events.append(turn)
        self._turn += 1

    def _go_on(self, now: float) -> None:
        if self._turn >= self._script.turns:
            self.phase = Phase.DONE
            return
        self._line = self._lines[self._turn % len(self._lines)].payloads
        self._spoken = 0
        self._enter(Phase.SPEAKING, now)

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase = phase
        self._since = now


def _choose_lines(script: Script, voice: Voice, random: Random) -> tuple[Line, ...]:
    if script.lines is not None:
        return tuple(voice.line(line_id) for line_id in script.lines)
    shuffled = list(voice.lines)
    random.shuffle(shuffled)
    return tuple(shuffled)
