"""Live speech to text over real sockets: through the backend's process into the Deepgram double's, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
import websocket
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.mock_services.backend.agents import until as eventually
from tests.mock_services.backend.conversations.talk import TIME, Talk, receive, talk, tell, until
from tests.mock_services.deepgram.listen.sounds import CALLER, pcm, pcm_silence
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

STREAMING = "/api/ws/voice/streaming-stt"
STREAM = "/api/ws/stt/stream"
FRAME = 640
QUICK = {"DEEPGRAM_LISTEN_RESULT_MS": "10"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def deepgram() -> Iterator[str]:
    with serving("deepgram", **QUICK) as address:
        yield address


@pytest.fixture(scope="module")
async def it(deepgram: str) -> AsyncIterator[Talk]:
    async with talk(DEEPGRAM_LISTEN_URL=f"ws://{deepgram}/v1/listen") as it:
        yield it


@asynccontextmanager
async def dictating(
    it: Talk, path: str = STREAMING, query: str = "", **options: Any
) -> AsyncIterator[ClientConnection]:
    member = await it.member()
    async with it.socket(f"{path}?token={member.access_token}{query}", **options) as socket:
        greeting = await receive(socket)
        assert set(greeting) == {"type", "message", "connection_id", "timestamp"}
        assert greeting["type"] == "connected"
        assert TIME.fullmatch(greeting["timestamp"])
        yield socket


async def speak(socket: ClientConnection, topic: str, pause_ms: int = 400) -> None:
    audio = pcm(CALLER[topic].ulaw) + pcm_silence(pause_ms)
    for start in range(0, len(audio), FRAME):
        await socket.send(audio[start : start + FRAME])


@pytest.mark.parametrize("path", [STREAMING, STREAM])
async def test_speech_becomes_words(it: Talk, path: str) -> None:
    async with dictating(it, path) as socket:
        await tell(socket, "start_transcription")
        ready = await receive(socket)
        assert ready["type"] == "transcription_ready"
        assert (ready.get("language"), ready.get("model")) == (("en-US", "nova-2") if path == STREAM else (None, None))
        await speak(socket, "hours")
        transcripts = await until(socket, "transcript", speech_final=True)
        last = transcripts[-1]
        assert {message["type"] for message in transcripts} == {"transcript"}
        assert (last["is_final"], last["transcript"]) == (True, CALLER["hours"].text)
        assert [word["punctuated_word"] for word in last["words"]] == CALLER["hours"].text.split()
        assert 0.9 < last["confidence"] < 1
        assert ("detected_language" in last) == (path == STREAM)
        assert all(message["transcript"] for message in transcripts)

        await tell(socket, "stop_transcription")
        assert (await until(socket, "transcription_stopped"))[-1]["type"] == "transcription_stopped"
        await tell(socket, "stop_transcription")  # nothing runs: nothing is said
        await speak(socket, "thanks")  # and a new one begins
        assert (await until(socket, "transcript", speech_final=True))[-1]["transcript"] == CALLER["thanks"].text


async def test_what_was_said_before_the_stop_is_written_down_before_it(it: Talk) -> None:
    async with dictating(it) as socket:
        await speak(socket, "hello", pause_ms=0)
        await tell(socket, "stop_transcription")
        messages = await until(socket, "transcription_stopped")
        assert messages[-2]["transcript"] == CALLER["hello"].text
        assert messages[-2]["is_final"]


async def test_language_and_model_are_chosen_on_one_of_the_sockets(it: Talk, deepgram: str) -> None:
    run = {"X-Lab-Run-Id": "run-5"}
    async with dictating(it, STREAM, "&language=de&model=nova-3", additional_headers=run) as socket:
        await tell(socket, "start_transcription", model="nova-2-phonecall")
        ready = await receive(socket)
        assert (ready["language"], ready["model"]) == ("de", "nova-2-phonecall")
        await speak(socket, "hours")
        assert (await until(socket, "transcript"))[-1]["detected_language"] == "de"
    await eventually(lambda: journalled(it, deepgram))


async def journalled(it: Talk, deepgram: str) -> bool:
    journal = await it.client.get(f"http://{deepgram}/__lab/journal", params={"run_id": "run-5"})
    return [entry["name"] for entry in journal.json()["entries"]] == ["WS /v1/listen"]


async def test_control_messages_and_what_is_none(it: Talk) -> None:
    async with dictating(it) as socket:
        for nothing in ('{"type":"audio","data":"AAAA"}', '{"type":"config"}', '{"type":"stop_transcription"}', "[]"):
            await socket.send(nothing)
        await socket.send(b"")
        for unreadable in ("", "hello"):
            await socket.send(unreadable)
            assert await receive(socket) == {"type": "error", "message": "Invalid control message format"}
        await tell(socket, "ping")
        pong = await receive(socket)
        assert (pong["type"], set(pong)) == ("pong", {"type", "timestamp"})
        stats = (await it.client.get("/api/ws/stats")).json()
        assert stats["other_sockets"]["speech_to_text"] == 1


@pytest.mark.parametrize("path", [STREAMING, STREAM])
async def test_without_a_good_token_the_handshake_is_refused(it: Talk, path: str) -> None:
    member = await it.member()
    for query, headers in (("", member.headers), ("?token=", {}), ("?token=bad", member.headers)):
        with pytest.raises(InvalidStatus) as refused:
            async with it.socket(path + query, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403


async def test_without_deepgram_two_errors_come_and_the_socket_stays_open() -> None:
    async with talk(DEEPGRAM_LISTEN_URL="ws://127.0.0.1:1/v1/listen", BACKEND_STT_CONNECT_S="0.3") as it:
        async with dictating(it) as socket:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await socket.send(bytes(FRAME))
            for _ in range(2):
                error = await receive(socket)
                assert error == {"type": "error", "message": "Failed to start live transcription session"}
            assert loop.time() - begun >= 0.29
            await tell(socket, "ping")
            async with asyncio.timeout(10):
                await (await socket.ping())  # the connection lives; its handler has ended
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.2)
        assert (await it.metrics())["speech_to_text"]["failures"] == 1


class Deepgram:
    """A live transcription of a few lines that a test directs."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.listening = True
        self.url = ""

    async def serve(self, socket: ServerConnection) -> None:
        self.connections.append(socket)
        try:
            while True:
                if not self.listening:
                    await socket.wait_closed()
                await socket.recv()
        except ConnectionClosed:
            pass  # the backend has left


