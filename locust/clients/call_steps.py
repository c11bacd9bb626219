"""Turns the Twilio double's events of one call into the steps that the statistics count. No sockets, no clock.

Steps: `answer` (dial to a TwiML that connects), `connect` (TwiML to an open media socket), `first audio` (stream start
to the agent's first sound), `turn` (end of the caller's words to the agent's next sound), `barge-in` (the caller begins
to speak over the agent to the agent's silence), `dtmf` (a key that the caller pressed, only counted), `complete` (the
call ended as it should; its latency is that of the target's answer to the status callback).
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clients.waits import Waits

CALL = "CALL"
"""Their request type."""
ANSWER, CONNECT, FIRST_AUDIO, TURN, COMPLETE = "answer", "connect", "first audio", "turn", "complete"
MEASURED = {"answered": ANSWER, "connected": CONNECT, "first_audio": FIRST_AUDIO, "turn": TURN}
BARGE_IN, DTMF = "barge-in", "dtmf"
ASIDE = {"barge_in": BARGE_IN, "dtmf": DTMF}
"""What happens within a call and brings it no further."""
STEPS = (ANSWER, CONNECT, FIRST_AUDIO, TURN, BARGE_IN, DTMF, COMPLETE)
LATEST = 5
"""So many of a call's last events are told of with a failure."""
DIAL = "dial"
"""Only failures: the Twilio double could not be asked to call."""
OVERDUE = {
    ANSWER: (5.0, 15.0, "webhook-timeout"),
    CONNECT: (5.0, 10.0, "stream-handshake"),
    FIRST_AUDIO: (2.0, 8.0, "no-agent-audio"),
    TURN: (1.2, 8.0, "turn-timeout"),
}
"""After how many seconds a step that the caller's hanging up cuts short may have failed, after how many it has, and as
what: past what a run is held to, and past the patience of the double and its callers. How long a turn has waited only
the double knows, and says when the call has ended."""
NEXT = {ANSWER: CONNECT, CONNECT: FIRST_AUDIO, FIRST_AUDIO: TURN, TURN: TURN}

REASONS = frozenset(
    {
        "unknown-number",
        "webhook-timeout",
        "webhook-refused",
        "webhook-http-error",
        "twiml-invalid",
        "call-rejected",
        "not-simulated",
        "stream-handshake",
        "stream-lost",
        "turn-timeout",
        "agent-talked-on",
        "no-agent-audio",
        "ended-early",
        "callback-failed",
        "callback-refused",
        "not-completed",
        "too-many-calls",
        "no-voice-url",
        "double-failed",
        "control-unreachable",
        "control-lost",
        "control-error",
        "no-event",
    }
)
"""Why a step can fail. A reason of the double's that is not among them is counted as `other`."""


@dataclass(frozen=True)
class Step:
    """One step of a call: its name, its latency (None when there is none to measure), and why it failed if it did."""

    name: str
    latency_ms: float | None
    failure: str | None = None


