"""Twilio's own SDK makes calls, changes them while they go on, and reads what was recorded of them."""

# mypy: allow-untyped-calls
# Twilio's SDK has few annotations.

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mock_services.core.speech import is_voiced
from tests.mock_services.twilio.lab import ACCOUNT, BRISK, Double, Target, eventually, phone, running_double
from tests.mock_services.twilio.office import Office
from tests.mock_services.twilio.sdk import client, refused

OURS = "+15005550006"
THEIRS = "+13105550177"
BUSY, NO_ANSWER, FAILED = "+15005550486", "+15005550487", "+15005550404"
EVENTS = ["initiated", "ringing", "answered", "completed"]
LONG = "<Response><Pause length='60'/></Response>"


def make(sdk: Any, office: Office, **options: Any) -> Any:
    """Call somebody, who hears `/answered` of the office."""
    return sdk.calls.create(**{"to": THEIRS, "from_": OURS, "url": f"{office.url}/answered", **options})


async def over(sdk: Any, call: Any) -> Any:
    """Wait until a call is over, and give it."""
    finals = {"completed", "busy", "no-answer", "failed", "canceled"}
    await eventually(lambda: sdk.calls(call.sid).fetch().status in finals)
    return sdk.calls(call.sid).fetch()


def fetch(url: str) -> httpx.Response:
    return httpx.get(url)


async def in_progress(sdk: Any, call: Any) -> None:
    await eventually(lambda: sdk.calls(call.sid).fetch().status == "in-progress")


@pytest.mark.anyio
async def test_a_call_is_queued_rings_is_answered_and_ends(sdk: Any, office: Office) -> None:
    call = make(sdk, office, status_callback=f"{office.url}/progress", status_callback_event=EVENTS)
    assert (call.status, call.direction, call.to, call._from) == ("queued", "outbound-api", THEIRS, OURS)
    assert (call.duration, call.start_time, call.end_time, call.price) == (None, None, None, None)
    ended = await over(sdk, call)
    assert (ended.status, ended.duration) == ("completed", "1")
    assert ended.date_created <= ended.start_time <= ended.end_time
    await eventually(lambda: len(office.forms("/progress")) == 4)
    forms = office.forms("/progress")
    assert [form["CallStatus"] for form in forms] == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2", "3"]
    assert {form["CallbackSource"] for form in forms} == {"call-progress-events"}
    assert {form["Direction"] for form in forms} == {"outbound-api"}
    assert all(datetime.strptime(form["Timestamp"], "%a, %d %b %Y %H:%M:%S %z") for form in forms)
    assert (forms[3]["CallDuration"], forms[3]["Duration"], forms[3]["SipResponseCode"]) == ("1", "1", "200")
    (answered,) = office.forms("/answered")
    assert (answered["CallStatus"], answered["CallSid"]) == ("in-progress", call.sid)


@pytest.mark.anyio
async def test_only_the_end_is_told_unless_more_is_asked_for(sdk: Any, office: Office) -> None:
    plain = make(sdk, office, status_callback=f"{office.url}/plain", status_callback_method="GET")
    some = make(sdk, office, status_callback=f"{office.url}/some", status_callback_event=["answered nonsense"])
    for call in (plain, some):
        await over(sdk, call)
    await eventually(lambda: {"/plain", "/some"} <= set(office.paths()))
    assert [(form["CallStatus"], form["SequenceNumber"]) for form in office.forms("/plain")] == [("completed", "0")]
    assert [form["CallStatus"] for form in office.forms("/some")] == ["in-progress"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("number", "status", "sip", "told"),
    [
        (BUSY, "busy", "486", ["initiated", "busy"]),
        (FAILED, "failed", "404", ["initiated", "failed"]),
        (NO_ANSWER, "no-answer", "487", ["initiated", "ringing", "no-answer"]),
    ],
)
async def test_a_call_that_is_not_answered(
    sdk: Any, office: Office, number: str, status: str, sip: str, told: list[str]
) -> None:
    progress = {"status_callback": f"{office.url}/progress", "status_callback_event": EVENTS}
    ended = await over(sdk, make(sdk, office, to=number, timeout=1, **progress))
    assert (ended.status, ended.duration, ended.start_time) == (status, "0", None)
    await eventually(lambda: len(office.forms("/progress")) == len(told))
    assert [form["CallStatus"] for form in office.forms("/progress")] == told
    assert office.forms("/progress")[-1]["SipResponseCode"] == sip
    assert office.forms("/answered") == []


