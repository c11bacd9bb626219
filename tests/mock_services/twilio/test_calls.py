"""Calls over real sockets: from the dial over signed webhooks, TwiML and media to the callback at the end."""

import asyncio
from typing import Any

import pytest

from tests.mock_services.twilio.lab import (
    ACCOUNT,
    BRISK,
    CALLER,
    GREETING_ONLY,
    Double,
    Target,
    eventually,
    phone,
    running_double,
)

NUMBER = "+15555550100"


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def kinds(target: Target) -> list[str]:
    return [message["event"] for message in target.messages]


@pytest.mark.anyio
async def test_a_call_goes_through_every_step(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER, BRISK, run_id="r1")
    assert names(events) == ["dialing", "answered", "connected", "first_audio", "turn", "ended"]
    assert {event["ref"] for event in events} == {"one"}
    assert len({event["call_sid"] for event in events}) == 1
    moments = [event["at_ms"] for event in events]
    assert moments == sorted(moments)
    _, answered, connected, first_audio, turn, ended = events
    assert 0 < answered["latency_ms"] <= answered["at_ms"]
    assert 0 < connected["latency_ms"] <= connected["at_ms"]
    assert 0 < first_audio["latency_ms"] < 500
    assert (turn["index"], "timed_out" in turn, "overlapped" in turn) == (0, False, False)
    assert 290 < turn["latency_ms"] < 800  # the target answers after fifteen quiet frames
    assert (ended["status"], ended["reason"]) == ("completed", "caller-hangup")
    [answer] = ended["callbacks"].pop("answers")
    assert ended["callbacks"] == {"sent": 1, "failed": 0}
    assert (answer["status"], answer["body"]) == (200, '{"status":"ok"}')
    assert 0 < answer["latency_ms"] < 5000
    media = ended["media"]
    assert (media["audio_received_ms"], media["messages_received"], media["protocol_warnings"]) == (400, 4, 0)
    assert media["frames_sent"] == kinds(target).count("media") > 60
    assert 0 <= media["lateness_ms"]["p50"] <= media["lateness_ms"]["p99"] <= media["lateness_ms"]["max"]


@pytest.mark.anyio
async def test_the_webhooks_are_signed_and_have_twilios_fields(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        sid = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]["call_sid"]
    (incoming_path, incoming), (status_path, status) = target.webhooks  # only validly signed ones are kept
    assert (incoming_path, status_path) == ("/voice", "/status")
    assert (
        incoming
        | {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": sid,
            "CallStatus": "ringing",
            "Called": NUMBER,
            "Caller": CALLER,
            "Direction": "inbound",
            "From": CALLER,
            "FromCountry": "US",
            "To": NUMBER,
            "ToZip": "",
            "StirVerstat": "TN-Validation-Passed-A",
        }
        == incoming
    )
    assert sum(name.endswith(("City", "State", "Zip", "Country")) for name in incoming) == 16
    assert status["CallStatus"] == "completed"
    assert (status["CallSid"], status["SequenceNumber"], status["SipResponseCode"]) == (sid, "0", "200")
    assert status["CallbackSource"] == "call-progress-events"
    assert int(status["CallDuration"]) >= 1
    assert status["Duration"] == "1"
    assert target.headers[0]["user-agent"] == "TwilioProxy/1.1"
    assert target.upgrades_signed == [True]


@pytest.mark.anyio
async def test_the_stream_has_twilios_messages_and_echoes_marks(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]
    assert kinds(target)[:2] == ["connected", "start"]
    assert kinds(target)[-1] == "stop"
    assert kinds(target).count("mark") == 1
    start = target.messages[1]["start"]
    assert start["customParameters"] == {"tenant_id": "7"}
    assert start["callSid"] == target.messages[-1]["stop"]["callSid"] == ended["call_sid"]
    numbered = target.messages[1:]
    assert [message["sequenceNumber"] for message in numbered] == [str(place + 1) for place in range(len(numbered))]
    assert target.closed_with == [1000]