class CallSteps:
    """Follows one call from its dial to its end."""

    def __init__(self, waits: Waits | None = None) -> None:
        """Take who knows how long the steps of other calls took."""
        self._waits = waits or Waits()
        self.pending = ANSWER
        """The step that the call is in."""
        self.over = False
        self.refused = False
        """The double did not take the dial: there is no call."""
        self.call_sid: str | None = None
        self.media: Mapping[str, Any] = {}
        """The double's figures of the call's media, once it has ended."""
        self.detail = ""
        """The double's sentence about a failure."""
        self.events: deque[Mapping[str, Any]] = deque(maxlen=LATEST)
        """The double's last events."""
        self._at_ms: float | None = 0.0
        self._cut_short = False
        self._overdue = False

    def cut_short(self, waited_ms: float) -> list[Step]:
        """The caller hangs up before the script's end, as its test is over: what is then missing has not failed.

        Unless it was long overdue: `waited_ms` is the time since the last event.
        """
        self._cut_short = True
        if self.pending == TURN:
            return []
        steps = self._missing(waited_ms)
        self._overdue = bool(steps)
        return steps

    def feed(self, event: Mapping[str, Any]) -> list[Step]:
        """The steps that an event finishes. Events of kinds that are not known are passed over."""
        if self.over:
            return []
        self.events.append(event)
        name = _word(event.get("event"))
        sid = event.get("call_sid")
        if isinstance(sid, str):
            self.call_sid = sid
        if name in MEASURED:
            # A step that is overdue is counted already.
            return [] if self._overdue else [self._measured(MEASURED[name], event)]
        if name in ASIDE:
            failure = "agent-talked-on" if event.get("timed_out") else None
            return [Step(ASIDE[name], _number(event.get("latency_ms")), failure)]
        if name == "ended":
            return self._ended(event)
        if name == "failed":
            return self._failed(event)
        return []

    def broken(self, reason: str, waited_ms: float | None = None) -> list[Step]:
        """The phone itself lost sight of the call: the step that it is in has failed.

        `waited_ms` is the time since the last event. That is no turn's latency: the caller spoke within it.
        """
        if self.over:
            return []
        self.over = True
        if reason == "control-unreachable":
            return [Step(DIAL, waited_ms, reason)]
        return [Step(self.pending, None if self.pending == TURN else waited_ms, reason)]

    def _measured(self, step: str, event: Mapping[str, Any]) -> Step:
        self._at_ms = _number(event.get("at_ms"))
        self.pending = NEXT[step]
        failure = "turn-timeout" if step == TURN and event.get("timed_out") else None
        # An agent that was speaking already as the caller ended has not answered in no time: nothing was measured.
        latency_ms = None if event.get("overlapped") else _number(event.get("latency_ms"))
        if latency_ms is not None and failure is None:
            self._waits.answered((CALL, step), latency_ms / 1000)
        return Step(step, latency_ms, failure)

    def _missing(self, waited_ms: float) -> list[Step]:
        """The step that the call is in and that was cut short after so long, if it has failed by that."""
        least_s, limit_s, reason = OVERDUE[self.pending]
        failed = self._waits.cut_short((CALL, self.pending), waited_ms / 1000, least_s=least_s, limit_s=limit_s)
        return [Step(self.pending, waited_ms, reason)] if failed else []

    def _ended(self, event: Mapping[str, Any]) -> list[Step]:
        self.over = True
        media = event.get("media")
        self.media = media if isinstance(media, Mapping) else {}
        steps: list[Step] = []
        if self._cut_short and self.pending == ANSWER:
            return steps  # cancelled before the target knew of it: there is no call that it could complete
        if self.pending != TURN and not self._cut_short:
            reason = "no-agent-audio" if self.pending == FIRST_AUDIO else "ended-early"
            steps.append(Step(self.pending, self._since_last(event), reason))
        waited_ms = _number(self.media.get("unanswered_ms"))
        if self._cut_short and self.pending == TURN and waited_ms is not None:
            steps += self._missing(waited_ms)
        return [*steps, _completed(event)]

    def _failed(self, event: Mapping[str, Any]) -> list[Step]:
        self.over = True
        reason = _word(event.get("reason"))
        self.refused = self.call_sid is None
        self.detail = str(event.get("detail") or "")[:200]
        step = COMPLETE if event.get("step") == "callback" else self.pending
        latency = None if step == COMPLETE else self._since_last(event)
        return [Step(step, latency, reason if reason in REASONS else "other")]

    def _since_last(self, event: Mapping[str, Any]) -> float | None:
        """How long the step in which the call stopped had taken by then."""
        now = _number(event.get("at_ms"))
        return None if now is None or self._at_ms is None else max(0.0, now - self._at_ms)


def _completed(event: Mapping[str, Any]) -> Step:
    """The last step of a call, judged by how it ended and by what the target answered to its status callback."""
    callbacks = event.get("callbacks")
    callbacks = callbacks if isinstance(callbacks, Mapping) else {}
    answers = callbacks.get("answers")
    answers = [each for each in answers if isinstance(each, Mapping)] if isinstance(answers, list) else []
    failure = None
    if callbacks.get("failed"):
        failure = "callback-failed"
    elif any(_refused(each) for each in answers):
        failure = "callback-refused"
    elif event.get("status") != "completed":
        failure = "not-completed"
    return Step(COMPLETE, _number(answers[-1].get("latency_ms")) if answers else None, failure)


def _refused(answer: Mapping[str, Any]) -> bool:
    """Whether the target refused a callback: by its status, or as the platform does, with 200 and an error inside."""
    status = answer.get("status")
    if isinstance(status, int) and status >= 400:
        return True
    try:
        body = json.loads(str(answer.get("body")))
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("status") == "error"


def _number(value: Any) -> float | None:
    """A time in milliseconds, or None: nothing is ever recorded as 0 because it was not measured."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