@pytest.mark.anyio
async def test_the_document_may_come_with_the_call(sdk: Any, office: Office) -> None:
    twiml = f"<Response><Redirect>{office.url}/next</Redirect></Response>"
    await over(sdk, sdk.calls.create(to=THEIRS, from_=OURS, twiml=twiml))
    assert office.paths() == ["/next"]


@pytest.mark.anyio
async def test_a_document_that_cannot_be_executed_asks_the_fallback(sdk: Any, office: Office) -> None:
    fallback = {"fallback_url": f"{office.url}/fallback", "fallback_method": "GET"}
    office.statuses["/answered"] = 503
    ended = await over(sdk, make(sdk, office, **fallback))
    broken = await over(sdk, sdk.calls.create(to=THEIRS, from_=OURS, twiml="<Response>", **fallback))
    assert [call.status for call in (ended, broken)] == ["completed", "completed"]
    assert [form["ErrorCode"] for form in office.forms("/fallback")] == ["11200", "12100"]
    assert office.forms("/fallback")[0]["ErrorUrl"] == f"{office.url}/answered"


@pytest.mark.anyio
async def test_who_is_called_holds_a_conversation(double: Double, sdk: Any, office: Office) -> None:
    office.documents["/answered"] = '<Response><Gather numDigits="2" action="/menu"/></Response>'
    async with phone(double) as control:
        await control.send({"type": "party", "number": THEIRS, "script": {"answers": ["42"], "reply_pause_ms": 0}})
        await control.receive()
        await over(sdk, make(sdk, office, send_digits="w1"))
    assert office.forms("/menu")[0]["Digits"] == "42"


@pytest.mark.anyio
async def test_a_machine_is_told_from_a_human(double: Double, sdk: Any, office: Office) -> None:
    human = make(sdk, office, machine_detection="Enable")
    async with phone(double) as control:
        await control.send({"type": "party", "number": "+13105550188", "outcome": "machine"})
        await control.receive()
        machine = make(sdk, office, to="+13105550188", machine_detection="DetectMessageEnd")
    assert [(await over(sdk, call)).answered_by for call in (human, machine)] == ["human", "machine_start"]
    assert {form["AnsweredBy"] for form in office.forms("/answered")} == {"human", "machine_start"}


@pytest.mark.anyio
async def test_a_call_is_redirected_while_it_goes_on(sdk: Any, office: Office) -> None:
    office.documents["/answered"] = LONG
    call = make(sdk, office)
    await in_progress(sdk, call)
    office.documents["/moved"] = LONG
    assert sdk.calls(call.sid).update(url=f"{office.url}/moved", method="GET").status == "in-progress"
    await eventually(lambda: [each.method for each in office.webhooks if each.path == "/moved"] == ["GET"])
    sdk.calls(call.sid).update(twiml=f"<Response><Redirect>{office.url}/again</Redirect></Response>")
    assert (await over(sdk, call)).status == "completed"
    assert office.paths() == ["/answered", "/moved", "/again"]


@pytest.mark.anyio
async def test_a_redirect_stops_a_stream(double: Double, sdk: Any, office: Office) -> None:
    office.documents["/voice"] = '<Response><Connect><Stream url="{stream}"/></Connect></Response>'
    double.buy("+15555550100", office.url)
    async with phone(double) as caller:
        await caller.dial("one", "+15555550100", BRISK)
        sid = (await caller.until("connected"))[-1]["call_sid"]
        sdk.calls(sid).update(twiml=f"<Response><Dial>{BUSY}</Dial></Response>")
        ended = (await caller.until("ended", "failed"))[-1]
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "twiml-end", "completed")
    assert [message["event"] for message in office.messages[-2:]] == ["stop", "closed"]


