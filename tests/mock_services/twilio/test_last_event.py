"""Whatever goes wrong inside the double, a call has exactly one last event, and what is kept of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mock_services.core.reckoning import Reckoning
from mock_services.twilio.callbacks import Subscription, Webhook
from mock_services.twilio.calls import Call
from mock_services.twilio.leg import Document, Ending, Leg
from mock_services.twilio.models import CallRecord
from mock_services.twilio.protocol.turns import Script


class BrokenError(Exception):
    """Something that nobody has thought of."""


class Network:
    account_sid = "AC1"

    def __init__(self) -> None:
        self.reckoning = Reckoning()
        self.breaks = True

    async def call_webhook(self, *_arguments: object) -> Any:
        if self.breaks:
            raise BrokenError("the webhook")
        return SimpleNamespace(status=200, body=b"")


class ShortCall(Call):
    """A call that is hung up at once, and told of at its end."""

    def __init__(self, network: Network) -> None:
        self.events: list[dict[str, Any]] = []
        self.kept = 0
        self.keeping_breaks = False
        super().__init__("one", self.events.append)
        record = CallRecord("+13105550142", "+15555550100", None)
        office: Any = SimpleNamespace(network=network)
        leg = Leg(office, record, Script(), Random(1), "", self._tell)
        self._set_up(leg, Subscription(Webhook("http://target/status")))

    async def _begin(self) -> Document | Ending:
        return Ending.HANG_UP

    async def _keep(self) -> Mapping[str, Any]:
        self.kept += 1
        if self.keeping_breaks:
            raise BrokenError("the tape")
        return {"tape": "kept"}


def the_failure(call: ShortCall) -> dict[str, Any]:
    [event] = call.events
    assert event["event"] == "failed"
    assert event["reason"] == "double-failed"
    assert call.kept == 1
    return event


@pytest.mark.anyio
async def test_a_callback_that_the_double_fails_at_fails_the_call() -> None:
    call = ShortCall(Network())
    assert await call.run() == "failed"
    event = the_failure(call)
    assert (event["step"], event["detail"]) == ("callback", "the double failed: BrokenError: the webhook")
    assert (event["callbacks"]["failed"], event["tape"]) == (1, "kept")


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["close", "settled", "request_owed"])
async def test_a_call_whose_end_the_double_fails_at_has_failed(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(_leg: Leg) -> None:
        raise BrokenError(method)

    monkeypatch.setattr(Leg, method, breaks)
    network = Network()
    network.breaks = False
    call = ShortCall(network)
    assert await call.run() == "failed"
    event = the_failure(call)
    assert (event["step"], event["detail"], event["tape"]) == (
        "media",
        f"the double failed: BrokenError: {method}",
        "kept",
    )


@pytest.mark.anyio
async def test_a_call_whose_tape_the_double_fails_at_has_failed() -> None:
    network = Network()
    network.breaks = False
    call = ShortCall(network)
    call.keeping_breaks = True
    assert await call.run() == "failed"
    assert the_failure(call)["detail"] == "the double failed: BrokenError: the tape"
