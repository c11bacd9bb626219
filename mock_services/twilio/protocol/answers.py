"""What a caller does when a `<Gather>` or `<Record>` listens, written as one short text, and what Twilio makes of it.

An answer holds keys (`12#`, with `w` for half a second of silence), the name of a line that is spoken, and `hangup`, in
their order: `caller-hours #`. With `!` before it, it is given while the prompt is still played. An empty one is
silence. Times are seconds from where the caller begins; nothing here knows a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from pydantic import AfterValidator

from mock_services.twilio.protocol.verbs import Gather, Record

KEY_SECONDS: Final = 0.1
KEY_GAP_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 0.5
AUTO_SILENCE_SECONDS: Final = 1.0  # after which `speechTimeout="auto"` takes speech to be over
HANG_UP: Final = "hangup"
_KEYS = re.compile(r"[0-9*#w]+")
_LINE = re.compile(r"[a-z][a-z0-9-]*")


def _checked(text: str) -> str:
    for part in text.removeprefix("!").split():
        if not _KEYS.fullmatch(part) and not _LINE.fullmatch(part):
            raise ValueError(f"{part[:50]!r} is neither keys, nor the name of a line, nor {HANG_UP}")
    return text


AnswerText = Annotated[str, AfterValidator(_checked)]


class Act(Enum):
    """What a caller does."""

    KEY = "presses a key"
    SPEECH = "speaks a line"
    HANG_UP = "hangs up"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that the caller does, from `at` to `until`; `value` is the key or the line's name."""

    at: float
    until: float
    act: Act
    value: str = ""


def over_prompt(answer: str) -> bool:
    """Whether `answer` is given while the prompt is still played."""
    return answer.startswith("!")


def lines_in(answer: str) -> list[str]:
    """Name the lines that `answer` speaks."""
    return [part for part in answer.removeprefix("!").split() if not _KEYS.fullmatch(part) and part != HANG_UP]


def moments(answer: str, seconds_of: Callable[[str], float]) -> tuple[Moment, ...]:
    """Lay an answer out in time; `seconds_of` gives the length of a line."""
    laid: list[Moment] = []
    now = 0.0
    for part in answer.removeprefix("!").split():
        if part == HANG_UP:
            laid.append(Moment(now, now, Act.HANG_UP))
        elif _KEYS.fullmatch(part):
            for key in part:
                if key == "w":
                    now += WAIT_SECONDS
                    continue
                laid.append(Moment(now, now + KEY_SECONDS, Act.KEY, key))
                now += KEY_SECONDS + KEY_GAP_SECONDS
        else:
            laid.append(Moment(now, now + seconds_of(part), Act.SPEECH, part))
            now = laid[-1].until
    return tuple(laid)


def cut_off(course: Sequence[Moment], at: float) -> tuple[Moment, ...]:
    """Give the course of somebody who hangs up at `at`, in the middle of what they say if need be."""
    return (*(moment for moment in course if moment.at < at), Moment(at, at, Act.HANG_UP))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a `<Gather>` got, `at` seconds after it began to listen; neither digits nor speech is no input."""

    at: float
    digits: str = ""
    speech: tuple[str, ...] = ()
    hung_up: bool = False


def gather(verb: Gather, course: Sequence[Moment]) -> Gathered:
    """Collect the input of `verb` from what the caller does.

    Keys end at `finishOnKey`, at `numDigits`, or when none has come for `timeout`; speech ends when nothing was said
    for `speechTimeout`. A key that is accepted ends speech, and what was said before it counts for nothing.
    """
    silence = AUTO_SILENCE_SECONDS if verb.speech_timeout is None else verb.speech_timeout
    speech: list[str] = []
    deadline, digits = verb.timeout, ""
    for moment in course:
        if moment.at > deadline:
            break
        if moment.act is Act.HANG_UP:
            return Gathered(moment.at, digits, tuple(speech), hung_up=True)
        if moment.act is Act.KEY and verb.dtmf:
            speech.clear()
            if moment.value in verb.finish_on_key:
                return Gathered(moment.until, digits)
            digits += moment.value
            if len(digits) == verb.num_digits:
                return Gathered(moment.until, digits)
            deadline = moment.until + verb.timeout
        elif moment.act is Act.SPEECH and verb.speech and not digits:
            speech.append(moment.value)
            deadline = moment.until + silence
    return Gathered(deadline, digits, tuple(speech))


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a `<Record>` got, `at` seconds after it began to listen: where each line is said, and the part that is kept.

    `key` is the key that ended it, or `hangup`; empty when silence or the greatest length did.
    """

    at: float
    lines: tuple[tuple[float, str], ...]
    begin: float
    end: float
    key: str = ""


def record(verb: Record, course: Sequence[Moment]) -> Recorded:
    """Record what the caller says, as `verb` has it; without a line the recording is empty."""
    deadline, key = verb.timeout, ""
    spoken: list[Moment] = []
    for moment in course:
        if moment.at > min(deadline, verb.max_length):
            break
        if moment.act is Act.HANG_UP:
            deadline, key = moment.at, HANG_UP
            break
        if moment.act is Act.SPEECH:
            spoken.append(moment)
            deadline = moment.until + verb.timeout
        elif moment.value in verb.finish_on_key:
            deadline, key = moment.at, moment.value
            break
    at = min(deadline, verb.max_length)
    begin = spoken[0].at if spoken and verb.trim else 0.0
    end = min(spoken[-1].until, at) if spoken and verb.trim else at
    return Recorded(at, tuple((moment.at, moment.value) for moment in spoken), begin, end, key)