@pytest.mark.anyio
async def test_a_call_is_ended_while_it_goes_on(double: Double, sdk: Any, office: Office) -> None:
    office.documents["/voice"] = LONG.replace("<Pause", "<Gather/><Pause")
    double.buy("+15555550100", office.url)
    async with phone(double) as caller:
        await caller.dial("one", "+15555550100", {"answers": [""]})
        sid = (await caller.until("answered"))[-1]["call_sid"]
        assert sdk.calls(sid).update(status="canceled").status == "in-progress"  # it has been answered
        assert sdk.calls(sid).update(status="completed").status == "completed"
        (ended,) = await caller.until("ended", "failed")
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "api-hangup", "completed")


@pytest.mark.anyio
async def test_a_call_that_rings_is_canceled(sdk: Any, office: Office) -> None:
    call = make(sdk, office, to=NO_ANSWER, status_callback=f"{office.url}/progress")
    await eventually(lambda: sdk.calls(call.sid).fetch().status == "ringing")
    assert sdk.calls(call.sid).update(status="canceled").status == "canceled"
    await eventually(lambda: office.paths() == ["/progress"])
    assert office.forms("/progress")[0]["CallStatus"] == "canceled"


@pytest.mark.anyio
async def test_a_call_ends_at_its_time_limit(sdk: Any, office: Office) -> None:
    office.documents["/answered"] = LONG
    limited = make(sdk, office, time_limit=1)
    assert (await over(sdk, limited)).status == "completed"


@pytest.mark.anyio
async def test_the_callback_can_be_changed(sdk: Any, office: Office) -> None:
    office.documents["/answered"] = LONG
    call = make(sdk, office, status_callback=f"{office.url}/progress")
    await in_progress(sdk, call)
    sdk.calls(call.sid).update(status_callback=f"{office.url}/elsewhere", status="completed")
    await eventually(lambda: "/elsewhere" in office.paths())
    assert "/progress" not in office.paths()


@pytest.mark.anyio
async def test_a_call_that_is_over_cannot_be_changed_and_can_be_deleted(sdk: Any, office: Office) -> None:
    call = make(sdk, office)
    going_on = make(sdk, office, to=NO_ANSWER)
    await over(sdk, call)
    assert refused(sdk.calls(call.sid).update, twiml=LONG) == (400, 21220)
    assert refused(sdk.calls(call.sid).update, status="completed") == (400, 21220)
    assert refused(sdk.calls(going_on.sid).update, twiml=LONG) == (400, 21220)
    assert refused(sdk.calls(going_on.sid).delete) == (409, 20009)
    assert sdk.calls(call.sid).delete() is True
    assert refused(sdk.calls(call.sid).fetch) == (404, 20404)
    assert refused(sdk.calls(call.sid).update, status="completed") == (404, 20404)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "reception"}, 21211),
        ({"to": "+15005550001"}, 21217),
        ({"to": "+15005550002"}, 21214),
        ({"to": "+15005550003"}, 21215),
        ({"to": "+15005550004"}, 21216),
        ({"from_": ""}, 21213),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+19995550100"}, 21210),
        ({"url": ""}, 21205),
        ({"url": "ftp://lab.example.com/"}, 21205),
        ({"method": "PUT"}, 21209),
        ({"send_digits": "12x"}, 21206),
        ({"timeout": 601}, 21208),
        ({"timeout": "0000019999999"}, 21208),
        ({"application_sid": "AP" + "0" * 32}, 21218),
        ({"url": "", "twiml": "x" * 4001}, 20001),
        ({"machine_detection": "Perhaps"}, 20001),
    ],
)
def test_a_call_that_cannot_be_made(sdk: Any, office: Office, parameters: dict[str, Any], code: int) -> None:
    assert refused(lambda: make(sdk, office, **parameters)) == (400, code)
    assert sdk.calls.list() == []


def test_a_status_that_is_none_is_refused(sdk: Any, office: Office) -> None:
    call = make(sdk, office, to=NO_ANSWER)
    assert refused(sdk.calls(call.sid).update, status="busy") == (400, 20001)


@pytest.fixture
def slow_sdk() -> Iterator[Any]:
    with running_double(TWILIO_CALLS_PER_SECOND="0.1", TWILIO_MAX_CALLS="2") as double:
        sdk = client(double)
        yield sdk
        sdk.http_client.session.close()