@pytest.mark.anyio
@pytest.mark.parametrize("origin", ["", "wss://media.example"], ids=["same host", "mapped"])
@pytest.mark.parametrize("signed", ["twiml", "opened"])
async def test_a_streams_upgrade_is_signed_over_the_twimls_url_unless_the_opened_one_is_asked_for(
    target: Target, origin: str, signed: str
) -> None:
    opened = target.url.replace("http", "ws", 1)
    target.twiml = target.stream_twiml(origin=origin)
    target.public = origin if signed == "twiml" else opened
    mapped = {"LAB_STREAM_MAP": f"{origin}={opened}"} if origin else {}
    with running_double(TWILIO_STREAM_SIGNATURE=signed, **mapped) as double:
        double.buy(NUMBER, target.url)
        async with phone(double) as caller:
            assert (await caller.call("one", NUMBER, GREETING_ONLY))[-1]["event"] == "ended"
    assert target.upgrades_signed == [True]


@pytest.mark.anyio
async def test_the_account_knows_the_call(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, GREETING_ONLY)
        sid = (await caller.until("connected"))[-1]["call_sid"]
        assert double.call(sid)["status"] == "in-progress"
        await caller.until("ended")
    call = double.call(sid)
    assert (call["status"], call["direction"], call["from"], call["to"]) == ("completed", "inbound", CALLER, NUMBER)
    assert int(call["duration"]) >= 1


@pytest.mark.anyio
async def test_hundreds_of_events_of_concurrent_calls_keep_apart(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        for ref in range(20):
            await caller.dial(str(ref), NUMBER, GREETING_ONLY)
        events: list[dict[str, Any]] = []
        while sum(event["event"] in {"ended", "failed"} for event in events) < 20:
            events.append(await caller.receive())
    for ref in range(20):
        own = [event["event"] for event in events if event["ref"] == str(ref)]
        assert own == ["dialing", "answered", "connected", "first_audio", "ended"]
    calls, media = double.metrics()["calls"], double.metrics()["media"]
    assert calls == {"active": 0, "streams": 0, "ended": 20}
    assert media["frames_sent"] + media["frames_skipped"] > 20 * 10


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_amid_a_turn_says_how_long_it_had_waited(double: Double, target: Target) -> None:
    target.agent = "silent"
    double.buy(NUMBER, target.url)
    waits = {"turns": 1, "wait_for_greeting": False, "reply_pause_ms": 0, "talk_ms": 100, "max_wait_ms": 20_000}
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, waits)
        await eventually(lambda: kinds(target).count("media") > 100)
        await caller.send({"type": "hangup", "ref": "one"})
        (ended,) = (await caller.until("ended", "failed"))[-1:]
    assert 1000 < ended["media"]["unanswered_ms"] < ended["duration_ms"]


@pytest.mark.anyio
async def test_a_client_hangs_up_its_call(double: Double, target: Target) -> None:
    target.agent = "silent"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER)
        await caller.until("connected")
        await caller.send({"type": "hangup", "ref": "one"})
        (ended,) = await caller.until("ended", "failed")
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "caller-hangup", "completed")
    assert kinds(target)[-1] == "stop"
    assert target.webhooks[-1][0] == "/status"


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_while_it_rings_was_not_answered(double: Double, target: Target) -> None:
    target.slow_s = 3
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER)
        await caller.until("dialing")
        await caller.send({"type": "hangup", "ref": "one"})
        (ended,) = await caller.until("ended", "failed")
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "caller-hangup", "no-answer")
    assert ended["duration_ms"] < 2000
    assert double.call(ended["call_sid"])["duration"] == "0"
    assert target.webhooks[-1][1]["CallStatus"] == "no-answer"


