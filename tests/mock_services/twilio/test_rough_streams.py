"""Media sockets that misbehave: they are dropped, crash, stall, speak nonsense, or clear what they said."""

import asyncio
import base64
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.mock_services.twilio.lab import BRISK, VOICE, Double, Talk, phone, rough_target

NUMBER = "+15555550100"


async def play(double: Double, talk: Talk, script: Any = None) -> list[dict[str, Any]]:
    """Make one call to a target whose stream does `talk`, and give its events."""
    async with rough_target(talk) as url:
        double.buy(NUMBER, VoiceUrl=f"{url}/voice", VoiceMethod="GET")
        async with phone(double) as caller:
            return await caller.call("one", NUMBER, script or {**BRISK, "turns": 0})


async def start_of(connection: ServerConnection) -> str:
    """Read up to `start` and give the stream's SID."""
    async for text in connection:
        message = json.loads(text)
        if message["event"] == "start":
            return str(message["streamSid"])
    raise AssertionError("the stream ended before it had started")


async def until(connection: ServerConnection, event: str) -> dict[str, Any]:
    async for text in connection:
        message: dict[str, Any] = json.loads(text)
        if message["event"] == event:
            return message
    raise AssertionError(f"the stream ended without {event}")


async def to_the_end(connection: ServerConnection) -> None:
    async for _ in connection:
        pass


def media(sid: str, audio: bytes) -> str:
    payload = base64.b64encode(audio).decode()
    return json.dumps({"event": "media", "streamSid": sid, "media": {"payload": payload}})


@pytest.mark.anyio
async def test_a_dropped_socket_is_a_lost_stream(double: Double) -> None:
    async def talk(connection: ServerConnection) -> None:
        await start_of(connection)
        await until(connection, "media")
        connection.transport.abort()

    failed = (await play(double, talk))[-1]
    assert (failed["step"], failed["reason"], failed["error_code"]) == ("media", "stream-lost", 31921)
    assert "dropped the media socket" in failed["detail"]
    assert failed["media"]["frames_sent"] >= 1


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "event"), [(1000, "ended"), (1001, "ended"), (1011, "failed"), (4000, "failed")])
async def test_a_close_is_a_hang_up_unless_its_code_tells_of_an_error(double: Double, code: int, event: str) -> None:
    async def talk(connection: ServerConnection) -> None:
        await start_of(connection)
        await connection.close(code)

    last = (await play(double, talk))[-1]
    assert last["event"] == event
    if event == "failed":
        assert (last["reason"], str(code) in last["detail"]) == ("stream-lost", True)
    else:
        assert last["reason"] == "agent-hangup"


@pytest.mark.anyio
async def test_a_broken_frame_is_a_lost_stream_with_the_reason(double: Double) -> None:
    async def talk(connection: ServerConnection) -> None:
        await start_of(connection)
        connection.transport.write(b"\xff\xff\xff\xff")  # reserved bits and an opcode that does not exist
        await connection.wait_closed()

    failed = (await play(double, talk))[-1]
    assert failed["reason"] == "stream-lost"
    assert failed["detail"].startswith("the media socket was closed: ")


@pytest.mark.anyio
async def test_nonsense_is_counted_and_the_call_goes_on(double: Double) -> None:
    async def talk(connection: ServerConnection) -> None:
        sid = await start_of(connection)
        for nonsense in ("hello", "{}", json.dumps({"event": "dance", "streamSid": sid}), b"\x00\x01"):
            await connection.send(nonsense)
        await connection.send(media(sid, VOICE))
        await to_the_end(connection)

    events = await play(double, talk)
    assert [event["event"] for event in events][-2:] == ["first_audio", "ended"]
    assert events[-1]["media"]["protocol_warnings"] == 4


@pytest.mark.anyio
async def test_a_message_in_fragments_is_one_message(double: Double) -> None:
    async def talk(connection: ServerConnection) -> None:
        sid = await start_of(connection)
        text = media(sid, VOICE)
        await connection.send(iter([text[:50], text[50:900], text[900:]]))
        await to_the_end(connection)

    events = await play(double, talk)
    assert [event["event"] for event in events][-2:] == ["first_audio", "ended"]


@pytest.mark.anyio
async def test_clear_empties_the_buffer_and_returns_the_marks(double: Double) -> None:
    echoed: list[str] = []

    async def talk(connection: ServerConnection) -> None:
        sid = await start_of(connection)
        for name in ("a", "b"):
            await connection.send(media(sid, VOICE * 50))  # ten seconds each
            await connection.send(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": name}}))
        await connection.send(json.dumps({"event": "clear", "streamSid": sid}))
        for _ in range(2):
            echoed.append((await until(connection, "mark"))["mark"]["name"])
        await to_the_end(connection)

    last = (await play(double, talk))[-1]
    assert echoed == ["a", "b"]
    assert (last["event"], last["duration_ms"] < 5000) == ("ended", True)


@pytest.mark.anyio
async def test_a_peer_that_does_not_read_costs_frames_and_is_left_in_the_end(double: Double) -> None:
    over = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        await start_of(connection)
        connection.transport.pause_reading()
        await over.wait()
        connection.transport.abort()

    async with rough_target(talk) as url:
        double.buy(NUMBER, VoiceUrl=f"{url}/voice", VoiceMethod="GET")
        async with phone(double) as caller:
            last = (await caller.call("one", NUMBER, {**BRISK, "turns": 0, "max_wait_ms": 4000}))[-1]
        over.set()
    media = last["media"]
    assert last["event"] == "ended"
    assert media["frames_sent"] + media["frames_blocked"] + media["frames_skipped"] == pytest.approx(200, abs=30)
    assert media["frames_blocked"] > 10
    assert last["duration_ms"] < 10_000  # the closing handshake is not waited for either
