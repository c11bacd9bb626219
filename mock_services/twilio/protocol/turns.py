"""The caller of a call: it does the steps of its script one after another, and measures how the agent reacts.

It is asked for one frame every 20 ms and told of the agent's voice; it knows no socket and no clock. Times are seconds
on the clock of the media stream.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from enum import Enum
from itertools import chain, cycle, islice
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from mock_services.core.latency import Delay, DelayField, Fixed, Uniform
from mock_services.core.speech import FRAME_MS
from mock_services.twilio.protocol.answers import AnswerText
from mock_services.twilio.protocol.audio import FRAME_SECONDS, Line, Voice
from mock_services.twilio.protocol.noticed import BargeIn, FirstAudio, KeyPressed, Noticed, Turn
from mock_services.twilio.protocol.steps import (
    FallSilent,
    HangUp,
    Hear,
    Interrupt,
    LineId,
    Listen,
    Press,
    Speak,
    Step,
)

KEY_FRAMES = 5  # 100 ms: how long a key is held down
KEY_GAP = Uniform(150, 400)


class Script(BaseModel):
    """How a caller behaves, as data. Times are milliseconds; each has a bound, so that no call can last for ever.

    Without `steps` it hears the greeting and then speaks and listens `turns` times.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, max_length=64, description="what the event `dialing` calls it")
    turns: int = Field(default=2, ge=0, le=200, description="how often the caller speaks")
    lines: tuple[LineId, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="what it says, in order, over and over; none: by chance",
    )
    wait_for_greeting: bool = Field(default=True, description="whether the agent speaks first")
    talk_ms: DelayField | None = Field(default=None, description="how long it speaks in a turn; none: one line")
    max_wait_ms: int = Field(default=8_000, ge=100, le=120_000, description="patience for the greeting and each answer")
    quiet_gap_ms: int = Field(default=700, ge=100, le=10_000, description="silence after which the agent has finished")
    max_listen_ms: int = Field(default=30_000, ge=100, le=600_000, description="how long the agent may go on speaking")
    reply_pause_ms: DelayField = Field(default=Fixed(300), description="from the agent's end to the next words")
    hang_up_pause_ms: DelayField = Field(default=Fixed(300), description="from the last answer's end to hanging up")
    max_call_ms: int = Field(default=300_000, ge=100, le=14_400_000, description="when the caller hangs up in any case")
    answers: tuple[AnswerText, ...] | None = Field(
        default=None, max_length=200, description="what it does at each <Gather> and <Record>, in order"
    )
    steps: tuple[Step, ...] | None = Field(
        default=None, max_length=500, description="what it does, instead of so many turns"
    )

    def course(self) -> Iterator[Step]:
        """Give the steps, or those that the turns amount to."""
        if self.steps is not None:
            yield from self.steps
            return
        if self.wait_for_greeting:
            yield Hear(do="hear")
        for turn in range(self.turns + 1):
            last = turn == self.turns
            yield Listen(do="listen", pause_ms=self.hang_up_pause_ms if last else self.reply_pause_ms)
            if not last:
                yield Speak(do="speak")


class Phase(Enum):
    """What the caller is doing."""

    GREETING = "waits for the greeting"
    LISTENING = "listens to the agent, and takes a breath when it has finished"
    SPEAKING = "speaks"
    WAITING = "waits for the answer"
    PRESSING = "presses keys"
    SILENT = "has fallen silent"
    DONE = "hangs up"


