"""TwiML is read as Twilio reads it, and what Twilio could not execute is refused with its code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.twilio.protocol.attributes import TwimlError
from mock_services.twilio.protocol.twiml import MAX_BYTES, UNSIMULATED_NOUNS, parse, read
from mock_services.twilio.protocol.verbs import (
    Callback,
    Connect,
    Dial,
    Dialled,
    Gather,
    Hangup,
    Noun,
    Pause,
    Play,
    Record,
    Redirect,
    Reject,
    Say,
    Start,
    Stop,
    Stream,
)

PLATFORM = b"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
    <!-- the platform's own answer -->
    <Connect>
        <Stream url="wss://127.0.0.1:8001/api/ws/telephony/voice-agent/stream">
            <Parameter name="call_sid" value="CA1" />
            <Parameter name="from" value="+1&amp;5" />
            <Parameter name="empty" />
        </Stream>
    </Connect>
</Response>"""


def test_the_platforms_answer_connects_a_stream() -> None:
    (verb,) = parse(PLATFORM)
    assert isinstance(verb, Connect)
    assert (verb.action, verb.method) == (None, "POST")
    assert verb.stream == Stream(
        "wss://127.0.0.1:8001/api/ws/telephony/voice-agent/stream", {"call_sid": "CA1", "from": "+1&5", "empty": ""}
    )


def test_verbs_come_in_order_with_twilios_defaults() -> None:
    document = b"""<Response><Say>We are <emphasis>closed</emphasis></Say><Say loop="0">On and on</Say><Pause/>
    <Pause length="3"/><Play>https://lab.example/a.mp3</Play><Redirect method="get">/next</Redirect><Reject/>
    <Reject reason="busy"/><Hangup/></Response>"""
    assert parse(document) == (
        Say("We are closed", 1),
        Say("On and on", 1000),
        Pause(1),
        Pause(3),
        Play("https://lab.example/a.mp3"),
        Redirect("/next", "GET"),
        Reject("rejected"),
        Reject("busy"),
        Hangup(),
    )


def test_verbs_that_listen_and_dial_have_twilios_defaults() -> None:
    assert parse(b"<Response><Gather/><Record/><Dial>+13105550177</Dial></Response>") == (
        Gather(action=None, method="POST", timeout=5, speech_timeout=5, finish_on_key="#", num_digits=None),
        Record(timeout=5, max_length=3600, finish_on_key="1234567890*#", play_beep=True, trim=True),
        Dial((Dialled("+13105550177"),), timeout=30, time_limit=14_400, caller_id=None),
    )


def test_what_verbs_ask_for_is_read() -> None:
    document = b"""<Response>
    <Gather input="dtmf speech" action="/a" timeout="3" speechTimeout="auto" finishOnKey="" numDigits="4"
            actionOnEmptyResult="true"><Say>Hello</Say><Play digits="w1"/><Pause length="2"/></Gather>
    <Record timeout="2" maxLength="30" finishOnKey="#" playBeep="false" trim="do-not-trim"
            recordingStatusCallback="/r" recordingStatusCallbackMethod="GET"
            recordingStatusCallbackEvent="in-progress absent nonsense"/>
    <Dial action="/d" timeout="9" timeLimit="60" callerId="+15555550100" record="record-from-answer">
      <Number url="/w" sendDigits="w12" statusCallback="/s"
              statusCallbackEvent="initiated answered">+13105550177</Number>
      <Number>+13105550178</Number></Dial>
    <Start><Stream url="wss://lab.example/s" name="ear" track="both_tracks" statusCallback="/e"/></Start>
    <Stop><Stream name="ear"/></Stop></Response>"""
    assert parse(document) == (
        Gather(
            action="/a",
            speech=True,
            timeout=3,
            speech_timeout=None,
            finish_on_key="",
            num_digits=4,
            action_on_empty_result=True,
            prompts=(Say("Hello", 1), Play("", 1, "w1"), Pause(2)),
        ),
        Record(
            timeout=2,
            max_length=30,
            finish_on_key="#",
            play_beep=False,
            trim=False,
            status=Callback("/r", "GET", frozenset({"in-progress", "absent"})),
        ),
        Dial(
            (
                Dialled(
                    "+13105550177",
                    url="/w",
                    send_digits="w12",
                    status=Callback("/s", events=frozenset({"initiated", "answered"})),
                ),
                Dialled("+13105550178"),
            ),
            action="/d",
            timeout=9,
            time_limit=60,
            caller_id="+15555550100",
            record="record-from-answer",
        ),
        Start(Stream("wss://lab.example/s", {}, "ear", "both_tracks", Callback("/e"))),
        Stop("ear"),
    )


