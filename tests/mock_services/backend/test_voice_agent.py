"""Calls over real sockets: a media stream into the backend's process, and from there to a Deepgram agent."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from mock_services.backend.telephony.summaries import WITHOUT_A_MODEL
from tests.mock_services.backend.agents import Agents, agents, backend_process, until
from tests.mock_services.backend.support import Founder, Member, twilio_validator
from tests.support.doubles import refusal_to_start, serving

TOKEN = "1ab0000000000000000000000000abcd"
STREAM = "/api/ws/telephony/voice-agent/stream"
INCOMING = "/api/telephony/webhook/incoming-call"
CALLER = "+15557654321"
FRAMES = [bytes([value]) * 160 for value in range(5)]


class Lab:
    """A backend's process with one organisation that takes calls."""

    def __init__(self, address: str, client: httpx.AsyncClient, member: Member) -> None:
        self.address = address
        self.client = client
        self.member = member
        self.number = f"+1555{member.organization['id'][:7]}"

    async def dial(self, call_sid: str, scheme: str = "http", **headers: str) -> str:
        form = {"CallSid": call_sid, "From": CALLER, "To": self.number, "CallStatus": "ringing", "ToZip": ""}
        signature = twilio_validator(TOKEN).compute_signature(f"{scheme}://{self.address}{INCOMING}", form)
        answer = await self.client.post(INCOMING, data=form, headers={"X-Twilio-Signature": signature} | headers)
        assert answer.status_code == 200
        return answer.text

    def stream(self, path: str = STREAM) -> connect:
        return connect(f"ws://{self.address}{path}", compression=None, proxy=None)

    def start(self, call_sid: str, **parameters: Any) -> str:
        known = {"call_sid": call_sid, "org_phone": self.number, "from": CALLER, "to": self.number}
        start = {"streamSid": f"MZ-{call_sid}", "callSid": call_sid, "customParameters": known | parameters}
        return json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": start["streamSid"]})

    async def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = (await self.member.call("GET", "/api/telephony/calls")).json()["calls"]
        return calls

    async def call(self, status: str) -> dict[str, Any]:
        """Wait until the newest call has a status."""

        async def reached() -> bool:
            calls = await self.calls()
            return bool(calls) and calls[0]["status"] == status

        await until(reached)
        return (await self.calls())[0]

    async def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = (await self.client.get("/__lab/metrics")).json()
        return metrics

    async def open_streams(self, number: int) -> None:
        """Wait until a number of media streams count as open."""

        async def reached() -> bool:
            return bool((await self.metrics())["voice_sockets"] == number)

        await until(reached)


@asynccontextmanager
async def lab(**environment: str) -> AsyncIterator[Lab]:
    without_openai = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "BACKEND_OPENAI_RETRIES": "0"}
    with backend_process(**without_openai | environment) as address:
        async with httpx.AsyncClient(base_url=f"http://{address}") as client:
            member = await Founder(client).found(name="Elm")
            it = Lab(address, client, member)
            body = {"organization_phone_number": it.number, "max_concurrent_calls": 100, "welcome_message": "Welcome"}
            assert (await member.call("POST", "/api/telephony/setup", json=body)).status_code == 200
            yield it


def media(audio: bytes) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(audio).decode()}, "streamSid": "MZ"})


async def is_open(socket: ClientConnection) -> None:
    """See that the server answers a ping: it has not closed."""
    async with asyncio.timeout(10):
        await (await socket.ping())


async def applied(fake: Agents, socket: ClientConnection, number: int = 0) -> Any:
    """Let the agent apply its settings, and wait until the backend knows: one frame more has arrived."""
    agent = await fake.connection(number)
    await agent.say("SettingsApplied")

    async def arrived() -> bool:
        await socket.send(media(b"\xff" * 160))
        return bool(agent.audio)

    await until(arrived)
    agent.audio.clear()
    return agent


