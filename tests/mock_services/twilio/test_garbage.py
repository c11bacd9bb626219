"""Garbage is collected amid silence, and ended calls leave none: a full collection would stop all others' frames."""

import asyncio
import gc

import pytest

from mock_services.twilio import garbage
from mock_services.twilio.garbage import collecting_amid_silence
from mock_services.twilio.pacer import Pacer
from tests.mock_services.twilio.lab import BRISK, Double, Target, eventually, phone

NUMBER = "+15555550100"
CALLS = 12


@pytest.mark.anyio
async def test_an_ended_call_is_freed_without_a_collection(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)

    async def collected() -> int:
        await asyncio.to_thread(double.reset)
        double.buy(NUMBER, target.url)
        number: int = double.metrics()["garbage"]["collected"]
        return number

    async with phone(double) as caller:

        async def calls(number: int) -> None:
            for ref in range(number):
                await caller.dial(str(ref), NUMBER, BRISK)
            for _ in range(number):
                assert (await caller.until("ended", "failed"))[-1]["event"] == "ended"

        await calls(1)
        before = await collected()
        await calls(1)
        one = await collected() - before
        await calls(CALLS)
        many = await collected() - before - one
    assert many - one < 10 * CALLS, "a call alone is some fifty objects"


def full_collections() -> int:
    full: dict[str, int] = gc.get_stats()[-1]
    return full["collections"]


class Live(Pacer):
    """A pacer with a call or none, as is said."""

    members = 1

    def __len__(self) -> int:
        return self.members


@pytest.mark.anyio
async def test_a_full_collection_waits_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LOOK_S", 0.01)
    pacer = Live()
    thresholds = gc.get_threshold()
    async with collecting_amid_silence(pacer):
        gc.collect(1)  # since then there is something that a full collection has not looked at
        before = full_collections()
        await asyncio.sleep(0.1)
        assert full_collections() == before
        pacer.members = 0
        await eventually(lambda: full_collections() > before)
    assert gc.get_threshold() == thresholds


@pytest.mark.anyio
async def test_a_collection_that_is_long_overdue_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LOOK_S", 0.01)
    monkeypatch.setattr(garbage, "OVERDUE", 3)
    async with collecting_amid_silence(Live()):
        before = full_collections()
        for _ in range(3):
            gc.collect(1)
        await eventually(lambda: full_collections() > before)
