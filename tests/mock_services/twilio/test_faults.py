"""Webhooks that the double sends late or twice, and media streams that it loses: of one call, and no other's."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.mock_services.twilio.lab import GREETING_ONLY, Double, Target, phone

NUMBER = "+15555550100"
UNLUCKY = "+13105550199"


def put(double: Double, **fault: Any) -> None:
    faults = [{"name": "late or twice", "description": "a test", **fault}]
    answer = httpx.put(f"{double.url}/__lab/faults", json={"faults": faults})
    assert answer.status_code == 200, answer.text


def journalled(double: Double, note: str) -> list[str]:
    entries = double.http.get(f"{double.url}/__lab/journal", params={"contains": note}).json()["entries"]
    return [entry["name"] for entry in entries]


@pytest.fixture
def faulted(double: Double) -> Iterator[Double]:
    """The double, whose faults are taken away after the test."""
    yield double
    httpx.delete(f"{double.url}/__lab/faults")


@pytest.mark.anyio
async def test_the_webhook_of_one_call_comes_twice(faulted: Double, target: Target) -> None:
    faulted.buy(NUMBER, target.url)
    put(faulted, kind="webhook-duplicate", operation="POST {StatusCallback}", call=UNLUCKY.removeprefix("+"))
    async with phone(faulted) as caller:
        lucky = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]["call_sid"]
        await caller.send({"type": "dial", "ref": "two", "to": NUMBER, "from": UNLUCKY, "script": GREETING_ONLY})
        unlucky = (await caller.until("ended", "failed"))[-1]["call_sid"]
    told = [(path, form["CallSid"]) for path, form in target.webhooks]
    assert told == [("/voice", lucky), ("/status", lucky), ("/voice", unlucky), *[("/status", unlucky)] * 2]
    assert journalled(faulted, "fault late or twice") == ["POST {StatusCallback}"] * 2
    assert faulted.metrics()["faults"]["injected"] == {"webhook-duplicate": 1}


@pytest.mark.anyio
async def test_a_webhook_leaves_late_and_the_call_waits_for_it(faulted: Double, target: Target) -> None:
    faulted.buy(NUMBER, target.url)
    put(faulted, kind="webhook-delay", delay=400, path="/voice")
    async with phone(faulted) as caller:
        events = await caller.call("one", NUMBER, GREETING_ONLY)
    answered = next(event for event in events if event["event"] == "answered")
    assert 400 <= answered["latency_ms"] < 1_000


@pytest.mark.anyio
@pytest.mark.parametrize("end", [{"after_s": 0.4}, {"after_messages": 20, "after_s": 60}])
async def test_a_media_stream_is_lost_amid_the_call(faulted: Double, target: Target, end: dict[str, float]) -> None:
    faulted.buy(NUMBER, target.url)
    put(faulted, kind="drop", operation="WS {Stream}", run="unlucky", **end)
    script = {**GREETING_ONLY, "turns": 1}
    async with phone(faulted) as caller:
        lucky = await caller.call("one", NUMBER, script, run_id="lucky")
        events = await caller.call("two", NUMBER, script, run_id="unlucky")
    assert lucky[-1]["event"] == "ended"
    assert events[-1]["event"] == "failed"
    assert "fault late or twice: drop" in str(events[-1])
    connected = next(event["at_ms"] for event in events if event["event"] == "connected")
    assert 350 <= events[-1]["at_ms"] - connected < 1_500
    assert target.closed_with == [1000, 1005], "the second went away without a closing frame"
    assert target.messages[-1]["event"] == "media", "and without a stop"