class Caller:
    """A person on the line who follows `script`. What it says, where the script leaves it open, comes from `random`.

    Its course is a generator that gives a frame at a time: each step is a method that reads as what the caller does.
    Raises `KeyError` with the name of a line that `voice` does not have.
    """

    __slots__ = (
        "_barged_at",
        "_course",
        "_ended",
        "_first_heard",
        "_heard_at",
        "_lines",
        "_noise",
        "_noise_at",
        "_now",
        "_overlapped",
        "_random",
        "_script",
        "_started",
        "_turn",
        "_voice",
        "_voiced_until",
        "events",
        "phase",
        "unanswered_ms",
    )

    def __init__(self, script: Script, voice: Voice, random: Random, now: float) -> None:
        self.phase = Phase.GREETING if script.wait_for_greeting else Phase.LISTENING
        self.events: list[Noticed] = []
        self.unanswered_ms: float | None = None  # how long it had waited for an answer when it hung up
        self._script = script
        self._voice = voice
        self._random = random
        self._lines = cycle(_choose_lines(script, voice, random))
        self._noise = voice.noise
        self._noise_at = random.randrange(len(voice.noise))
        self._started = self._now = now
        self._voiced_until = 0.0  # when the agent's voice, as buffered so far, ends
        self._turn = 0
        self._heard_at: float | None = None  # the first voice since the caller began to wait for some
        self._first_heard = False
        self._ended = now  # when its last word was sent
        self._overlapped = False  # whether the agent was speaking then
        self._barged_at: float | None = None  # when it began to speak over the agent, until that is silent
        self._course = self._follow(script.course())

    def hear(self, at: float) -> None:
        """Learn that voice of the agent will be heard at `at`."""
        if self._heard_at is None:
            self._heard_at = at

    def cleared(self, at: float) -> None:
        """Learn that what of the agent's voice was still to be heard was dropped at `at`."""
        if self._heard_at is not None and self._heard_at > at:
            self._heard_at = None
        if self._barged_at is not None:
            self._silenced(self._barged_at, min(self._voiced_until, at), cleared=True)

    def tick(self, now: float, voiced_until: float) -> bytes:
        """Give the payload of the next 20 ms. The agent's voice, as buffered so far, ends at `voiced_until`.

        What has happened is left in `events`, for the one who asks to take.
        """
        self._now, self._voiced_until = now, voiced_until
        heard_at = self._heard_at
        if heard_at is not None and heard_at <= now and not self._first_heard:
            self._first_heard = True
            self.events.append(FirstAudio((heard_at - self._started) * 1000))
        if self._barged_at is not None:
            self._watch(self._barged_at)
        payload = None
        if (now - self._started) * 1000 < self._script.max_call_ms:
            payload = next(self._course, None)
        if payload is None:
            self.leave()
            payload = self._line_noise()
        return payload

    def leave(self) -> None:
        """Hang up, at whatever point of the script."""
        if self.phase is Phase.WAITING and self._heard() is None:
            self.unanswered_ms = (self._now - self._ended) * 1000
        self.phase = Phase.DONE
        self._course.close()  # so that nothing refers to itself: a collection of garbage would cost all calls a pause

    def _follow(self, steps: Iterator[Step]) -> Generator[bytes, None, None]:
        for step in steps:
            match step:
                case Hear():
                    yield from self._wait_for_greeting(step)
                case Listen():
                    yield from self._listen(step)
                case Speak():
                    yield from self._speak(step)
                    if step.answer:
                        yield from self._wait_for_answer()
                case Interrupt():
                    yield from self._interrupt(step)
                    yield from self._wait_for_answer()
                case Press():
                    yield from self._press(step)
                case FallSilent():
                    self.phase = Phase.SILENT
                    yield from self._pause(step.ms)
                case HangUp():
                    return

    def _wait_for_greeting(self, step: Hear) -> Iterator[bytes]:
        self.phase = Phase.GREETING
        until = self._now + (step.max_wait_ms or self._script.max_wait_ms) / 1000
        while self._heard() is None and self._now < until:
            yield self._line_noise()

    def _listen(self, step: Listen) -> Iterator[bytes]:
        self.phase = Phase.LISTENING
        script = self._script
        pause = self._draw(step.pause_ms or script.reply_pause_ms)
        until = self._now + script.max_listen_ms / 1000
        while self._now - self._voiced_until < script.quiet_gap_ms / 1000 + pause and self._now < until:
            yield self._line_noise()

    def _speak(self, step: Speak | Interrupt) -> Iterator[bytes]:
        self.phase = Phase.SPEAKING
        self._heard_at = None
        voiced_before = self._voiced_until
        line = next(self._lines) if step.line is None else self._voice.line(step.line)
        talk = step.talk_ms or self._script.talk_ms
        frames = len(line.payloads) if talk is None else max(1, round(self._draw(talk) / FRAME_SECONDS))
        words = chain(line.payloads, chain.from_iterable(line.payloads for line in self._lines))
        yield from islice(words, frames - 1)
        self._finish_speaking(voiced_before)
        yield next(words)

    def _finish_speaking(self, voiced_before: float) -> None:
        """Note, with the last word, whether the agent is speaking too; its voice reached to `voiced_before` before."""
        self.phase = Phase.WAITING
        self._ended = now = self._now
        voiced_until = self._voiced_until
        if self._heard_at is None or self._heard_at > now:
            voiced_until = min(voiced_until, voiced_before)
        self._overlapped = voiced_until > now
        if self._overlapped:
            self._heard_at = now
        elif self._heard_at is not None and self._heard_at <= now:
            self._heard_at = None  # it said something, and had finished before the caller had

    def _wait_for_answer(self) -> Iterator[bytes]:
        until = self._ended + self._script.max_wait_ms / 1000
        while self._heard() is None and self._now < until:
            yield self._line_noise()
        heard_at = self._heard()
        timed_out = heard_at is None
        latency_ms = float(self._script.max_wait_ms) if heard_at is None else (heard_at - self._ended) * 1000
        self.events.append(Turn(self._turn, latency_ms, timed_out=timed_out, overlapped=self._overlapped))
        self._turn += 1

    def _interrupt(self, step: Interrupt) -> Iterator[bytes]:
        self.phase = Phase.LISTENING
        until = (self._heard() or self._now) + self._draw(step.after_ms)
        while self._now < until:
            yield self._line_noise()
        if self._now - self._voiced_until < self._script.quiet_gap_ms / 1000:
            self._barged_at = self._now
        yield from self._speak(step)
        while self._barged_at is not None:
            yield self._line_noise()

    def _press(self, step: Press) -> Iterator[bytes]:
        self.phase = Phase.PRESSING
        for digit in step.digits:
            self.events.append(KeyPressed(digit))
            yield from self._pause(Fixed(KEY_FRAMES * FRAME_MS))
            yield from self._pause(step.gap_ms or KEY_GAP)

    def _pause(self, length: Delay) -> Iterator[bytes]:
        for _ in range(round(self._draw(length) / FRAME_SECONDS)):
            yield self._line_noise()

    def _watch(self, barged_at: float) -> None:
        """See whether the agent has fallen silent since it was interrupted."""
        limit_ms = float(self._script.max_wait_ms)
        if (self._now - self._voiced_until) * 1000 >= self._script.quiet_gap_ms:
            self._silenced(barged_at, self._voiced_until, cleared=False)
        elif (self._now - barged_at) * 1000 >= limit_ms:
            self._barged_at = None
            self.events.append(BargeIn(limit_ms, timed_out=True, cleared=False))

    def _silenced(self, barged_at: float, at: float, *, cleared: bool) -> None:
        self._barged_at = None
        if self.phase is Phase.WAITING:  # its old words reached beyond the caller's: the answer is yet to come
            self._overlapped, self._heard_at = False, None
        if at > barged_at:  # else it had finished by itself at that very time
            self.events.append(BargeIn((at - barged_at) * 1000, timed_out=False, cleared=cleared))

    def _heard(self) -> float | None:
        """Give since when the agent's voice has been heard, or None while it is not."""
        return self._heard_at if self._heard_at is not None and self._heard_at <= self._now else None

    def _line_noise(self) -> bytes:
        self._noise_at = (self._noise_at + 1) % len(self._noise)
        return self._noise[self._noise_at]

    def _draw(self, length: Delay) -> float:
        return length.draw_s(self._random)


def _choose_lines(script: Script, voice: Voice, random: Random) -> tuple[Line, ...]:
    if script.lines is not None:
        return tuple(voice.line(line_id) for line_id in script.lines)
    shuffled = list(voice.lines)
    random.shuffle(shuffled)
    return tuple(shuffled)
