"""Limits: a body that is too long is refused however it comes, and a rate never lets more through than it says."""

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from mock_services.core.limits import MINUTE_S, Bucket, body_limit
from mock_services.core.operations import Exchange, Operation, ServiceError, json_response
from mock_services.core.service import Service


class TooLong(ServiceError):
    status = 413


class Errors:
    def not_found(self, exchange: Exchange) -> Response:
        return json_response(None, 404)

    def method_not_allowed(self, exchange: Exchange, allowed: tuple[str, ...]) -> Response:
        return json_response(None, 405)

    def invalid(self, exchange: Exchange, errors: list[dict[str, object]]) -> Response:
        return json_response(None, 422)

    def unhandled(self, exchange: Exchange) -> Response:
        return json_response(None, 500)

    def failing(self, status: int) -> Response:
        return json_response({"error": "failing"}, status)


async def measure(exchange: Exchange) -> Response:
    return json_response(len(exchange.raw_body))


def client() -> httpx.AsyncClient:
    operation = Operation(method="POST", path="/items", handler=measure, body=str)
    limit = body_limit(100, lambda: TooLong("at most 100 bytes"))
    app = Service("example", [operation], Errors(), after_authentication=[limit])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example")


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    yield b'"'
    for size in sizes:
        yield b"x" * size
    yield b'"'


@pytest.mark.anyio
async def test_a_body_up_to_the_limit_passes() -> None:
    async with client() as http:
        assert (await http.post("/items", content=b'"' + b"x" * 98 + b'"')).json() == 100
        assert (await http.post("/items", content=chunks(50, 48))).json() == 100


@pytest.mark.anyio
async def test_a_longer_one_is_refused() -> None:
    async with client() as http:
        for content in (b'"' + b"x" * 99 + b'"', chunks(50, 49), chunks(10_000)):
            answer = await http.post("/items", content=content)
            assert (answer.status_code, answer.json()) == (413, {"detail": "at most 100 bytes"})


@pytest.mark.anyio
@pytest.mark.parametrize("length", ["-1", "1e3", "many", "", "9" * 5_000, "²"])
async def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    headers = [(b"content-length", length.encode())]
    exchange = Exchange(Request({"type": "http", "method": "POST", "path": "/", "headers": headers}))
    with pytest.raises(TooLong):
        await body_limit(100, lambda: TooLong("at most 100 bytes"))(exchange)


@given(
    st.integers(1, 100_000),
    st.lists(st.tuples(st.floats(0, 200), st.integers(1, 50_000)), min_size=1, max_size=60),
)
def test_a_minute_never_lets_through_more_than_twice_its_limit(
    per_minute: int, wishes: list[tuple[float, int]]
) -> None:
    """A full bucket, and what flows in during the minute: no window of a minute can see more."""
    bucket, now, used = Bucket(per_minute), 0.0, []
    for pause, amount in wishes:
        now += pause
        if bucket.wait_s(amount, now) == 0:
            bucket.use(amount, now)
            used.append((now, amount))
        assert 0 <= bucket.level(now) <= per_minute
    for since, _ in used:
        assert sum(amount for at, amount in used if since <= at <= since + MINUTE_S) <= 2 * per_minute * (1 + 1e-9)


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.floats(0, 1e6))
def test_after_the_advised_wait_it_may_be_used(per_minute: int, amount: int, now: float) -> None:
    bucket = Bucket(per_minute)
    bucket.use(per_minute, now)
    assert bucket.full_in_s(now) == pytest.approx(MINUTE_S)
    wait = bucket.wait_s(amount, now)
    if amount > per_minute:
        assert wait == float("inf")
    else:
        assert wait == pytest.approx(amount * MINUTE_S / per_minute)
        assert bucket.wait_s(amount, now + wait) == pytest.approx(0, abs=1e-6)


def test_no_limit_refuses_nothing() -> None:
    bucket = Bucket(0)
    for _ in range(1_000):
        assert bucket.wait_s(1e9, 0.0) == 0
        bucket.use(1e9, 0.0)
    assert bucket.full_in_s(0.0) == 0


def test_a_bucket_may_be_of_another_period() -> None:
    bucket = Bucket(4, 1.0)
    bucket.use(4, 10.0)
    assert bucket.wait_s(1, 10.0) == pytest.approx(0.25)
    assert bucket.full_in_s(10.5) == pytest.approx(0.5)