@pytest.mark.anyio
async def test_a_webhook_that_takes_too_long_fails_the_call(target: Target) -> None:
    target.slow_s = 3
    with running_double(TWILIO_WEBHOOK_TOTAL_S="0.3") as hasty:
        hasty.buy(NUMBER, target.url)
        async with phone(hasty) as caller:
            failed = (await caller.call("one", NUMBER))[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("answer", "webhook-timeout", 11205)


@pytest.mark.anyio
async def test_when_a_client_goes_its_calls_are_hung_up(double: Double, target: Target) -> None:
    target.agent = "silent"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        for ref in ("one", "two"):
            await caller.dial(ref, NUMBER)
        await caller.until("connected")
        await caller.until("connected")
        caller.control.transport.abort()
    await eventually(lambda: double.metrics()["calls"]["active"] == 0)
    assert kinds(target).count("stop") == 2
    assert [path for path, _ in target.webhooks].count("/status") == 2


@pytest.mark.anyio
async def test_a_call_that_a_reset_ends_counts_in_no_figures_after_it(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("before", NUMBER, BRISK)
        await caller.until("first_audio")
        await asyncio.to_thread(double.http.post, f"{double.url}/__lab/reset")
        assert (await caller.until("ended", "failed"))[-1]["media"]["frames_sent"] > 0
        await eventually(lambda: double.metrics()["calls"]["active"] == 0)
        metrics = double.metrics()
        assert metrics["calls"] == {"active": 0, "streams": 0}
        assert metrics["media"]["frames_sent"] == 0

        double.buy(NUMBER, target.url)
        ended = (await caller.call("after", NUMBER, GREETING_ONLY))[-1]
        await eventually(lambda: double.metrics()["calls"]["active"] == 0)
    metrics = double.metrics()
    assert metrics["calls"] == {"active": 0, "streams": 0, "ended": 1}
    assert metrics["media"]["frames_sent"] == ended["media"]["frames_sent"]


@pytest.mark.anyio
async def test_an_agent_that_never_answers_times_its_turns_out(double: Double, target: Target) -> None:
    target.agent = "silent"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER, {**BRISK, "max_wait_ms": 300})
    assert names(events) == ["dialing", "answered", "connected", "turn", "ended"]
    assert (events[3]["timed_out"], events[3]["latency_ms"]) == (True, 300)


@pytest.mark.anyio
async def test_an_agent_hangs_up(double: Double, target: Target) -> None:
    target.agent = "closes"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER))[-1]
    assert (ended["event"], ended["reason"], ended["status"]) == ("ended", "agent-hangup", "completed")


@pytest.mark.anyio
async def test_after_the_stream_the_rest_of_the_document_runs(double: Double, target: Target) -> None:
    target.agent = "closes"
    target.twiml = target.stream_twiml().replace("</Connect>", "</Connect><Say>Goodbye</Say><Hangup/>")
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER))[-1]
    assert (ended["event"], ended["reason"]) == ("ended", "twiml-end")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("twiml", "status"),
    [
        ("<Response><Say>Sorry, there was an error.</Say><Hangup/></Response>", "completed"),
        ("<Response/>", "completed"),
        ("<Response><Reject/></Response>", "no-answer"),
        ('<Response><Reject reason="busy"/></Response>', "busy"),
    ],
)
async def test_twiml_that_connects_no_stream_rejects_the_call(
    double: Double, target: Target, twiml: str, status: str
) -> None:
    target.twiml = twiml
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER)
    failed = events[-1]
    assert names(events) == ["dialing", "failed"]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("answer", "call-rejected", None)
    assert events[0]["at_ms"] < failed["at_ms"] <= failed["duration_ms"]
    assert "connects no stream" in failed["detail"]
    assert ("Sorry, there was an error." in failed["detail"]) == ("Sorry" in twiml)
    assert (failed["status"], double.call(failed["call_sid"])["status"]) == (status, status)
    assert target.webhooks[-1][1]["CallStatus"] == status


