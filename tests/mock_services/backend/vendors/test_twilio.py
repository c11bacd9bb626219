"""Text messages through Twilio, and what the backend reckons of them."""

from __future__ import annotations

import json

import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.vendors.twilio import TwilioFailed, TwilioRest
from mock_services.core.reckoning import Reckoning
from tests.mock_services.backend.telephony.scripted import scripted

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "body", "ids", "uncertain"),
    [
        (201, json.dumps({"sid": "SM1"}), {"SM1": 1}, 0),
        (400, "{}", {}, 0),
        (503, "{}", {}, 1),
        (200, "<html>", {}, 1),
    ],
)
async def test_a_message_is_reckoned_by_what_twilio_said_of_it(
    status: int, body: str, ids: dict[str, int], uncertain: int
) -> None:
    reckoning = Reckoning()
    async with scripted((status, body)) as (url, _):
        twilio = TwilioRest(url, "AC7", "token", 5, reckoning)
        try:
            assert await twilio.send_message(to="+1555", sender="+1666", body="7", run_id="run-7") == "SM1"
        except TwilioFailed:
            assert not ids
        await twilio.close()
    tally = reckoning.facts("run-7")["kinds"].get("sms", {"ids": {}, "uncertain": 0})
    assert (tally["ids"], tally["uncertain"]) == (ids, uncertain)


async def test_with_the_defect_a_message_counts_as_sent_and_twilio_is_not_asked() -> None:
    reckoning = Reckoning()
    async with scripted() as (url, heads):
        twilio = TwilioRest(url, "AC7", "token", 5, reckoning, frozenset({Defect.SMS_NOT_SENT}))
        assert await twilio.send_message(to="+1555", sender="+1666", body="7", run_id="run-7") == ""
        await twilio.close()
    assert heads == []
    assert reckoning.facts("run-7")["kinds"]["sms"] == {"count": 1, "ids": {}, "unnamed": 1, "uncertain": 0}
