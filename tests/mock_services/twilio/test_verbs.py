"""Each verb, performed by a real process: what the target is asked for, and how the call ends."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from mock_services.core.speech import is_voiced, load_recordings
from tests.mock_services.twilio.lab import CALLER, Double, eventually, phone
from tests.mock_services.twilio.office import Office
from tests.mock_services.twilio.sdk import refused

NUMBER = "+15555550100"
OTHER = "+13105550177"
HOURS = next(each for each in load_recordings("caller") if each.id == "caller-hours")
BRIEF = {"turns": 1, "reply_pause_ms": 0, "hang_up_pause_ms": 0}


async def call(double: Double, office: Office, document: str, **script: Any) -> dict[str, Any]:
    """Call the office, which answers with `document`, and give the call's last event."""
    office.documents["/voice"] = f"<Response>{document}</Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        return (await caller.call("one", NUMBER, {**BRIEF, **script}))[-1]


@pytest.mark.anyio
async def test_keys_are_gathered_up_to_the_finishing_one(double: Double, office: Office) -> None:
    ended = await call(double, office, '<Gather action="/menu"><Say>Press</Say></Gather>', answers=["12#34"])
    assert (ended["event"], ended["reason"]) == ("ended", "twiml-end")
    assert office.paths() == ["/voice", "/menu", "/status"]
    form = office.forms("/menu")[0]
    assert (form["Digits"], form["CallStatus"]) == ("12", "in-progress")


@pytest.mark.anyio
async def test_a_gather_ends_at_its_number_of_digits_and_asks_its_own_document_with_get(
    double: Double, office: Office
) -> None:
    ended = await call(double, office, '<Gather numDigits="3" method="GET"/>', answers=["12345", ""])
    assert ended["event"] == "ended"
    assert [(each.path, each.method) for each in office.webhooks[:2]] == [("/voice", "POST"), ("/voice", "GET")]
    assert office.forms("/voice")[1]["Digits"] == "123"


@pytest.mark.anyio
async def test_speech_is_gathered_as_its_text(double: Double, office: Office) -> None:
    gather = '<Gather input="speech" speechTimeout="0" action="/said"/>'
    await call(double, office, gather, answers=["caller-hours"])
    form = office.forms("/said")[0]
    assert form["SpeechResult"] == HOURS.text
    assert 0.8 < float(form["Confidence"]) < 1


@pytest.mark.anyio
async def test_without_input_the_next_verb_follows(double: Double, office: Office) -> None:
    gather = '<Gather timeout="0" action="/menu"/><Redirect>/after</Redirect>'
    await call(double, office, gather, answers=[""])
    assert office.paths() == ["/voice", "/after", "/status"]


@pytest.mark.anyio
async def test_without_input_the_action_is_asked_where_that_is_wanted(double: Double, office: Office) -> None:
    await call(double, office, '<Gather timeout="0" action="/menu" actionOnEmptyResult="true"/>', answers=[""])
    assert office.forms("/menu")[0]["Digits"] == ""


@pytest.mark.anyio
async def test_a_key_stops_the_prompt(double: Double, office: Office) -> None:
    began = time.monotonic()
    gather = '<Gather numDigits="1" action="/menu"><Pause length="2"/></Gather>'
    await call(double, office, gather, answers=["!5"])
    assert office.forms("/menu")[0]["Digits"] == "5"
    assert time.monotonic() - began < 2


@pytest.mark.anyio
async def test_a_caller_hangs_up_while_it_is_asked(double: Double, office: Office) -> None:
    ended = await call(double, office, '<Gather action="/menu"/>', answers=["hangup"])
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "caller-hangup", "completed")
    assert office.paths() == ["/voice", "/status"]