@pytest.mark.anyio
async def test_calls_wait_for_their_turn_and_are_limited(slow_sdk: Any, office: Office) -> None:
    first, second = make(slow_sdk, office, to=NO_ANSWER), make(slow_sdk, office)
    await eventually(lambda: slow_sdk.calls(first.sid).fetch().status == "ringing")
    waiting = slow_sdk.calls(second.sid).fetch()
    assert waiting.status == "queued"
    assert 9_000 < int(waiting.queue_time) <= 10_000
    assert refused(lambda: make(slow_sdk, office)) == (429, 20429)
    assert slow_sdk.calls(second.sid).update(status="canceled").status == "canceled"


@pytest.mark.anyio
async def test_calls_are_listed_by_time(sdk: Any, office: Office) -> None:
    answered, waiting = make(sdk, office), make(sdk, office, to=NO_ANSWER)
    await over(sdk, answered)
    now = datetime.now(UTC)
    hour, day = timedelta(hours=1), timedelta(days=1)
    (found,) = sdk.calls.list(start_time_after=now - hour, start_time_before=now + hour)
    assert found.sid == answered.sid
    assert [call.sid for call in sdk.calls.list(start_time=now.date())] == [answered.sid]
    assert [call.sid for call in sdk.calls.list(end_time_after=now.date(), page_size=1)] == [answered.sid]
    assert sdk.calls.list(start_time_before=now - hour) == []
    assert sdk.calls.list(end_time=(now - day).date()) == []
    assert [call.sid for call in sdk.calls.list(status="ringing")] == [waiting.sid]
    assert sdk.calls.list(parent_call_sid=answered.sid) == []


def test_a_time_that_is_none_is_refused(double: Double) -> None:
    url = double.numbers_url.replace("IncomingPhoneNumbers", "Calls")
    answer = double.http.get(url, params={"StartTime<": "yesterday"}, headers={"Authorization": double.basic})
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert "StartTime<" in answer.json()["message"]


@pytest.mark.anyio
async def test_a_call_is_recorded_from_its_answer(double: Double, sdk: Any, office: Office) -> None:
    office.documents["/answered"] = '<Response><Record playBeep="false" action="/end"/></Response>'
    progress = {"status_callback": f"{office.url}/progress", "recording_status_callback": f"{office.url}/recorded"}
    async with phone(double) as control:
        await control.send({"type": "party", "number": THEIRS, "script": {"answers": ["caller-hours #"]}})
        await control.receive()
        call = make(sdk, office, record=True, recording_channels="dual", **progress)
        await over(sdk, call)
    await eventually(lambda: "/recorded" in office.paths() and "/progress" in office.paths())
    told, ended = office.forms("/recorded")[0], office.forms("/progress")[0]
    assert (told["RecordingSource"], told["RecordingStatus"], told["RecordingChannels"]) == (
        "OutboundAPI",
        "completed",
        "2",
    )
    assert (ended["RecordingSid"], ended["RecordingUrl"]) == (told["RecordingSid"], told["RecordingUrl"])
    whole, part = sdk.calls(call.sid).recordings.list()[::-1]
    assert (whole.sid, part.source) == (told["RecordingSid"], "RecordVerb")
    path = f"{double.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{whole.sid}"
    for ending in ("", ".wav"):
        audio = fetch(path + ending)
        assert audio.headers["content-type"] == "audio/x-wav"
        with wave.open(io.BytesIO(audio.content)) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 8000)
            samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(samples[::2]) > 1000  # who was called is heard
    mono = fetch(path.replace(whole.sid, part.sid) + ".wav").content
    with wave.open(io.BytesIO(mono)) as file:
        assert file.getnchannels() == 1
        assert abs(file.getnframes() / 8000 - int(part.duration)) <= 1
    compressed = fetch(path + ".mp3")
    assert compressed.headers["content-type"] == "audio/mpeg"
    assert compressed.content[:2] == b"\xff\xe3"
    assert len(compressed.content) == pytest.approx(len(samples) / 2, rel=0.2), "64 kbit/s for two channels"


