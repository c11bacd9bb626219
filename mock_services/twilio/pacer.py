"""Paces the frames of all calls of a process on one absolute schedule: one timer, and never a sleep per call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol

from mock_services.twilio.protocol.audio import FRAME_SECONDS

PHASES = 20  # a frame period is cut into steps of 1 ms, over which the calls are spread evenly
STEP = FRAME_SECONDS / PHASES
TOLERANCE = 0.0005  # the timer counts whole milliseconds: half a one early is on time
SKIP_AFTER = FRAME_SECONDS


CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Paced(Protocol):
    """What is paced: something that sends a frame every 20 ms."""

    def frame_due(self, due: float, now: float) -> None:
        """Send the frame that was due at `due`; it is `now`."""

    def frames_missed(self, count: int, now: float) -> None:
        """Leave out `count` frames: their time has passed."""

    def pacing_failed(self, error: Exception) -> None:
        """End: `frame_due` or `frames_missed` raised `error`. The pacer has forgotten this one already."""


class Pacer:
    """Tells each member when its next frame is due: at its first slot and every 20 ms from there, by the clock alone.

    A frame that is more than a whole period late is left out and counted by its member, so that a stall costs frames
    but never ends in a burst, and never shifts the schedule. Members live in `PHASES` lists; each wake-up serves the
    slots that are due.
    """

    def __init__(self, call_later: CallLater | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._call_later = call_later or _call_later
        self._clock = clock
        self._origin = clock()
        self._phases: list[list[Paced]] = [[] for _ in range(PHASES)]
        self._next = 0  # the next slot to serve, counted from the origin
        self._members = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Count the members."""
        return self._members

    def add(self, member: Paced) -> None:
        """Begin to pace `member` within two periods, in the phase that has the fewest members."""
        if not self._members:
            self._next = math.ceil((self._clock() - self._origin) / STEP)
        # Of the emptiest phases the one that comes next, so that a lone call starts at once.
        phase = min(range(self._next, self._next + PHASES), key=lambda slot: len(self._phases[slot % PHASES]))
        self._phases[phase % PHASES].append(member)
        self._members += 1
        if self._timer is None:
            self._arm()

    def remove(self, member: Paced) -> None:
        """Stop pacing `member`; one that is not paced is left alone."""
        for phase in self._phases:
            if member in phase:
                phase.remove(member)
                self._members -= 1
                break
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        self._catch_up()
        while self._members:
            due = self._origin + self._next * STEP
            if due > self._clock() + TOLERANCE:
                break
            self._serve(due)
            self._next += 1
        if self._members:
            self._arm()

    def _catch_up(self) -> None:
        """After a long stall, skip whole periods at once instead of slot by slot."""
        now = self._clock()
        behind = now - (self._origin + self._next * STEP)
        periods = int((behind - SKIP_AFTER - FRAME_SECONDS) / FRAME_SECONDS)
        if periods > 0:
            self._next += periods * PHASES
            for phase in self._phases:
                for member in tuple(phase):
                    try:
                        member.frames_missed(periods, now)
                    except Exception as error:  # noqa: BLE001 - as in `_serve`
                        self._fail(member, error)

    def _serve(self, due: float) -> None:
        clock = self._clock
        for member in tuple(self._phases[self._next % PHASES]):
            now = clock()
            try:
                if now - due > SKIP_AFTER:
                    member.frames_missed(1, now)
                else:
                    member.frame_due(due, now)
            except Exception as error:  # noqa: BLE001 - one call's defect must not stop the frames of the others
                self._fail(member, error)

    def _fail(self, member: Paced, error: Exception) -> None:
        self.remove(member)
        member.pacing_failed(error)

    def _arm(self) -> None:
        while not self._phases[self._next % PHASES]:
            self._next += 1
        delay = self._origin + self._next * STEP - self._clock()
        self._timer = self._call_later(max(delay, 0.0), self._wake)


def _call_later(delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(delay, callback)