@pytest.mark.anyio
async def test_what_is_recorded_is_told_to_the_action_and_the_callback(
    double: Double, office: Office, sdk: Any
) -> None:
    record = '<Record action="/kept" playBeep="false" recordingStatusCallback="/recording"/>'
    ended = await call(double, office, record, answers=["caller-hours #"])
    kept, told = office.forms("/kept")[0], office.forms("/recording")[0]
    assert kept["Digits"] == "#"
    assert kept["RecordingUrl"] == told["RecordingUrl"]
    assert kept["RecordingUrl"].startswith("https://api.twilio.com/2010-04-01/Accounts/AC")
    assert (told["RecordingStatus"], told["RecordingSource"]) == ("completed", "RecordVerb")
    assert abs(int(kept["RecordingDuration"]) - HOURS.duration_ms / 1000) <= 1
    (recording,) = sdk.recordings.list(call_sid=ended["call_sid"])
    assert (recording.sid, recording.source, recording.status) == (kept["RecordingSid"], "RecordVerb", "completed")


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_ends_the_recording(double: Double, office: Office) -> None:
    ended = await call(double, office, '<Record action="/kept" playBeep="false"/>', answers=["caller-hours hangup"])
    assert (ended["reason"], ended["status"]) == ("caller-hangup", "completed")
    form = office.forms("/kept")[0]
    assert (form["Digits"], form["CallStatus"]) == ("hangup", "completed")


@pytest.mark.anyio
async def test_silence_is_no_recording(double: Double, office: Office) -> None:
    record = '<Record timeout="0" playBeep="false" action="/kept" recordingStatusCallback="/recording"/>'
    record = record.replace("/>", ' recordingStatusCallbackEvent="in-progress absent"/><Redirect>/after</Redirect>')
    await call(double, office, record, answers=[""])
    assert office.forms("/kept") == []
    assert [form["RecordingStatus"] for form in office.forms("/recording")] == ["in-progress", "absent"]
    assert "/after" in office.paths()
    (completed,) = office.forms("/status")
    assert completed["CallStatus"] == "completed"
    assert not {"RecordingUrl", "RecordingSid", "RecordingDuration"} & completed.keys()


@pytest.mark.anyio
async def test_a_recording_ends_at_its_greatest_length(double: Double, office: Office) -> None:
    await call(double, office, '<Record maxLength="1" action="/kept" playBeep="false"/>', answers=["caller-plot"])
    form = office.forms("/kept")[0]
    assert (form["RecordingDuration"], form["Digits"]) == ("1", "")


@pytest.mark.anyio
async def test_a_wav_file_is_played_for_as_long_as_it_is(double: Double, office: Office) -> None:
    ended = await call(double, office, '<Play loop="2">/tone.wav</Play><Redirect>/after</Redirect>')
    assert ended["duration_ms"] >= 1000


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["/voice", "http://127.0.0.1:1/tone.wav", "http://[::1", ""])
async def test_what_is_no_wav_file_or_cannot_be_had_takes_no_time(double: Double, office: Office, url: str) -> None:
    ended = await call(double, office, f'<Play>{url}</Play><Play digits="w1"/><Redirect>/after</Redirect>')
    assert 700 <= ended["duration_ms"] < 1500
    assert "/after" in office.paths()


async def dialled(double: Double, office: Office, dial: str, **party: Any) -> dict[str, Any]:
    """Call the office, which dials `OTHER`, where `party` is."""
    office.documents["/voice"] = f"<Response>{dial}<Redirect>/after</Redirect></Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.send({"type": "party", "number": OTHER, "script": {**BRIEF, "turns": 0}, **party})
        assert (await caller.receive())["type"] == "party"
        return (await caller.call("one", NUMBER, BRIEF))[-1]


