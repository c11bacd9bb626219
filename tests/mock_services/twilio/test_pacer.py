"""The pacer keeps an absolute schedule: stalls cost frames, never a burst and never the schedule."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.twilio.pacer import SKIP_AFTER, Pacer


class Timer:
    """Stands for the handle of a timer."""

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class World:
    """A clock that stands still unless told, and the one timer that is set on it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timer: Timer | None = None
        self.timers_set = 0

    def clock(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        assert delay >= 0
        assert self.timer is None or self.timer.cancelled or self.timer.at <= self.now
        self.timers_set += 1
        self.timer = Timer(self.now + delay, callback)
        return self.timer

    def pacer(self) -> Pacer:
        return Pacer(self.call_later, self.clock)  # type: ignore[arg-type]

    def run(self, seconds: float, stalls: list[float] | None = None) -> None:
        """Let time pass; each stall in turn delays a timer by so much."""
        end, late = self.now + seconds, list(stalls or [])
        while self.timer is not None and not self.timer.cancelled and self.timer.at <= end:
            self.now = max(self.now, self.timer.at) + (late.pop(0) if late else 0.0)
            timer, self.timer = self.timer, None
            timer.callback()
        self.now = max(self.now, end)


class Member:
    def __init__(self, world: World, broken: bool = False) -> None:
        self.world, self.broken = world, broken
        self.dues: list[float] = []
        self.missed = 0
        self.errors: list[Exception] = []

    def frame_due(self, due: float, now: float) -> None:
        if self.broken:
            raise RuntimeError("a defect")
        assert now == self.world.now
        assert now - due <= SKIP_AFTER + 1e-9
        self.dues.append(due)

    def frames_missed(self, count: int, now: float) -> None:
        self.missed += count

    def pacing_failed(self, error: Exception) -> None:
        self.errors.append(error)


def steps(member: Member) -> list[float]:
    return [after - before for before, after in zip(member.dues, member.dues[1:], strict=False)]


def test_a_member_is_due_every_20_ms_from_within_two_periods() -> None:
    world = World()
    pacer, member = world.pacer(), Member(world)
    pacer.add(member)
    world.run(10.0)
    assert member.dues[0] - 1000.0 <= 0.04
    assert len(member.dues) in {500, 501}
    assert steps(member) == pytest.approx([0.02] * (len(member.dues) - 1))


def test_members_are_spread_evenly_over_the_period_and_share_one_timer() -> None:
    world = World()
    pacer = world.pacer()
    members = [Member(world) for _ in range(100)]
    for member in members:
        pacer.add(member)
    world.run(1.0)
    phases = [round((member.dues[0] - 1000.0) * 1000) % 20 for member in members]
    assert {phases.count(phase) for phase in range(20)} == {5}
    assert world.timers_set <= 1002


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.015, 0.021, 0.05, 0.3, 5.0]), max_size=30))
def test_every_period_is_sent_or_counted_as_missed_and_the_schedule_stays(stalls: list[float]) -> None:
    world = World()
    pacer = world.pacer()
    members = [Member(world) for _ in range(7)]
    for member in members:
        pacer.add(member)
    world.run(1.0, stalls)
    world.run(1.0)
    for member in members:
        first, last = member.dues[0], member.dues[-1]
        places = [(due - first) / 0.02 for due in member.dues]
        assert places == pytest.approx([round(place) for place in places], abs=1e-3)
        before_first = round((first - 1000.0) / 0.02 - 0.5)  # periods missed ahead of the first frame
        assert len(member.dues) + member.missed - round((last - first) / 0.02) - 1 in range(before_first + 2)
        assert all(step > 0.019 for step in steps(member))


def test_a_stall_of_an_hour_costs_no_time() -> None:
    world = World()
    pacer, member = world.pacer(), Member(world)
    pacer.add(member)
    world.run(0.1)
    world.run(1.0, [3600.0])
    world.run(0.1)
    assert member.missed == pytest.approx(3600 / 0.02, abs=3)


def test_a_member_that_fails_is_dropped_and_told_and_the_others_go_on() -> None:
    world = World()
    pacer, broken, sound = world.pacer(), Member(world, broken=True), Member(world)
    pacer.add(broken)
    pacer.add(sound)
    world.run(1.0)
    assert [str(error) for error in broken.errors] == ["a defect"]
    assert len(sound.dues) >= 49
    assert len(pacer) == 1


def test_without_members_no_timer_runs_and_it_starts_again_with_the_next() -> None:
    world = World()
    pacer, member = world.pacer(), Member(world)
    pacer.add(member)
    world.run(0.1)
    pacer.remove(member)
    pacer.remove(member)
    assert world.timer is not None
    assert world.timer.cancelled
    world.run(60.0)
    late = Member(world)
    pacer.add(late)
    world.run(0.1)
    assert late.missed == 0
    assert len(late.dues) in {4, 5}


def test_on_a_real_loop_frames_are_punctual() -> None:
    async def run() -> Member:
        loop = asyncio.get_running_loop()
        world = World()
        world.clock = loop.time  # type: ignore[method-assign]
        member = Member(world)
        done = asyncio.Event()

        def frame_due(due: float, now: float) -> None:
            member.dues.append(due)
            if len(member.dues) == 10:
                done.set()

        member.frame_due = frame_due  # type: ignore[method-assign]
        pacer = Pacer(clock=loop.time)
        pacer.add(member)
        async with asyncio.timeout(5):
            await done.wait()
        pacer.remove(member)
        return member

    member = asyncio.run(run())
    assert len(member.dues) + member.missed >= 10
