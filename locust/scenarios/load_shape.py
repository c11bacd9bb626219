"""Locust's load shape for a profile: how many users there are at each second, and whether a broken target ends it."""

# mypy: allow-untyped-calls
# gevent and Locust's shapes have no annotations.

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import gevent

from configs.profiles import Profile, Stage
from locust import LoadTestShape
from metrics.results import Result
from metrics.targets import ERRORS, LATENCY
from metrics.verdict import Plan
from metrics.wording import counted

logger = logging.getLogger(__name__)

WINDOW_S = 10
"""A target is broken when the requests of so many seconds together miss it."""
AT_LEAST = 20
"""Fewer requests than this in the window prove nothing."""
ASKED_EVERY_S = 1.0
"""How often Locust asks a shape."""

Missed = Callable[[int, int], Sequence[Result]]
"""The targets that the last seconds missed: takes the window and the fewest requests."""


class ProfileShape(LoadTestShape):
    """Goes through a profile's stages: each begins at its second, whatever became of the users of the one before.

    Locust asks for it once a second, which `scenarios.spawning` keeps true while users start. Its clock runs from the
    moment at which the run has been prepared.
    """

    def __init__(self, profile: Profile, missed: Missed, plan: Callable[[], Plan]) -> None:
        """Take the profile, how to learn which targets the last seconds missed, and the plan of the run under way."""
        super().__init__()
        self.profile = profile
        self._missed = missed
        self._plan = plan
        self._going = False
        self._current = 0
        """The stage that is under way, counted from 0; past the last one when the run is over."""

    def begin(self) -> None:
        """Begin the first stage: the run has been prepared."""
        self.reset_time()
        self._current = 0
        self._going = True

    def end(self) -> None:
        """The run ends, whatever ended it."""
        self._going = False

    @property
    def is_through(self) -> bool:
        """Whether the profile's whole time has gone by."""
        return self._current >= len(self.profile.stages)

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate from now on; None when the run is to end."""
        if self._going:
            self._wait_for_a_near_end()
            self._move_on()
        if self.is_through or self._is_broken():
            return None
        stage = self._stage
        return stage.users, stage.spawn_rate

    @property
    def _stage(self) -> Stage:
        return self.profile.stages[self._current]

    def _left_s(self) -> float:
        """How long the stage that is under way still lasts."""
        ends = sum(stage.seconds for stage in self.profile.stages[: self._current + 1])
        return float(ends - self.get_run_time())

    def _wait_for_a_near_end(self) -> None:
        """Let the next stage begin in time, where Locust would ask again only after that."""
        while self._going and 0 < (left_s := self._left_s()) < ASKED_EVERY_S:
            gevent.sleep(left_s)

    def _move_on(self) -> None:
        """Go to the stage whose time it is, and take note of those that did not get as far as they were to."""
        while not self.is_through and self._left_s() <= 0:
            stage, begun = self._stage, users_begun(self.runner)
            if begun != stage.users:
                sentence = (
                    f"stage {self._current + 1} of the profile {self.profile.name} was to have "
                    f"{counted(stage.users, 'user')}, and had {begun} when its time was over"
                )
                logger.warning("Schedule missed: %s.", sentence)
                self._plan().stages_missed.append(sentence)
            self._current += 1

    def _is_broken(self) -> bool:
        """Whether the profile ends early; the plan then says why."""
        if not self.profile.until_target_breaks or self.get_run_time() < WINDOW_S:
            return False
        # A rate that is still to be reached says nothing of what the target can bear.
        missed = self._missed(WINDOW_S, AT_LEAST)
        broken = [result for result in missed if result.target.kind in {LATENCY, ERRORS}]
        if not broken:
            return False
        sentence = (
            f"at {counted(self.get_current_user_count(), 'user')} the last {WINDOW_S} s missed {broken[0].sentence}"
        )
        logger.info("The profile %s ends: %s.", self.profile.name, sentence)
        self._plan().broke = sentence
        return True


def users_begun(runner: Any) -> int:
    """How many users Locust has ordered so far: those who were told to leave and finish their task are not of them."""
    dispatcher = runner._users_dispatcher
    return 0 if dispatcher is None else int(dispatcher.get_current_user_count())