@pytest.mark.anyio
async def test_a_dialled_number_is_a_call_of_its_own(double: Double, office: Office, sdk: Any) -> None:
    number = (
        f'<Number statusCallback="/leg" statusCallbackEvent="initiated ringing answered completed">{OTHER}</Number>'
    )
    ended = await dialled(double, office, f'<Dial action="/dialled">{number}</Dial>')
    form = office.forms("/dialled")[0]
    (child,) = sdk.calls.list(parent_call_sid=ended["call_sid"])
    assert (child.sid, child.direction, child.to, child._from) == (form["DialCallSid"], "outbound-dial", OTHER, CALLER)
    assert (form["DialCallStatus"], form["DialBridged"], form["DialCallDuration"]) == ("completed", "true", "1")
    legs = office.forms("/leg")
    assert [leg["CallStatus"] for leg in legs] == ["initiated", "ringing", "in-progress", "completed"]
    assert [leg["SequenceNumber"] for leg in legs] == ["0", "1", "2", "3"]
    assert {(leg["ParentCallSid"], leg["Direction"]) for leg in legs} == {(ended["call_sid"], "outbound-dial")}
    assert "/after" not in office.paths()  # the action's document has replaced this one


@pytest.mark.anyio
async def test_without_an_action_the_next_verb_follows_a_dial(double: Double, office: Office) -> None:
    await dialled(double, office, f'<Dial callerId="{NUMBER}">{OTHER}</Dial>')
    assert "/after" in office.paths()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("party", "seconds", "status"),
    [
        ({"outcome": "busy"}, "30", "busy"),
        ({"outcome": "failed"}, "30", "failed"),
        ({"outcome": "no-answer"}, "1", "no-answer"),
        ({"ring_ms": 5000}, "1", "no-answer"),
    ],
)
async def test_a_dialled_number_that_does_not_answer(
    double: Double, office: Office, party: dict[str, Any], seconds: str, status: str
) -> None:
    dial = f'<Dial action="/dialled" timeout="{seconds}">{OTHER}</Dial>'
    await dialled(double, office, dial, **party)
    form = office.forms("/dialled")[0]
    assert (form["DialCallStatus"], form["DialBridged"], form["DialCallDuration"]) == (status, "false", "0")


@pytest.mark.anyio
async def test_the_first_to_answer_gets_the_call(double: Double, office: Office, sdk: Any) -> None:
    slow, busy = "+13105550178", "+15005550486"
    numbers = "".join(f"<Number>{number}</Number>" for number in (slow, busy, OTHER))
    async with phone(double) as other:
        await other.send({"type": "party", "number": slow, "ring_ms": 60_000})
        await other.receive()
        ended = await dialled(double, office, f'<Dial action="/dialled">{numbers}</Dial>')
    form = office.forms("/dialled")[0]
    children = {child.to: child for child in sdk.calls.list(parent_call_sid=ended["call_sid"])}
    assert children[OTHER].sid == form["DialCallSid"]
    assert [children[to].status for to in (slow, busy, OTHER)] == ["canceled", "busy", "completed"]


@pytest.mark.anyio
async def test_the_called_party_hears_its_own_document_first(double: Double, office: Office) -> None:
    office.documents["/whisper"] = "<Response><Say>A call for you</Say></Response>"
    await dialled(double, office, f'<Dial action="/dialled"><Number url="/whisper">{OTHER}</Number></Dial>')
    assert office.forms("/whisper")[0]["To"] == OTHER
    assert office.forms("/dialled")[0]["DialBridged"] == "true"


@pytest.mark.anyio
async def test_a_stream_of_the_called_party_ends_with_its_call(double: Double, office: Office) -> None:
    office.documents["/whisper"] = '<Response><Start><Stream url="{stream}"/></Start><Pause length="1"/></Response>'
    ended = await dialled(double, office, f'<Dial action="/dialled"><Number url="/whisper">{OTHER}</Number></Dial>')
    assert ended["event"] == "ended"
    await eventually(lambda: [each["event"] for each in office.messages[-2:]] == ["stop", "closed"])
    media = [each for each in office.messages if each["event"] == "media"]
    assert double.metrics()["media"]["frames_sent"] >= len(media) > 0