@pytest.mark.anyio
async def test_a_call_is_carried_to_the_agent_and_back_and_written_down() -> None:
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url, DEEPGRAM_API_KEY="the key") as it:
        assert f"wss://{it.address}{STREAM}" in await it.dial("CA1")
        async with it.stream() as socket:
            await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            await socket.send(it.start("CA1"))
            agent = await fake.connection()
            assert fake.headers == ["Token the key"]
            assert [text["type"] for text in agent.texts] == ["Settings", "InjectAgentMessage"]
            assert agent.texts[0]["audio"]["output"]["container"] == "none"
            assert agent.texts[1]["content"] == "Welcome"
            assert (await it.call("in_progress"))["answer_time"] is not None

            await socket.send(media(b"too early"))
            await is_open(socket)
            assert agent.audio == []  # nothing is heard before SettingsApplied
            await applied(fake, socket)
            for frame in FRAMES:
                await socket.send(media(frame))
            await socket.send(media(b"\x00" * 3001))  # its base64 is over 4000 characters
            await socket.send(media(b"end"))
            await until(lambda: b"end" in agent.audio)
            assert [audio for audio in agent.audio if audio != b"\xff" * 160] == [*FRAMES, b"end"]

            chunks = [b"a" * 160, b"b" * 1920, b"c"]
            for chunk in chunks:
                await agent.socket.send(chunk)
            for chunk in chunks:  # one message for each binary frame
                assert json.loads(await socket.recv()) == {
                    "event": "media",
                    "streamSid": "MZ-CA1",
                    "media": {"payload": base64.b64encode(chunk).decode()},
                }

            await agent.say("Welcome", request_id="r")
            await agent.say("ConversationText", role="assistant", content=" ".join(["word"] * 20))
            await agent.say("UserStartedSpeaking")
            await agent.say("ConversationText", role="user", content="Where is the rose garden")
            await agent.say("Error", code="SLOW", message="be quick")
            await agent.socket.send(b"after the words")
            assert json.loads(await socket.recv()) == {"event": "clear", "streamSid": "MZ-CA1"}
            await socket.recv()
            await socket.send('{"event":"stop","stop":{"callSid":"CA1"},"streamSid":"MZ-CA1"}')
            call = await it.call("completed")
            await asyncio.wait_for(agent.closed.wait(), 10)
            await is_open(socket)  # the platform does not close after `stop` either
            await it.open_streams(0)

        assert call["cost_cents"] == 100 + 25 // 10
        assert 0 <= call["duration_seconds"] < 20
        assert call["end_time"] >= call["answer_time"]
        path = f"/api/telephony/calls/{call['id']}/messages"
        messages = (await it.member.call("GET", path)).json()["messages"]
        assert [(each["message_type"], each["sender"]["type"]) for each in messages] == [
            ("transcript", "agent"),
            ("transcript", "customer"),
            ("summary", "system"),
        ]
        assert messages[2]["content"] == WITHOUT_A_MODEL
        assert messages[1]["content"] == "Where is the rose garden"
        assert messages[1]["sender"]["phone_number"] == CALLER
        text = (await it.member.call("GET", f"{path}/transcript")).json()["transcript"]
        assert text.endswith("Where is the rose garden")
        counts = (await it.metrics())["voice_agent"]
        assert (counts["calls"], counts["packets_dropped"], counts["agent_errors"]) == (1, 1, 1)
        assert counts["agent_failures"] == 0
        metrics = await it.metrics()
        assert (counts["summaries"], metrics["usage_records"], metrics["call_conversations"]) == (1, 3, 1)


@pytest.mark.anyio
async def test_a_call_is_summarised_before_its_stream_is_over() -> None:
    slow = {"OPENAI_FIRST_TOKEN_MS": "1000", "OPENAI_TOKENS_PER_SECOND": "0"}
    with serving("openai", **slow) as openai:
        vendor = {"OPENAI_BASE_URL": f"http://{openai}/v1"}
        async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url, **vendor) as it, AsyncExitStack() as callers:
            sockets = [await callers.enter_async_context(it.stream()) for _ in range(2)]
            for number, socket in enumerate(sockets):
                await socket.send(it.start(f"CA{number}"))
                agent = await applied(fake, socket, number)
                await agent.say("ConversationText", role="user", content="When are you open?")
                await agent.socket.send(b"after the words")
                await socket.recv()
            for socket in sockets:
                await socket.send('{"event":"stop"}')
            call = await it.call("completed")
            assert (call["summary"], (await it.metrics())["voice_sockets"]) == (None, 2)
            await it.open_streams(0)
            assert all(call["summary"].startswith("The caller ") for call in await it.calls())
            assert (await it.metrics())["voice_agent"]["summaries"] == 2


@pytest.mark.anyio
async def test_a_caller_who_just_goes_ends_the_call() -> None:
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url) as it:
        async with it.stream() as socket:
            await socket.send(it.start("CA-unknown"))  # no webhook announced it: a row is made
            agent = await applied(fake, socket)
        call = await it.call("completed")
        assert (call["call_sid"], call["customer_phone_number"]) == ("CA-unknown", CALLER)
        assert call["cost_cents"] == 100
        await asyncio.wait_for(agent.closed.wait(), 10)


@pytest.mark.anyio
async def test_a_call_goes_on_without_its_agent() -> None:
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url) as it:
        fake.refuse = 401

        async def failures(number: int) -> None:
            async def counted() -> bool:
                return bool((await it.metrics())["voice_agent"].get("agent_failures") == number)

            await until(counted)

        async def talk(socket: ClientConnection) -> None:
            for frame in FRAMES:
                await socket.send(media(frame))
            await is_open(socket)
            assert (await it.calls())[0]["status"] == "in_progress"
            await socket.send('{"event":"stop"}')
            assert (await it.call("completed"))["cost_cents"] == 100

        async with it.stream() as socket:
            await socket.send(it.start("CA1"))
            await failures(1)
            assert len(fake.headers) == 1
            await talk(socket)

        fake.refuse = None
        async with it.stream() as socket:
            await socket.send(it.start("CA2"))
            agent = await applied(fake, socket)
            agent.socket.transport.abort()
            await failures(2)
            await talk(socket)

    async with lab(DEEPGRAM_AGENT_URL="ws://127.0.0.1:1/nobody") as it, it.stream() as socket:
        await socket.send(it.start("CA3"))
        await failures(1)
        await talk(socket)


