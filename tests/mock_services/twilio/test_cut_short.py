"""What becomes of a verb that is cut short: who is told, of what, and where the call goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.mock_services.twilio.lab import Double, Phone, eventually, phone
from tests.mock_services.twilio.office import Office

NUMBER = "+15555550100"
OTHER = "+13105550177"
BRIEF = {"turns": 1, "reply_pause_ms": 0, "hang_up_pause_ms": 0}
RECORD = '<Record action="/kept" playBeep="false"/>'
DIAL = f'<Dial action="/dialled">{OTHER}</Dial>'


@asynccontextmanager
async def under_way(
    double: Double, office: Office, document: str, *, answers: list[str] | None = None, **party: Any
) -> AsyncIterator[tuple[Phone, str]]:
    """Call the office, which answers with `document`; give the caller's phone and the call's SID once it has come."""
    office.documents["/voice"] = f"<Response>{document}</Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.send({"type": "party", "number": OTHER, "script": BRIEF, **party})
        await caller.receive()
        await caller.dial("one", NUMBER, {**BRIEF, "answers": answers})
        yield caller, (await caller.until("answered"))[-1]["call_sid"]


async def hang_up(caller: Phone) -> dict[str, Any]:
    await caller.send({"type": "hangup", "ref": "one"})
    return (await caller.until("ended", "failed"))[-1]


async def recorded(sdk: Any, sid: str) -> None:
    """Wait until a recording of the call goes on."""
    await eventually(lambda: [each.status for each in sdk.recordings.list(call_sid=sid)] == ["in-progress"])


async def reached(sdk: Any, status: str) -> None:
    """Wait until the dialled call has a status."""
    await eventually(lambda: [each.status for each in sdk.calls.list(to=OTHER)] == [status])


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_amid_a_recording_leaves_it_to_the_action(
    double: Double, office: Office, sdk: Any
) -> None:
    office.documents["/kept"] = "<Response><Redirect>/never</Redirect></Response>"
    async with under_way(double, office, RECORD, answers=["caller-plot"]) as (caller, sid):
        await recorded(sdk, sid)
        ended = await hang_up(caller)
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "caller-hangup", "completed")
    assert office.paths() == ["/voice", "/kept", "/status"], "and nobody executes what the action answers"
    (form,) = office.forms("/kept")
    assert (form["Digits"], form["CallStatus"], form["RecordingDuration"]) == ("hangup", "completed", "1")
    (recording,) = sdk.recordings.list(call_sid=sid)
    assert (recording.sid, recording.status) == (form["RecordingSid"], "completed")


@pytest.mark.anyio
async def test_a_recording_without_a_word_is_told_to_nobody(double: Double, office: Office, sdk: Any) -> None:
    async with under_way(double, office, RECORD, answers=[""]) as (caller, sid):
        await recorded(sdk, sid)
        await hang_up(caller)
    assert office.paths() == ["/voice", "/status"]
    assert [each.status for each in sdk.recordings.list(call_sid=sid)] == ["absent"]


@pytest.mark.anyio
async def test_a_call_that_is_ended_over_rest_amid_a_recording_leaves_it_to_the_action(
    double: Double, office: Office, sdk: Any
) -> None:
    async with under_way(double, office, RECORD, answers=["caller-plot"]) as (caller, sid):
        await recorded(sdk, sid)
        sdk.calls(sid).update(status="completed")
        await caller.until("ended")
    (form,) = office.forms("/kept")
    assert (form["Digits"], form["CallStatus"]) == ("hangup", "completed")


@pytest.mark.anyio
async def test_a_redirect_amid_a_recording_keeps_it_and_asks_no_action(
    double: Double, office: Office, sdk: Any
) -> None:
    async with under_way(double, office, RECORD, answers=["caller-plot"]) as (caller, sid):
        await recorded(sdk, sid)
        sdk.calls(sid).update(url=f"{office.url}/elsewhere")
        await caller.until("ended")
    assert office.paths() == ["/voice", "/elsewhere", "/status"]
    assert [each.status for each in sdk.recordings.list(call_sid=sid)] == ["completed"]


@pytest.mark.anyio
async def test_an_action_that_fails_after_the_hang_up_fails_the_call(double: Double, office: Office, sdk: Any) -> None:
    office.statuses["/kept"] = 500
    async with under_way(double, office, RECORD, answers=["caller-plot"]) as (caller, sid):
        await recorded(sdk, sid)
        failed = await hang_up(caller)
    assert (failed["event"], failed["reason"], failed["error_code"]) == ("failed", "webhook-http-error", 11200)
    assert failed["status"] == "completed"


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_while_it_rings_cancels_the_dialled_call(
    double: Double, office: Office, sdk: Any
) -> None:
    async with under_way(double, office, DIAL, ring_ms=60_000) as (caller, _):
        await reached(sdk, "ringing")
        await hang_up(caller)
    assert office.paths() == ["/voice", "/dialled", "/status"]
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"], form["CallStatus"]) == ("canceled", "false", "completed")
    assert form["DialCallDuration"] == "0"


@pytest.mark.anyio
async def test_of_several_that_are_dialled_the_action_is_told_of_one_that_rang(
    double: Double, office: Office, sdk: Any
) -> None:
    numbers = f"<Number>+15005550486</Number><Number>{OTHER}</Number>"
    async with under_way(double, office, f'<Dial action="/dialled">{numbers}</Dial>', ring_ms=60_000) as (caller, _):
        await reached(sdk, "ringing")
        await hang_up(caller)
    (child,) = sdk.calls.list(to=OTHER)
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["DialCallSid"]) == ("canceled", child.sid)


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_amid_the_conversation_completes_it(
    double: Double, office: Office, sdk: Any
) -> None:
    dial = DIAL.replace("<Dial", '<Dial record="record-from-answer"')
    async with under_way(double, office, dial) as (caller, _):
        await reached(sdk, "in-progress")
        await hang_up(caller)
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"], form["CallStatus"]) == ("completed", "true", "completed")
    assert form["DialCallDuration"] == "1"
    assert form["RecordingSid"].startswith("RE")


@pytest.mark.anyio
async def test_a_hang_up_amid_a_dial_without_an_action_asks_nobody(double: Double, office: Office, sdk: Any) -> None:
    async with under_way(double, office, f"<Dial>{OTHER}</Dial>") as (caller, _):
        await reached(sdk, "in-progress")
        await hang_up(caller)
    assert office.paths() == ["/voice", "/status"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ring_ms", "reaches", "told"), [(0, "in-progress", "completed"), (6e4, "ringing", "canceled")]
)
async def test_a_redirect_amid_a_dial_asks_the_action_first_and_obeys_the_redirect(
    double: Double, office: Office, sdk: Any, ring_ms: float, reaches: str, told: str
) -> None:
    office.documents |= {"/dialled": "<Response><Redirect>/never</Redirect></Response>"}
    async with under_way(double, office, DIAL, ring_ms=ring_ms) as (caller, sid):
        await reached(sdk, reaches)
        sdk.calls(sid).update(url=f"{office.url}/elsewhere")
        await caller.until("ended")
    assert office.paths() == ["/voice", "/dialled", "/elsewhere", "/status"]
    (form,) = office.forms("/dialled")
    assert (form["DialCallStatus"], form["CallStatus"]) == (told, "in-progress")
    assert [each.status for each in sdk.calls.list(to=OTHER)] == [told]


@pytest.mark.anyio
async def test_a_called_party_that_hangs_up_amid_its_own_recording_leaves_it_to_the_action(
    double: Double, office: Office
) -> None:
    office.documents["/whisper"] = f"<Response>{RECORD}</Response>"
    dial = f'<Dial action="/dialled"><Number url="/whisper">{OTHER}</Number></Dial>'
    script = {**BRIEF, "answers": ["caller-hours hangup"]}
    async with under_way(double, office, dial, script=script, ring_ms=0) as (caller, sid):
        await caller.until("ended")
    (form,) = office.forms("/kept")
    assert (form["Digits"], form["CallStatus"], form["ParentCallSid"]) == ("hangup", "completed", sid)
    assert office.forms("/dialled")[0]["DialBridged"] == "false"