@pytest.mark.anyio
async def test_a_called_party_can_be_hung_up_before_it_is_connected(double: Double, office: Office) -> None:
    office.documents["/whisper"] = "<Response><Hangup/></Response>"
    await dialled(double, office, f'<Dial action="/dialled"><Number url="/whisper">{OTHER}</Number></Dial>')
    assert office.forms("/dialled")[0]["DialBridged"] == "false"


@pytest.mark.anyio
async def test_a_called_party_cannot_dial(double: Double, office: Office) -> None:
    office.documents["/whisper"] = f"<Response><Dial>{OTHER}</Dial></Response>"
    failed = await dialled(double, office, f'<Dial><Number url="/whisper">{OTHER}</Number></Dial>')
    assert (failed["event"], failed["error_code"]) == ("failed", 13201)


@pytest.mark.anyio
async def test_what_is_no_number_cannot_be_dialled(double: Double, office: Office) -> None:
    failed = await call(double, office, "<Dial>reception</Dial>")
    assert (failed["step"], failed["error_code"], failed["status"]) == ("dial", 13223, "completed")


@pytest.mark.anyio
async def test_a_dialled_conversation_is_recorded(double: Double, office: Office) -> None:
    dial = (
        f'<Dial action="/dialled" record="record-from-answer-dual" recordingStatusCallback="/recording">{OTHER}</Dial>'
    )
    await dialled(double, office, dial, script={**BRIEF, "turns": 1, "max_call_ms": 300})
    assert office.forms("/dialled")[0]["RecordingSid"].startswith("RE")
    told = office.forms("/recording")[0]
    assert (told["RecordingSource"], told["RecordingChannels"]) == ("DialVerb", "2")


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_ends_the_dialled_call(double: Double, office: Office, sdk: Any) -> None:
    office.documents["/voice"] = f"<Response><Dial>{OTHER}</Dial></Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.send({"type": "party", "number": OTHER, "ring_ms": 60_000})
        await caller.receive()
        await caller.dial("one", NUMBER)
        await caller.until("answered")
        await eventually(lambda: [each.status for each in sdk.calls.list(to=OTHER)] == ["ringing"])
        await caller.send({"type": "hangup", "ref": "one"})
        await caller.until("ended")
    assert [each.status for each in sdk.calls.list(to=OTHER)] == ["canceled"]


@pytest.mark.anyio
async def test_a_stream_that_is_started_runs_beside_the_verbs(double: Double, office: Office) -> None:
    stream = (
        '<Stream url="{stream}" name="ear" statusCallback="/stream-status"><Parameter name="k" value="v"/></Stream>'
    )
    gather = '<Gather input="speech" speechTimeout="0" action="/said"/>'
    office.documents["/said"] = '<Response><Stop><Stream name="ear"/></Stop><Pause length="1"/></Response>'
    ended = await call(double, office, f"<Start>{stream}</Start>{gather}", answers=["caller-hours"])
    assert ended["event"] == "ended"
    kinds = [message["event"] for message in office.messages]
    assert (kinds[:2], kinds[-2:]) == (["connected", "start"], ["stop", "closed"])
    start = office.messages[1]["start"]
    assert (start["tracks"], start["customParameters"]) == (["inbound"], {"k": "v"})
    media = [message for message in office.messages if message["event"] == "media"]
    assert [message["media"]["chunk"] for message in media] == [str(place + 1) for place in range(len(media))]
    voiced = sum(is_voiced(base64.b64decode(message["media"]["payload"])) for message in media)
    assert voiced > HOURS.duration_ms / 20 / 3
    assert len(media) * 20 < ended["duration_ms"] - 500  # it ended before the call did
    told = office.forms("/stream-status")
    assert [form["StreamEvent"] for form in told] == ["stream-started", "stream-stopped"]
    assert (told[0]["StreamName"], told[0]["StreamSid"]) == ("ear", office.messages[1]["streamSid"])