@pytest.mark.anyio
async def test_the_agent_is_kept_alive() -> None:
    pace = {"BACKEND_AGENT_KEEP_ALIVE_AFTER_S": "0.05", "BACKEND_AGENT_KEEP_ALIVE_EVERY_S": "0.02"}
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url, **pace) as it, it.stream() as socket:
        await socket.send(it.start("CA1"))
        agent = await fake.connection()
        await until(lambda: len(agent.texts) >= 5)
        assert agent.texts[2:5] == [{"type": "KeepAlive"}] * 3


@pytest.mark.anyio
async def test_an_agent_that_does_not_read_costs_audio_and_not_memory() -> None:
    chunk = bytes(200_000)
    limits = {
        "BACKEND_MEDIA_PAYLOAD_CHARS": "1000000",
        "BACKEND_MEDIA_AUDIO_BYTES": "1000000",
        "BACKEND_MEDIA_PACKETS_PER_S": "100000",
    }
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url, **limits) as it, it.stream() as socket:
        await socket.send(it.start("CA1"))
        agent = await fake.connection()
        fake.listening = False
        await agent.say("SettingsApplied")
        await agent.socket.send(b"applied")
        await socket.recv()
        for _ in range(150):  # 30 MB: more than every buffer on the way
            await socket.send(media(chunk))
        await is_open(socket)
        await socket.send('{"event":"stop"}')
        await it.call("completed")

        async def dropped() -> bool:
            return bool((await it.metrics())["voice_agent"].get("backlog_dropped", 0) > 10)

        await until(dropped)


BROKEN: dict[str, str | bytes] = {
    "a binary frame": b"\x00",
    "not JSON": "hello",
    "no parameters": '{"event":"start","start":{"streamSid":"MZ"}}',
}


@pytest.mark.anyio
async def test_what_the_backend_cannot_use_ends_the_handling_silently() -> None:
    async with agents() as fake, lab(DEEPGRAM_AGENT_URL=fake.url) as it, AsyncExitStack() as stack:
        messages: list[str | bytes] = [*BROKEN.values(), it.start("CA1", org_phone="+15550000000")]
        for message in messages:
            socket = await stack.enter_async_context(it.stream())
            await it.open_streams(1)
            await socket.send(message)
            await it.open_streams(0)
            await socket.send(it.start("CA1"))  # too late: nobody listens any more
            await is_open(socket)
        assert (await it.metrics())["voice_agent"]["broken"] == len(messages)
        assert await it.calls() == []
        assert fake.connections == []


@pytest.mark.anyio
async def test_a_number_of_streams_may_be_open_and_the_next_is_refused() -> None:
    async with lab() as it, AsyncExitStack() as stack:
        for path in ("/api/ws/nothing", "/ws/telephony/voice-agent/stream", "/api/ws/telephony/stream/CA1"):
            with pytest.raises(InvalidStatus) as unknown:
                await stack.enter_async_context(it.stream(path))
            assert unknown.value.response.status_code == 403
        sockets = [await stack.enter_async_context(it.stream()) for _ in range(50)]
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(it.stream())
        assert refused.value.response.status_code == 403
        await sockets[0].close()
        await sockets[1].send('{"event":"stop"}')
        await it.open_streams(48)
        for _ in range(2):
            await stack.enter_async_context(it.stream())
        with pytest.raises(InvalidStatus):
            await stack.enter_async_context(it.stream())
        assert (await it.metrics())["voice_agent"]["refused"] == 2


@pytest.mark.anyio
async def test_the_signature_is_checked_over_the_url_that_the_server_sees() -> None:
    async with lab() as it:
        assert "<Connect>" in await it.dial("CA1")
        assert "<Connect>" not in await it.dial("CA2", "https")
        assert "<Connect>" in await it.dial("CA3", "https", **{"X-Forwarded-Proto": "https"})
        assert "<Connect>" not in await it.dial("CA4", "http", **{"X-Forwarded-Proto": "https"})
        assert [call["call_sid"] for call in await it.calls()] == ["CA3", "CA1"]


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("BACKEND_BCRYPT_ROUNDS", "3", "BACKEND_BCRYPT_ROUNDS is '3'"),
        ("DEEPGRAM_AGENT_URL", "http://127.0.0.1:1", "DEEPGRAM_AGENT_URL is 'http://127.0.0.1:1'"),
        ("BACKEND_JWT_SECRET", "short", "BACKEND_JWT_SECRET is not shown"),
    ],
)
def test_a_bad_setting_is_refused_with_its_name(variable: str, value: str, named: str) -> None:
    assert refusal_to_start("backend", **{variable: value}).startswith(f"backend: {named}")