@asynccontextmanager
async def directed() -> AsyncIterator[Deepgram]:
    deepgram = Deepgram()
    async with serve(deepgram.serve, "127.0.0.1", 0, close_timeout=1) as server:
        deepgram.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/listen"
        yield deepgram


async def test_a_session_that_deepgram_ends_is_followed_by_another() -> None:
    async with directed() as deepgram, talk(DEEPGRAM_LISTEN_URL=deepgram.url) as it, dictating(it) as socket:
        await socket.send(bytes(FRAME))
        await eventually(lambda: len(deepgram.connections) == 1)
        assert deepgram.connections[0].request is not None
        assert deepgram.connections[0].request.headers["Authorization"].startswith("Token 1ab0")
        assert "encoding=linear16" in deepgram.connections[0].request.path
        await deepgram.connections[0].send("nonsense")
        await deepgram.connections[0].close(1011, "NET-0001")

        async def reopened() -> bool:
            await socket.send(bytes(FRAME))
            return len(deepgram.connections) == 2

        await eventually(reopened)
        await socket.close()
        async with asyncio.timeout(10):
            await deepgram.connections[1].wait_closed()


async def test_a_deepgram_that_does_not_read_costs_audio_and_not_memory() -> None:
    async with directed() as deepgram, talk(DEEPGRAM_LISTEN_URL=deepgram.url) as it:
        deepgram.listening = False
        async with dictating(it) as socket:
            for _ in range(150):  # 30 MB: more than every buffer on the way
                await socket.send(bytes(200_000))
            await tell(socket, "ping")
            assert (await receive(socket))["type"] == "pong"
            deepgram.connections[0].transport.abort()

        async def dropped() -> bool:
            return bool((await it.metrics())["speech_to_text"].get("audio_dropped", 0) > 10)

        await eventually(dropped)


async def test_the_defect_allows_one_transcription_a_socket(deepgram: str) -> None:
    defect = {"BACKEND_DEFECTS": "stt-one-transcription", "DEEPGRAM_LISTEN_URL": f"ws://{deepgram}/v1/listen"}
    async with talk(**defect) as it:
        for path, second in ((STREAMING, False), (STREAM, True)):
            async with dictating(it, path) as socket:
                await speak(socket, "hello")
                await until(socket, "transcript", speech_final=True)
                await tell(socket, "stop_transcription")
                await until(socket, "transcription_stopped")
                await speak(socket, "thanks")
                await tell(socket, "stop_transcription")
                await tell(socket, "ping")
                kinds = {message["type"] for message in await until(socket, "pong")}
                assert ("transcript" in kinds) == second, path


async def test_the_suites_own_client_dictates_too(it: Talk) -> None:
    member = await it.member()
    url = f"ws://{it.address}{STREAMING}?token={member.access_token}"
    audio = pcm(CALLER["visit"].ulaw) + pcm_silence(400)

    def dictate() -> dict[str, Any]:
        with closing(websocket.create_connection(url, timeout=10)) as socket:
            json.loads(socket.recv())
            for start in range(0, len(audio), 3200):
                socket.send_binary(audio[start : start + 3200])
            while True:
                message: dict[str, Any] = json.loads(socket.recv())
                if message.get("speech_final"):
                    return message

    assert (await asyncio.to_thread(dictate))["transcript"] == CALLER["visit"].text
