"""The rate limiter counts in fixed windows, per client, for a bounded number of clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from mock_services.backend.guards import RateLimiter, client_key

LIMIT, WINDOW = 3, 60.0

arrivals = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)))


@given(arrivals)
def test_a_client_gets_its_number_a_window_whatever_the_others_do(steps: list[tuple[str, float]]) -> None:
    limiter = RateLimiter(LIMIT, WINDOW, max_clients=10)
    windows: dict[str, tuple[float, int]] = {}
    now = 0.0
    for client, pause in steps:
        now += pause
        start, count = windows.get(client, (now, 0))
        if now - start >= WINDOW:
            start, count = now, 0
        windows[client] = (start, count + 1)  # refused ones count too, and do not move the window
        assert limiter.allow(client, now) is (count < LIMIT)


@given(arrivals, st.integers(1, 2))
def test_the_clients_remembered_are_bounded(steps: list[tuple[str, float]], clients: int) -> None:
    limiter = RateLimiter(LIMIT, WINDOW, max_clients=clients)
    now = 0.0
    for client, pause in steps:
        now += pause
        limiter.allow(client, now)
        assert len(limiter) <= clients


def test_the_client_with_the_oldest_window_is_forgotten_first() -> None:
    limiter = RateLimiter(1, WINDOW, max_clients=2)
    assert limiter.allow("a", 0)
    assert limiter.allow("b", 1)
    assert limiter.allow("a", 60)  # a's window began anew, so that b's is the oldest
    assert limiter.allow("c", 60)
    assert not limiter.allow("a", 60)
    assert limiter.allow("b", 60)


def test_no_limit_refuses_nobody() -> None:
    limiter = RateLimiter(0, WINDOW, max_clients=1)
    assert all(limiter.allow("a", 0) for _ in range(1000))


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, "10.9.8.7"),
        ({"x-real-ip": "3.3.3.3"}, "3.3.3.3"),
        ({"x-forwarded-for": "1.1.1.1, 2.2.2.2", "x-real-ip": "3.3.3.3"}, "1.1.1.1"),
        ({"x-forwarded-for": " anything goes "}, "anything goes"),
    ],
)
def test_the_client_is_whoever_the_headers_say(headers: dict[str, str], key: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert client_key(Request({"type": "http", "headers": raw, "client": ("10.9.8.7", 1)})) == key
