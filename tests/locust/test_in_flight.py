"""A request that its user was killed in is a failure of its own length, and one just sent is nothing."""

from typing import Any

import pytest
from gevent import GreenletExit

from clients.in_flight import InFlight
from metrics.outcome import classify


class Killed:
    """Locust's client, whose user is killed after some seconds."""

    def __init__(self, after_s: float) -> None:
        self.now = 100.0
        self._after_s = after_s

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.now += self._after_s
        raise GreenletExit


def fired(after_s: float) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    killed = Killed(after_s)
    http = InFlight(
        killed, lambda **event: events.append(event), lambda: {"scenario": "CrmUser"}, clock=lambda: killed.now
    )
    with pytest.raises(GreenletExit):
        http.request("GET", "/api/crm/contacts/7", name="/api/crm/contacts/{id}")
    return events


def test_a_request_without_an_answer_is_a_timeout_with_the_time_it_took() -> None:
    (event,) = fired(12.5)
    assert (event["request_type"], event["name"]) == ("GET", "/api/crm/contacts/{id}")
    assert event["response_time"] == pytest.approx(12_500)
    assert event["context"] == {"scenario": "CrmUser"}
    assert classify("GET", None, event["exception"]) == "timeout"


def test_a_request_that_was_just_sent_is_not_counted() -> None:
    assert fired(0.05) == []