@pytest.mark.anyio
async def test_a_target_with_another_token_rejects_the_call(target: Target) -> None:
    with running_double("not the target's token") as stranger:
        stranger.buy(NUMBER, target.url)
        async with phone(stranger) as caller:
            failed = (await caller.call("one", NUMBER))[-1]
    assert (failed["reason"], target.webhooks) == ("call-rejected", [])


@pytest.mark.anyio
async def test_a_redirect_leads_to_the_stream(double: Double, target: Target) -> None:
    target.twiml = "<Response><Redirect>/again</Redirect></Response>"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]
    assert ended["event"] == "ended"
    assert [(path, form["CallStatus"]) for path, form in target.webhooks] == [
        ("/voice", "ringing"),
        ("/again", "in-progress"),
        ("/status", "completed"),
    ]


@pytest.mark.anyio
async def test_a_document_that_redirects_to_itself_ends(double: Double, target: Target) -> None:
    target.twiml = "<Response><Redirect/></Response>"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER))[-1]
    assert (failed["reason"], failed["error_code"]) == ("twiml-invalid", 12100)
    assert "100 documents" in failed["detail"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fields", "reason", "code"),
    [
        ({"VoiceUrl": "http://127.0.0.1:1/voice"}, "webhook-refused", 11205),
        ({"VoiceUrl": "{target}/nowhere"}, "webhook-http-error", 11200),
        ({"VoiceUrl": "{target}/status"}, "twiml-invalid", 12300),
    ],
)
async def test_a_webhook_that_fails_fails_the_call(
    double: Double, target: Target, fields: dict[str, str], reason: str, code: int
) -> None:
    double.buy(NUMBER, **{name: value.format(target=target.url) for name, value in fields.items()})
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER))[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("answer", reason, code)
    assert failed["media"] is None


@pytest.mark.anyio
async def test_malformed_twiml_fails_the_call(double: Double, target: Target) -> None:
    target.twiml = "<Response><Connect>"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER))[-1]
    assert (failed["reason"], failed["error_code"]) == ("twiml-invalid", 12100)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("verbs", "step"),
    [
        ("<Redirect>{}</Redirect>", "answer"),
        ('<Gather action="{}" numDigits="1" timeout="1"/>', "answer"),
        (f'<Dial><Number url="{{}}">{CALLER}</Number></Dial>', "answer"),
        (f'<Dial><Number statusCallback="{{}}">{CALLER}</Number></Dial>', "callback"),
    ],
)
async def test_a_malformed_url_in_twiml_is_the_targets_mistake(
    double: Double, target: Target, verbs: str, step: str
) -> None:
    target.twiml = f"<Response>{verbs.format('http://[::1')}</Response>"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.send({"type": "party", "number": CALLER, "ring_ms": 0, "script": {"turns": 0}})
        await caller.receive()
        failed = (await caller.call("one", NUMBER, {"turns": 0, "reply_pause_ms": 0, "answers": ["1"]}))[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == (step, "webhook-refused", 11210)
    assert "'http://[::1' is malformed" in failed["detail"]


@pytest.mark.anyio
async def test_the_fallback_url_is_asked_with_the_error(double: Double, target: Target) -> None:
    double.buy(NUMBER, VoiceUrl=f"{target.url}/nowhere", VoiceFallbackUrl=f"{target.url}/voice")
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]
    assert ended["event"] == "ended"
    form = target.webhooks[0][1]
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{target.url}/nowhere")


@pytest.mark.anyio
async def test_a_callback_that_fails_fails_the_call_and_keeps_its_figures(double: Double, target: Target) -> None:
    target.status = 500
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("callback", "webhook-http-error", 11200)
    assert (failed["callbacks"]["failed"], failed["status"]) == (1, "completed")
    assert failed["media"]["frames_sent"] > 0


