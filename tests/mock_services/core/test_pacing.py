"""Paced responses: parts leave in order and when due, and a client that goes away ends the work."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from mock_services.core.durations import Milliseconds
from mock_services.core.operations import Exchange
from mock_services.core.pacing import LARGEST_WRITE, PacedResponse, Part, wait_until_due

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


class Client:
    """The other end of one ASGI exchange: what it received and when, and whether it is still there."""

    def __init__(self) -> None:
        self.exchange = Exchange(Request(SCOPE))
        self.received: list[tuple[float, Message]] = []
        self.gone = asyncio.Event()
        self.leaves_after_writes = 1 << 30

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.received.append((time.perf_counter() - self.exchange.started, message))
        if len(self.received) >= self.leaves_after_writes:
            self.gone.set()

    async def take(self, response: PacedResponse) -> None:
        await response(dict(SCOPE), self.receive, self.send)

    @property
    def writes(self) -> list[tuple[float, bytes]]:
        return [(at, message["body"]) for at, message in self.received if message.get("body")]


@pytest.mark.anyio
async def test_parts_leave_in_order_and_not_before_they_are_due() -> None:
    client, lateness = Client(), Milliseconds()
    parts = [Part(0.05, b"a"), Part(0.05, b"b"), Part(0.12, b"c")]
    await client.take(PacedResponse(client.exchange, parts, lateness, "text/event-stream", {"x-lab": "1"}))
    (start_at, start), *_, (_, end) = client.received
    assert [body for _, body in client.writes] == [b"ab", b"c"]
    assert all(at >= due - 0.0015 for (at, _), due in zip(client.writes, (0.05, 0.12), strict=True))
    assert start_at >= 0.0485, "the headers leave with the first part"
    assert start["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in start["headers"]
    assert (b"x-lab", b"1") in start["headers"]
    assert b"content-length" not in dict(start["headers"])
    assert end == {"type": "http.response.body", "body": b"", "more_body": False}
    assert lateness.summary()["count"] == 2


@pytest.mark.anyio
async def test_one_late_part_does_not_delay_the_next() -> None:
    client = Client()

    def parts() -> Iterator[Part]:
        yield Part(0.02, b"a")
        time.sleep(0.1)  # the process is busy: the second part cannot but be late
        yield Part(0.04, b"b")
        yield Part(0.15, b"c")

    lateness = Milliseconds()
    await client.take(PacedResponse(client.exchange, parts(), lateness, "text/plain"))
    assert client.writes[-1][1].endswith(b"c")
    assert 0.1485 <= client.writes[-1][0] < 0.2
    assert lateness.summary()["max"] >= 50


@pytest.mark.anyio
async def test_a_long_body_is_sent_in_writes_of_bounded_size() -> None:
    client = Client()
    parts = (Part(0.0, b"x" * 10_000) for _ in range(100))
    await client.take(PacedResponse(client.exchange, parts, Milliseconds(), "audio/mpeg"))
    assert sum(len(body) for _, body in client.writes) == 1_000_000
    assert max(len(body) for _, body in client.writes) < LARGEST_WRITE + 10_000


@pytest.mark.anyio
async def test_when_the_client_goes_away_nothing_more_is_made() -> None:
    client, made, finished = Client(), [], []
    client.leaves_after_writes = 4

    def parts() -> Iterator[Part]:
        for number in range(1_000):
            made.append(number)
            yield Part(number * 0.003, b"x")

    client.exchange.note = "script: hours"
    response = PacedResponse(
        client.exchange, parts(), Milliseconds(), "text/plain", finish=lambda: finished.append("yes")
    )
    await client.take(response)
    assert len(made) < 20
    assert client.exchange.note == "script: hours; the client went away before the end of the answer"
    assert finished == ["yes"]


@pytest.mark.anyio
async def test_a_client_that_leaves_while_waiting_is_noticed_at_once() -> None:
    client = Client()
    task = asyncio.create_task(
        client.take(PacedResponse(client.exchange, [Part(60, b"x")], Milliseconds(), "text/plain"))
    )
    client.gone.set()
    await asyncio.wait_for(task, 5)
    assert client.received == []


@pytest.mark.anyio
async def test_a_defect_in_the_making_is_passed_on_and_still_ends_the_response() -> None:
    client, finished = Client(), []

    def parts() -> Iterator[Part]:
        yield Part(0.0, b"x")
        raise KeyError("a defect")

    response = PacedResponse(client.exchange, parts(), Milliseconds(), "x/y", finish=lambda: finished.append("yes"))
    with pytest.raises(KeyError, match="a defect"):
        await client.take(response)
    assert finished == ["yes"]


@pytest.mark.anyio
async def test_an_empty_body_is_a_response_too() -> None:
    client = Client()
    await client.take(PacedResponse(client.exchange, [], Milliseconds(), "audio/mpeg"))
    kinds: list[Any] = [message["type"] for _, message in client.received]
    assert kinds == ["http.response.start", "http.response.body"]


@pytest.mark.anyio
async def test_a_whole_answer_waits_from_the_request_on() -> None:
    exchange, lateness = Exchange(Request(SCOPE)), Milliseconds()
    await wait_until_due(exchange, 0.05, lateness)
    assert time.perf_counter() - exchange.started >= 0.0485
    await wait_until_due(exchange, 0.0, lateness)
    assert lateness.summary()["count"] == 2