@pytest.mark.anyio
async def test_a_recording_is_begun_paused_stopped_and_deleted(double: Double, sdk: Any, office: Office) -> None:
    office.documents["/answered"] = LONG
    call = make(sdk, office)
    await in_progress(sdk, call)
    recordings = sdk.calls(call.sid).recordings
    recording = recordings.create(
        recording_channels="dual",
        recording_status_callback=f"{office.url}/recorded",
        recording_status_callback_event=["in-progress completed"],
    )
    assert (recording.status, recording.source, recording.duration) == ("in-progress", "StartCallRecordingAPI", None)
    path = f"{double.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording.sid}.wav"
    assert fetch(path).status_code == 404
    assert recordings("Twilio.CURRENT").update(status="paused").status == "paused"
    assert recordings(recording.sid).update(status="in-progress").status == "in-progress"
    assert refused(recordings(recording.sid).update, status="louder") == (400, 20001)
    assert refused(recordings(recording.sid).delete) == (409, 20009)
    assert recordings(recording.sid).update(status="stopped").status == "completed"
    assert refused(recordings(recording.sid).update, status="paused") == (400, 21220)
    await eventually(lambda: len(office.forms("/recorded")) == 2)
    assert [form["RecordingStatus"] for form in office.forms("/recorded")] == ["in-progress", "completed"]
    assert [each.sid for each in sdk.recordings.list(call_sid=call.sid)] == [recording.sid]
    assert [each.sid for each in sdk.recordings.list(date_created_after=datetime.now(UTC).date())] == [recording.sid]
    assert sdk.recordings.list(date_created_before=datetime.now(UTC) - timedelta(hours=1)) == []
    fetched = sdk.recordings(recording.sid).fetch()
    assert (fetched.sid, fetched.call_sid, fetched.channels) == (recording.sid, call.sid, 2)
    assert sdk.recordings(recording.sid).delete() is True
    assert refused(sdk.recordings(recording.sid).fetch) == (404, 20404)
    sdk.calls(call.sid).update(status="completed")
    assert refused(recordings.create) == (400, 21220)


def test_recordings_of_a_call_that_is_not_there_are_20404(sdk: Any) -> None:
    missing = sdk.calls("CA" + "0" * 32).recordings
    assert refused(missing.create) == (404, 20404)
    assert refused(missing("RE" + "0" * 32).fetch) == (404, 20404)


@pytest.mark.anyio
async def test_who_is_called_talks_with_an_agent_and_both_are_recorded(
    double: Double, sdk: Any, target: Target
) -> None:
    async with phone(double) as control:
        await control.send({"type": "party", "number": THEIRS, "script": BRISK})
        await control.receive()
        call = sdk.calls.create(
            to=THEIRS, from_=OURS, url=f"{target.url}/again", record=True, recording_channels="dual"
        )
        ended = await over(sdk, call)
    assert (ended.status, ended.direction) == ("completed", "outbound-api")
    kinds = [message["event"] for message in target.messages]
    assert (kinds[:2], kinds[-1], target.upgrades_signed) == (["connected", "start"], "stop", [True])
    assert target.messages[1]["start"]["callSid"] == call.sid
    (recording,) = sdk.calls(call.sid).recordings.list()
    audio = fetch(f"{double.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording.sid}").content
    with wave.open(io.BytesIO(audio)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(samples[::2]) > 1000  # who was called
    assert max(samples[1::2]) > 1000  # the agent


@pytest.mark.anyio
async def test_a_started_stream_hears_both_sides_of_a_connected_one(
    double: Double, sdk: Any, target: Target, office: Office
) -> None:
    fork = office.url.replace("http", "wss", 1) + "/stream"
    started = f'<Response><Start><Stream url="{fork}" track="both_tracks"/></Start><Connect>'
    target.twiml = target.stream_twiml().replace("<Response><Connect>", started)
    origins = f"wss://{office.url[7:]}=ws://{office.url[7:]}"
    with running_double(LAB_STREAM_MAP=origins) as mapped:
        mapped.buy("+15555550100", target.url)
        async with phone(mapped) as caller:
            ended = (await caller.call("one", "+15555550100", BRISK))[-1]
    assert ended["event"] == "ended"
    media = [message["media"] for message in office.messages if message["event"] == "media"]
    for track in ("inbound", "outbound"):
        heard = [is_voiced(base64.b64decode(each["payload"])) for each in media if each["track"] == track]
        assert 15 < sum(heard) < len(heard) / 1.5, track
