"""A request that its user was killed in is a failure of its own length where it is overdue, and else unanswered."""

from typing import Any

import pytest
from gevent import GreenletExit

from clients.in_flight import InFlight
from clients.waits import Waits
from metrics.outcome import classify
from tests.locust.test_session import Response

CONTACT = {"url": "/api/crm/contacts/7", "name": "/api/crm/contacts/{id}"}


class Client:
    """Locust's client: its requests take some seconds each, and its user is killed in the last."""

    def __init__(self, *seconds: float) -> None:
        self.now = 100.0
        self.seconds = list(seconds)

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.now += self.seconds.pop(0)
        if not self.seconds:
            raise GreenletExit
        return Response(200, {})


def fired(*seconds: float) -> tuple[list[dict[str, Any]], list[float]]:
    """The events of requests that took so long, and the waits that were counted as unanswered."""
    events: list[dict[str, Any]] = []
    unanswered: list[float] = []
    client = Client(*seconds)
    http = InFlight(
        client,
        lambda **event: events.append(event),
        lambda: {"scenario": "CrmUser"},
        Waits(unanswered.append),
        30.0,
        clock=lambda: client.now,
    )
    for _ in seconds[:-1]:
        http.request("GET", **CONTACT)
    with pytest.raises(GreenletExit):
        http.request("GET", **CONTACT)
    return events, unanswered


def test_a_request_that_waited_longer_than_any_is_a_timeout_with_the_time_it_took() -> None:
    (event,), unanswered = fired(0.2, 0.1, 12.5)
    assert (event["request_type"], event["name"]) == ("GET", "/api/crm/contacts/{id}")
    assert event["response_time"] == pytest.approx(12_500)
    assert event["context"] == {
        "scenario": "CrmUser",
        "exchange": {"url": "/api/crm/contacts/7", "body": None},
    }
    assert classify("GET", None, event["exception"]) == "timeout"
    assert unanswered == []


def test_a_request_that_waited_no_longer_than_others_is_unanswered_and_no_failure() -> None:
    events, unanswered = fired(1.6, 1.6, 1.5)
    assert events == []
    assert unanswered == [pytest.approx(1.5)]


def test_a_request_that_was_just_sent_is_no_failure() -> None:
    events, unanswered = fired(0.05)
    assert events == []
    assert unanswered == [pytest.approx(0.05)]


def test_a_request_that_waited_as_long_as_its_client_would_is_a_timeout_however_slow_the_others_were() -> None:
    events, _ = fired(29.0, 30.0)
    assert len(events) == 1