@pytest.mark.anyio
async def test_a_callback_that_switches_protocols_fails_the_call_which_has_its_last_event_and_its_tape(
    double: Double, target: Target
) -> None:
    target.status = 101
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER, GREETING_ONLY, record=True))[-1]
    assert (failed["event"], failed["step"], failed["reason"]) == ("failed", "callback", "webhook-http-error")
    assert "answered 101" in failed["detail"]
    assert failed["tape"]["seconds"] > 0
    assert double.http.get(f"{double.url}/__lab/tapes").json()["recording"] == 0


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/nowhere", "/voice?token=1"])
async def test_a_stream_that_does_not_open_is_31920(double: Double, target: Target, path: str) -> None:
    target.twiml = target.stream_twiml(path)
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER)
    assert names(events) == ["dialing", "answered", "failed"]
    failed = events[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("connect", "stream-handshake", 31920)
    assert target.webhooks[-1][1]["CallStatus"] == "completed"


@pytest.mark.anyio
async def test_what_cannot_be_dialled_fails_at_once(double: Double) -> None:
    double.buy(NUMBER)
    async with phone(double) as caller:
        (unknown,) = await caller.call("one", "+15555550199")
        (deaf,) = await caller.call("two", NUMBER)
    assert (unknown["step"], unknown["reason"], unknown["call_sid"]) == ("dial", "unknown-number", None)
    assert (deaf["step"], deaf["reason"]) == ("dial", "no-voice-url")


@pytest.mark.anyio
async def test_calls_beyond_the_limit_are_refused_clearly(target: Target) -> None:
    target.agent = "silent"
    with running_double(TWILIO_MAX_CALLS="1") as small:
        small.buy(NUMBER, target.url)
        async with phone(small) as caller:
            await caller.dial("one", NUMBER)
            await caller.until("connected")
            await caller.dial("two", NUMBER)
            (refused,) = await caller.until("failed")
            assert (refused["ref"], refused["step"], refused["reason"]) == ("two", "dial", "too-many-calls")
            assert "TWILIO_MAX_CALLS" in refused["detail"]


@pytest.mark.anyio
async def test_a_process_that_is_ended_hangs_up_first(target: Target) -> None:
    target.agent = "silent"
    with running_double() as double:
        double.buy(NUMBER, target.url)
        async with phone(double) as caller:
            await caller.dial("one", NUMBER)
            await caller.until("connected")
            double.process.terminate()
            await asyncio.to_thread(double.process.wait, 10)
    assert kinds(target)[-1] == "stop"
    assert target.webhooks[-1][0] == "/status"


@pytest.mark.anyio
async def test_keys_that_the_caller_presses_are_told_on_the_stream_and_as_events(
    double: Double, target: Target
) -> None:
    double.buy(NUMBER, target.url)
    steps = [{"do": "hear"}, {"do": "press", "digits": "1#", "gap_ms": 100}]
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER, {**BRISK, "steps": steps})
    assert [event["digit"] for event in events if event["event"] == "dtmf"] == ["1", "#"]
    told = [message for message in target.messages if message["event"] == "dtmf"]
    assert [message["dtmf"] for message in told] == [{"track": "inbound_track", "digit": digit} for digit in "1#"]
    numbers = [int(message["sequenceNumber"]) for message in target.messages if "sequenceNumber" in message]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.anyio
async def test_a_mix_gives_the_same_scripts_to_the_same_callers(double: Double) -> None:
    double.buy(NUMBER, "http://127.0.0.1:1")
    async with phone(double) as caller:

        async def drawn(run_id: str) -> list[str]:
            scripts = []
            for place in range(30):
                dial = {"type": "dial", "ref": str(place), "to": NUMBER, "from": f"+13105550{place:03}"}
                await caller.send({**dial, "script": "everyday", "run_id": run_id})
                scripts.append((await caller.until("failed"))[0]["script"])
            return scripts

        once = await drawn("one-run")
        assert await drawn("another-run") == once
    assert len(set(once)) > 1