def test_clients_and_sip_addresses_are_dialled_beside_numbers() -> None:
    document = b"""<Response><Dial><Number>+13105550177</Number><Client url="/w">joey</Client>
    <Client><Identity>ada</Identity><Parameter name="k" value="v"/></Client>
    <Sip username="u" password="p" statusCallback="/s">sip:kate@lab.example:5060;transport=tcp?x-k=v</Sip>
    </Dial></Response>"""
    (dial,) = parse(document)
    assert isinstance(dial, Dial)
    assert dial.parties == (
        Dialled("+13105550177"),
        Dialled("client:joey", Noun.CLIENT, url="/w"),
        Dialled("client:ada", Noun.CLIENT),
        Dialled("sip:kate@lab.example:5060;transport=tcp", Noun.SIP, status=Callback("/s")),
    )


@pytest.mark.parametrize("noun", UNSIMULATED_NOUNS)
def test_what_the_lab_does_not_simulate_is_twiml_all_the_same(noun: str) -> None:
    (dial,) = parse(f"<Response><Dial><{noun}>x</{noun}></Dial></Response>".encode())
    assert isinstance(dial, Dial)
    assert dial.unsimulated == noun


def test_an_empty_response_has_no_verbs() -> None:
    assert parse(b"<Response/>") == ()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not XML"),
        (b"hello", "not XML"),
        (b"<Response><Say>half", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b'<?xml version="1.0" encoding="no-such"?><Response/>', "not XML"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', "not XML"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><Response/>', "not XML"),
        (b"<response/>", "root is <response>"),
        (b"<Response><say>x</say></Response>", "<say> is not a verb"),
        (b"<Response><Connect/></Response>", "holds nothing"),
        (b"<Response><Start><Siprec/></Start></Response>", "holds <Siprec>"),
        (b"<Response><Stop/></Response>", "holds nothing"),
        (b'<Response><Start><Stream track="left"/></Start></Response>', "track='left'"),
        (b'<Response><Gather input="telepathy"/></Response>', "dtmf, speech, or both"),
        (b'<Response><Gather numDigits="0"/></Response>', "numDigits='0'"),
        (b'<Response><Gather finishOnKey="x"/></Response>', "keys of a telephone"),
        (b"<Response><Gather><Dial/></Gather></Response>", "<Gather> holds <Dial>"),
        (b'<Response><Gather actionOnEmptyResult="maybe"/></Response>', "false or true"),
        (b'<Response><Record trim="hair"/></Response>', "trim='hair'"),
        (b"<Response><Dial><Pigeon>joey</Pigeon></Dial></Response>", "holds <Pigeon>; it takes a number, or <Number>"),
        (b"<Response><Dial>" + b"<Number>1</Number>" * 11 + b"</Dial></Response>", "at most 10"),
        (b'<Response><Dial record="loud"/></Response>', "record='loud'"),
        (b'<Response><Play digits="abc"/></Response>', "telephone and w"),
        (b"<Response><Connect><Room/></Connect></Response>", "holds <Room>"),
        (b"<Response><Connect><Stream/><Stream/></Connect></Response>", "must hold one <Stream>"),
        (b"<Response><Connect><Stream><Say/></Stream></Connect></Response>", "holds <Say>"),
        (b'<Response><Reject reason="tired"/></Response>', "'tired'"),
        (b'<Response><Pause length="-1"/></Response>', "length='-1'"),
        (b'<Response><Pause length="1e9"/></Response>', "whole number"),
        (b'<Response><Redirect method="PUT">/</Redirect></Response>', "'PUT'"),
        (
            b'<Response><Connect><Stream><Parameter name="n" value="%s"/></Stream></Connect></Response>' % (b"x" * 500),
            "500 characters",
        ),
        (b"<Response>" + b" " * MAX_BYTES + b"</Response>", "at most 65536"),
    ],
)
def test_what_twilio_cannot_execute_is_12100(document: bytes, why: str) -> None:
    with pytest.raises(TwimlError, match=why) as refused:
        parse(document)
    assert refused.value.code == 12100


@pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "text/html", "TEXT/XML"])
def test_xml_types_are_twiml(kind: str) -> None:
    assert read(b"<Response><Hangup/></Response>", kind) == (Hangup(),)


def test_plain_text_is_twiml_where_it_parses_and_is_spoken_where_it_does_not() -> None:
    assert read(b"<Response><Hangup/></Response>", "text/plain") == (Hangup(),)
    assert read(b"Good morning", "text/plain; charset=utf-8") == (Say("Good morning", 1),)


def test_audio_is_played() -> None:
    assert read(b"RIFF", "audio/wav") == (Play(""),)


@pytest.mark.parametrize("kind", ["application/json", "", "image/png"])
def test_another_content_type_is_12300(kind: str) -> None:
    with pytest.raises(TwimlError, match="content type") as refused:
        read(PLATFORM, kind)
    assert refused.value.code == 12300


@given(st.binary(), st.sampled_from(["text/xml", "text/plain", "audio/wav", "x"]))
def test_no_bytes_break_the_reader(body: bytes, kind: str) -> None:
    try:
        read(body, kind)
    except TwimlError as refused:
        assert refused.code in {12100, 12300}
