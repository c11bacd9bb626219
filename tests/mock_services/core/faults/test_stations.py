"""Latency that grows with what waits: a station of limited capacity answers so much a second, and no more."""

import asyncio
import heapq
import selectors
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.faults.rules import Latency
from mock_services.core.faults.stations import Stations
from mock_services.core.latency import Fixed, Loaded, Lognormal, Uniform, parse_latency

BASES = st.sampled_from([Fixed(100), Uniform(50, 150), Lognormal(80, 200)])


@pytest.mark.parametrize("text", ["loaded:8,250", "loaded:1,uniform:5,10", "loaded:20,lognormal:400,1500"])
def test_it_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_latency(text)) == text


@pytest.mark.parametrize(
    "text", ["loaded:", "loaded:8", "loaded:0,5", "loaded:x,5", "loaded:2,loaded:3,5", "loaded:5,"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"delay|latency|capacity"):
        parse_latency(text)


@given(BASES, st.integers(1, 50), st.integers(1, 500), st.integers())
def test_up_to_its_capacity_it_takes_its_base_and_beyond_in_proportion(
    base: Fixed | Uniform | Lognormal, capacity: int, in_flight: int, seed: int
) -> None:
    drawn = Loaded(base, capacity).draw_s(Random(seed), in_flight)
    assert drawn == pytest.approx(base.draw_s(Random(seed)) * max(1.0, in_flight / capacity))


@given(st.integers(1, 20), st.integers(1, 100))
def test_clients_that_ask_again_and_again_get_capacity_by_base_a_second_and_no_more(
    capacity: int, clients: int
) -> None:
    """A simulation of a closed loop: each client asks again when it has its answer."""
    delay, random, rounds = Loaded(Fixed(100), capacity), Random(1), 30
    ends = [0.0] * clients
    for _ in range(clients * rounds):
        heapq.heapreplace(ends, ends[0] + delay.draw_s(random, clients))
    rate = clients * rounds / max(ends)
    assert rate == pytest.approx(min(clients, capacity) / 0.1, rel=0.01)


class Leap(selectors.DefaultSelector):
    """Waits in no time: its clock leaps to when the next timer is due, so that no other process delays one."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


def leaping_loop() -> asyncio.AbstractEventLoop:
    clock = Leap()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign]
    return loop


def waits(rules: list[dict[str, object]], *requests: tuple[str, str]) -> list[float]:
    stations = Stations([Latency.model_validate(rule) for rule in rules], Random(1))

    async def one(operation: str, path: str) -> float:
        clock = asyncio.get_running_loop()
        started = clock.time()
        await stations.serve(operation, path)
        return clock.time() - started

    async def all_at_once() -> list[float]:
        return await asyncio.gather(*(one(*request) for request in requests))

    with asyncio.Runner(loop_factory=leaping_loop) as runner:
        waited = runner.run(all_at_once())
    assert stations.busy == 0
    return waited


def test_the_first_rule_that_fits_is_the_one_that_counts_and_each_has_its_own_load() -> None:
    rules: list[dict[str, object]] = [{"path": "/slow/*", "delay": "loaded:1,100"}, {"path": "/q*", "delay": 50}]
    slow, slower, quick, free = waits(
        rules, ("GET /slow/{id}", "/slow/1"), ("GET /slow/{id}", "/slow/2"), ("GET /quick", "/quick"), ("GET /", "/")
    )
    assert (slow, slower, quick, free) == pytest.approx((0.1, 0.2, 0.05, 0.0))