@pytest.mark.anyio
async def test_both_tracks_are_streamed_and_end_with_the_call(double: Double, office: Office) -> None:
    stream = '<Start><Stream url="{stream}" track="both_tracks"/></Start><Pause length="1"/>'
    ended = await call(double, office, stream)
    assert (ended["event"], ended["reason"]) == ("ended", "twiml-end")
    await eventually(lambda: office.messages[-1]["event"] == "closed")
    media = [message["media"] for message in office.messages if message["event"] == "media"]
    assert {each["track"] for each in media} == {"inbound", "outbound"}
    numbered = [message["sequenceNumber"] for message in office.messages[1:-1]]
    assert numbered == [str(place + 1) for place in range(len(numbered))]


@pytest.mark.anyio
async def test_a_started_stream_that_does_not_open_lets_the_call_go_on(double: Double, office: Office) -> None:
    stream = '<Stream url="wss://127.0.0.1:1/none" statusCallback="/stream-status"/>'
    failed = await call(double, office, f'<Start>{stream}</Start><Pause length="1"/><Redirect>/after</Redirect>')
    assert "/after" in office.paths()
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("connect", "stream-handshake", 31920)
    (told,) = office.forms("/stream-status")
    assert told["StreamEvent"] == "stream-error"
    assert "did not open" in told["StreamError"]


@pytest.mark.anyio
async def test_a_connected_stream_tells_its_start_and_end(double: Double, office: Office) -> None:
    office.closes_after = 5
    connect = '<Connect action="/action"><Stream url="{stream}" name="talk" statusCallback="/stream-status"/></Connect>'
    ended = await call(double, office, connect)
    assert (ended["event"], "/action" in office.paths()) == ("ended", True)
    assert [form["StreamEvent"] for form in office.forms("/stream-status")] == ["stream-started", "stream-stopped"]


@pytest.mark.anyio
async def test_callbacks_can_be_asked_for_with_get(double: Double, office: Office) -> None:
    record = '<Record playBeep="false" action="/kept?tenant=7" method="GET" recordingStatusCallback="/r"'
    await call(double, office, f'{record} recordingStatusCallbackMethod="GET"/>', answers=["caller-hours #"])
    assert {(each.path, each.method) for each in office.webhooks} >= {("/kept", "GET"), ("/r", "GET")}
    assert office.forms("/kept")[0]["tenant"] == "7"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response><Dance/></Response>", 12100),
        ("<Response><Gather>", 12100),
        ('<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', 12100),
    ],
)
async def test_a_later_document_that_cannot_be_executed_asks_the_fallback(
    double: Double, office: Office, document: str, code: int
) -> None:
    office.documents |= {"/voice": "<Response><Redirect>/bad</Redirect></Response>", "/bad": document}
    double.buy(NUMBER, office.url, VoiceFallbackUrl=f"{office.url}/fallback", VoiceFallbackMethod="GET")
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER))[-1]
    assert ended["status"] == "completed"
    form = office.forms("/fallback")[0]
    assert (form["ErrorCode"], form["ErrorUrl"]) == (str(code), f"{office.url}/bad")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("action", "reason", "code"),
    [
        ("/menu", "webhook-http-error", 11200),
        ("http://127.0.0.1:1/menu", "webhook-refused", 11205),
        ("/slow#tt=100", "webhook-timeout", 11205),
        ("ftp://lab.example/menu", "webhook-refused", 11210),
        ("/loop", "webhook-http-error", 11215),
        ("/json", "twiml-invalid", 12300),
    ],
)
async def test_an_action_that_fails_ends_the_call(
    double: Double, office: Office, action: str, reason: str, code: int
) -> None:
    office.statuses["/menu"] = 500
    failed = await call(double, office, f'<Gather numDigits="1" action="{action}"/>', answers=["1"])
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("answer", reason, code)
    assert failed["status"] == "completed"
    assert office.forms("/status")[0]["CallStatus"] == "completed"


