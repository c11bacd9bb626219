"""The control socket takes dials and hang-ups, and says in a sentence what it does not take."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.mock_services.twilio.lab import GREETING_ONLY, Double, Target, eventually, phone

NUMBER = "+15555550100"
DIAL = {"type": "dial", "ref": "one", "to": NUMBER, "from": "+1310"}


@pytest.mark.anyio
@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Basic !", "Bearer token"])
async def test_a_stranger_is_refused(double: Double, authorization: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with phone(double, authorization):
            pass
    assert refused.value.response.status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("message", "ref", "words"),
    [
        ({}, None, "type is missing"),
        ([], None, "message is '[]': it takes a JSON object"),
        ({"type": "sing"}, None, "the type is one of 'dial', 'hangup', 'party'"),
        ({"type": "dial", "ref": "one"}, "one", "dial.to is missing"),
        ({**DIAL, "ref": ""}, "", "dial.ref is '': its length is 1 or more"),
        ({**DIAL, "ref": 7}, None, "dial.ref is '7': it takes a text"),
        ({**DIAL, "speed": 2}, "one", "dial.speed is '2': there is no such field"),
        ({**DIAL, "run_id": "a b"}, "one", "run_id is 'a b': it takes ASCII characters without spaces"),
        ({**DIAL, "record": "often"}, "one", "dial.record is 'often': it takes true or false"),
        ({**DIAL, "script": "no-such"}, "one", "no script 'no-such'; there are cut-short, default"),
        ({**DIAL, "script": {"turns": -1}}, "one", "script's turns is '-1'"),
        ({**DIAL, "script": {"patience": 1}}, "one", "patience"),
        ({**DIAL, "script": {"talk_ms": "soon"}}, "one", "the script's talk_ms is 'soon': 'soon' is no delay"),
        ({**DIAL, "script": {"lines": ["caller-nobody"]}}, "one", "no line 'caller-nobody'; there are caller-flowers"),
        ({**DIAL, "script": {"answers": ["caller-nobody"]}}, "one", "no line 'caller-nobody'"),
        ({**DIAL, "script": {"answers": ["Hello!"]}}, "one", "neither keys, nor the name of a line, nor hangup"),
        ({"type": "hangup", "ref": "nobody"}, "nobody", "no call under way"),
        ({"type": "party", "number": "reception"}, None, "party.number is 'reception': it takes + and 2 to 15 digits"),
        ({"type": "party", "number": "client:"}, None, "party.number is 'client:'"),
        ({"type": "party", "number": "sip:kate"}, None, "party.number is 'sip:kate'"),
        (
            {"type": "party", "number": NUMBER, "outcome": "sleeps"},
            None,
            "party.outcome is 'sleeps': it takes 'answers', ",
        ),
        ({"type": "party", "number": NUMBER, "script": "no-such"}, None, "no script 'no-such'"),
    ],
)
async def test_a_mistake_is_answered_in_a_sentence(double: Double, message: Any, ref: str | None, words: str) -> None:
    async with phone(double) as caller:
        await caller.send(message)
        answer = await caller.receive()
    assert (answer["type"], answer["ref"]) == ("error", ref)
    assert words in answer["detail"]


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["not JSON", "[" * 100_000, b"\xff\xfe"])
async def test_what_is_not_json_is_said_to_be_so(double: Double, text: str | bytes) -> None:
    async with phone(double) as caller:
        await caller.control.send(text)
        answer = await caller.receive()
    assert (answer["type"], answer["ref"]) == ("error", None)
    assert "not JSON" in answer["detail"]


@pytest.mark.anyio
async def test_a_message_of_more_than_a_mebibyte_closes_the_socket_and_ends_its_calls(
    double: Double, target: Target
) -> None:
    target.agent = "silent"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, GREETING_ONLY)
        while (await caller.receive()).get("event") != "connected":
            continue
        await caller.control.send("x" * ((1 << 20) + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            while True:
                await caller.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    await eventually(lambda: double.metrics()["calls"]["active"] == 0)


@pytest.mark.anyio
async def test_a_ref_is_for_one_call_at_a_time_and_free_after_it(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER, GREETING_ONLY)
        await caller.dial("one", NUMBER, GREETING_ONLY)
        messages = await caller.until("ended")
        (error,) = [message for message in messages if message["type"] == "error"]
        assert "'one' has a call under way" in error["detail"]
        again = await caller.call("one", NUMBER, GREETING_ONLY, run_id=None)
    assert again[-1]["event"] == "ended"
    assert again[-1]["call_sid"] != messages[-1]["call_sid"]


@pytest.mark.anyio
async def test_clients_do_not_see_each_other(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as one, phone(double) as other:
        await one.dial("same", NUMBER, GREETING_ONLY)
        await other.dial("same", NUMBER, GREETING_ONLY)
        first, second = await one.until("ended"), await other.until("ended")
    assert len({event["call_sid"] for event in first}) == 1
    assert {event["call_sid"] for event in first} != {event["call_sid"] for event in second}


@pytest.mark.anyio
async def test_numbers_and_figures_are_gone_after_a_reset(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        await caller.dial("one", NUMBER)
        await caller.until("connected")
        double.reset()
        assert (await caller.until("ended", "failed"))[-1]["reason"] == "caller-hangup"
        (gone,) = await caller.call("two", NUMBER)
    assert gone["reason"] == "unknown-number"
