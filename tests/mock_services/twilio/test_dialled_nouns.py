"""`<Client>`, `<Sip>` and what else `<Dial>` names beside numbers: who is reached, and how the call goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mock_services.twilio.lab import Double, phone
from tests.mock_services.twilio.office import Office

NUMBER = "+15555550100"
BRIEF = {"turns": 0, "reply_pause_ms": 0, "hang_up_pause_ms": 0}
EVENTS = 'statusCallback="/leg" statusCallbackEvent="initiated ringing answered completed"'
CLIENT = f"<Client {EVENTS}>joey</Client>"
SIP = f"<Sip {EVENTS}>sip:kate@lab.example?x-tenant=7</Sip>"


async def dialled(double: Double, office: Office, nouns: str, *parties: dict[str, Any]) -> dict[str, Any]:
    """Call the office, which dials `nouns`; give the call's last event."""
    dial = f'<Dial action="/dialled">{nouns}</Dial>'
    office.documents["/voice"] = f"<Response>{dial}</Response>"
    office.documents["/dialled"] = "<Response><Redirect>/after</Redirect></Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        for party in parties:
            await caller.send({"type": "party", "script": BRIEF, **party})
            assert (await caller.receive())["type"] == "party"
        return (await caller.call("one", NUMBER, BRIEF))[-1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("noun", "address", "status", "sip_status"),
    [(CLIENT, "client:joey", "no-answer", None), (SIP, "sip:kate@lab.example", "failed", "404")],
)
async def test_who_is_not_registered_is_not_reached_and_the_call_goes_on(
    double: Double, office: Office, sdk: Any, noun: str, address: str, status: str, sip_status: str | None
) -> None:
    ended = await dialled(double, office, noun)
    assert (ended["event"], ended["reason"]) == ("ended", "twiml-end")
    assert ended["duration_ms"] < 5_000, "at once, and not when the timeout is over"
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"], form.get("DialSipResponseCode")) == (
        status,
        "false",
        sip_status,
    )
    assert "/after" in office.paths()
    (child,) = sdk.calls.list(parent_call_sid=ended["call_sid"])
    assert (child.to, child.status, child.sid) == (address, status, form["DialCallSid"])
    assert [leg["CallStatus"] for leg in office.forms("/leg")] == ["initiated", status]


@pytest.mark.anyio
@pytest.mark.parametrize(("noun", "address"), [(CLIENT, "client:joey"), (SIP, "sip:kate@lab.example")])
async def test_who_is_registered_answers_as_a_number_does(
    double: Double, office: Office, sdk: Any, noun: str, address: str
) -> None:
    ended = await dialled(double, office, noun, {"number": address, "ring_ms": 20})
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "true")
    assert form.get("DialSipResponseCode") == ("200" if noun == SIP else None)
    (child,) = sdk.calls.list(parent_call_sid=ended["call_sid"])
    assert (child.to, child.direction, child.status) == (address, "outbound-dial", "completed")
    assert [leg["CallStatus"] for leg in office.forms("/leg")] == ["initiated", "ringing", "in-progress", "completed"]


@pytest.mark.anyio
async def test_a_client_that_is_away_leaves_the_call_to_a_number(double: Double, office: Office) -> None:
    nouns = f"{CLIENT}<Number>+13105550177</Number>"
    await dialled(double, office, nouns, {"number": "+13105550177", "ring_ms": 20})
    assert office.forms("/dialled")[0]["DialCallStatus"] == "completed"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("noun", "code"),
    [
        ("<Number>client:joey</Number>", 13223),
        ("<Sip>kate@lab.example</Sip>", 13243),
        ("<Client>two words</Client>", None),
    ],
)
async def test_an_address_that_is_none_cannot_be_dialled(
    double: Double, office: Office, noun: str, code: int | None
) -> None:
    failed = await dialled(double, office, noun)
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("dial", "number-invalid", code)


@pytest.mark.anyio
@pytest.mark.parametrize("noun", ["Conference", "Queue"])
async def test_what_the_lab_does_not_simulate_is_not_called_a_mistake_of_the_target(
    double: Double, office: Office, noun: str
) -> None:
    failed = await dialled(double, office, f"<{noun}>room 1</{noun}>")
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("dial", "not-simulated", None)
    assert failed["detail"] == f"<Dial><{noun}> is TwiML that the lab does not simulate: the call ends here"
    assert failed["status"] == "completed"
    assert office.paths() == ["/voice", "/status"]
