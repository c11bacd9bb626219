"""Locust's load shape for a profile: how many users there are at each second, and whether a broken target ends it."""

# mypy: allow-untyped-calls
# gevent and Locust's shapes have no annotations.

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import gevent
from locust.runners import STATE_RUNNING, STATE_SPAWNING

from configs.profiles import Profile
from locust import LoadTestShape
from metrics.ends import end_as_in_time
from metrics.results import Result
from metrics.targets import ERRORS, LATENCY

logger = logging.getLogger(__name__)

WINDOW_S = 10
"""A target is broken when the requests of so many seconds together miss it."""
AT_LEAST = 20
"""Fewer requests than this in the window prove nothing."""
GRACE_S = 1.5
"""How long after its end a profile's shape may take to see it: it is asked every second, but not while users start."""

Missed = Callable[[int, int], Sequence[Result]]
"""The targets that the last seconds missed: takes the window and the fewest requests."""


class ProfileShape(LoadTestShape):
    """Goes through a profile's stages."""

    def __init__(self, profile: Profile, missed: Missed, broke: Callable[[str], None]) -> None:
        """Take the profile, how to learn which targets the last seconds missed, and whom to tell what broke."""
        super().__init__()
        self.profile = profile
        self._missed = missed
        self._broke = broke
        self._over = False
        """Locust has been told that the run is to end."""
        self._timer: gevent.Greenlet | None = None

    def reset_time(self) -> None:
        """Begin a run's time: Locust asks for it when the run begins, and once more when its target is prepared."""
        super().reset_time()
        self._over = False
        if self._timer is not None:
            self._timer.kill(block=False)
        self._timer = gevent.spawn_later(self.profile.seconds + GRACE_S, self._end_overdue)

    def _end_overdue(self) -> None:
        """End a run whose users are still starting when its time is up: Locust's master asks no shape until then."""
        runner = self.runner
        if self._over or runner is None or runner.state not in {STATE_SPAWNING, STATE_RUNNING}:
            return
        logger.info("The profile %s ends with %d users.", self.profile.name, runner.user_count)
        end_as_in_time(runner, headless=runner.environment.web_ui is None)

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate of this second; None when the run is to end."""
        wanted = self._wanted()
        self._over = wanted is None
        return wanted

    def _wanted(self) -> tuple[int, float] | None:
        elapsed = self.get_run_time()
        stage = self.profile.at(elapsed)
        if stage is None:
            return None
        if self.profile.until_target_breaks and elapsed >= WINDOW_S:
            # A rate that is still to be reached says nothing of what the target can bear.
            missed = self._missed(WINDOW_S, AT_LEAST)
            broken = [result for result in missed if result.target.kind in {LATENCY, ERRORS}]
            if broken:
                sentence = f"at {self.get_current_user_count()} users the last {WINDOW_S} s missed {broken[0].sentence}"
                logger.info("The profile %s ends: %s.", self.profile.name, sentence)
                self._broke(sentence)
                return None
        return stage.users, stage.spawn_rate