@pytest.mark.anyio
async def test_every_webhook_can_be_asked_for_with_get(double: Double, office: Office) -> None:
    status = 'statusCallback="/{}?a=b%20c" statusCallbackMethod="GET"'
    stream = f'<Start><Stream url="{{stream}}" name="ear" {status.format("stream-status")}/></Start>'
    dial = f'<Dial action="/dialled" method="GET"><Number url="/whisper" method="GET" {status.format("leg")}>{OTHER}'
    office.documents["/voice"] = f'<Response>{stream}<Redirect method="GET">/next?a=1</Redirect></Response>'
    office.documents["/next"] = f"<Response>{dial}</Number></Dial></Response>"
    methods = {"VoiceMethod": "GET", "StatusCallbackMethod": "GET"}
    double.buy(NUMBER, office.url, VoiceUrl=f"{office.url}/voice?tenant=7", **methods)
    async with phone(double) as caller:
        await caller.send({"type": "party", "number": OTHER, "script": {**BRIEF, "turns": 0}})
        await caller.receive()
        ended = (await caller.call("one", NUMBER, BRIEF))[-1]
    assert ended["event"] == "ended"
    assert {webhook.method for webhook in office.webhooks} == {"GET"}
    asked = {"/voice", "/next", "/whisper", "/dialled", "/leg", "/stream-status", "/status"}
    assert set(office.paths()) == asked
    assert office.forms("/voice")[0]["tenant"] == "7"
    assert office.forms("/leg")[0]["a"] == "b c"


@pytest.mark.anyio
async def test_a_dialled_call_is_ended_over_rest(double: Double, office: Office, sdk: Any) -> None:
    office.documents["/voice"] = f'<Response><Dial action="/dialled">{OTHER}</Dial></Response>'
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, BRIEF)
        await caller.until("answered")
        await eventually(lambda: [each.status for each in sdk.calls.list(to=OTHER)] == ["in-progress"])
        (child,) = sdk.calls.list(to=OTHER)
        assert refused(sdk.calls(child.sid).update, twiml="<Response/>") == (400, 21220)
        sdk.calls(child.sid).update(status="completed")
        await caller.until("ended")
    form = office.forms("/dialled")[0]
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "true")


@pytest.mark.anyio
async def test_a_recording_of_a_dialled_call_ends_with_it(double: Double, office: Office, sdk: Any) -> None:
    office.documents["/voice"] = f"<Response><Dial>{OTHER}</Dial></Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, BRIEF)
        await caller.until("answered")
        await eventually(lambda: [each.status for each in sdk.calls.list(to=OTHER)] == ["in-progress"])
        (child,) = sdk.calls.list(to=OTHER)
        told = f"{office.url}/recording"
        recording = sdk.calls(child.sid).recordings.create(
            recording_status_callback=told, recording_status_callback_event=["completed", "absent"]
        )
        sdk.calls(child.sid).update(status="completed")
        await caller.until("ended")
    status = sdk.recordings(recording.sid).fetch().status
    assert [each["RecordingStatus"] for each in office.forms("/recording")] == [status]
    assert status in {"completed", "absent"}, "it may have ended as soon as it began"


@pytest.mark.anyio
async def test_a_dial_that_is_redirected_ends_the_dialled_call(double: Double, office: Office, sdk: Any) -> None:
    office.documents["/voice"] = f"<Response><Dial>{OTHER}</Dial></Response>"
    double.buy(NUMBER, office.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, BRIEF)
        sid = (await caller.until("answered"))[-1]["call_sid"]
        await eventually(lambda: [each.status for each in sdk.calls.list(to=OTHER)] == ["in-progress"])
        sdk.calls(sid).update(url=f"{office.url}/elsewhere")
        await caller.until("ended")
    assert [each.status for each in sdk.calls.list(to=OTHER)] == ["completed"]
    assert office.forms("/elsewhere")[0]["CallSid"] == sid
