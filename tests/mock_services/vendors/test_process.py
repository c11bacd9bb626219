"""The vendors' process over real sockets: a whole conversation, who is let in, and how vendors are told apart."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from socket import create_connection
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from mock_services.core.speech import FRAME_BYTES, SILENCE, is_voiced, load_recordings
from tests.support.doubles import ROOT, refusal_to_start, serving
from tests.support.waiting import wait_until

KEY = "1ab0000000000000000000000000000000deeb9a"
TOKEN = {"Authorization": f"Token {KEY}"}
CALLER = {line.topic: line for line in load_recordings("caller")}
AGENT = {line.topic: line for line in load_recordings("agent")}
QUIET = bytes([SILENCE]) * FRAME_BYTES
FORMAT = {"encoding": "mulaw", "sample_rate": 8000}
SETTINGS = {
    "type": "Settings",
    "flags": {"history": False},
    "audio": {"input": FORMAT, "output": FORMAT},
    "agent": {"think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "Answer the phone."}},
}


@pytest.fixture(scope="module")
def vendors() -> Iterator[str]:
    with serving("vendors", DEEPGRAM_SPEED="20", DEEPGRAM_THINK_MS="100", DEEPGRAM_SPEAK_MS="50") as address:
        yield address


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """Deepgram alone: strict, with room for one session, and impatient."""
    limits = {"DEEPGRAM_LENIENT": "false", "DEEPGRAM_MAX_SESSIONS": "1", "DEEPGRAM_IDLE_TIMEOUT_MS": "300"}
    with serving("deepgram", DEEPGRAM_API_KEY="another key", **limits) as address:
        yield address


def agent(address: str, path: str = "/deepgram/v1/agent/converse", **options: Any) -> ClientConnection:
    options.setdefault("additional_headers", TOKEN)
    socket: ClientConnection = connect(f"ws://{address}{path}", **options)
    return socket


def tell(socket: ClientConnection, message: dict[str, Any]) -> None:
    socket.send(json.dumps(message))


def speak(socket: ClientConnection, audio: bytes) -> None:
    """Send audio as fast as the socket takes it: the stub counts in audio time."""
    for start in range(0, len(audio), FRAME_BYTES):
        socket.send(audio[start : start + FRAME_BYTES])


def until(socket: ClientConnection, kind: str) -> tuple[list[dict[str, Any]], bytes]:
    """Receive up to the first text message of a kind; give the texts and the audio."""
    texts: list[dict[str, Any]] = []
    audio = b""
    while True:
        message = socket.recv(timeout=10)
        if isinstance(message, bytes):
            audio += message
        else:
            texts.append(json.loads(message))
            if texts[-1]["type"] == kind:
                return texts, audio


def refusal(address: str, path: str = "/deepgram/v1/agent/converse", **options: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as refused:
        agent(address, path, **options)
    return refused.value


def eventually_metrics(address: str, path: str, name: str, value: object) -> dict[str, Any]:
    """Fetch the voice agent's metrics until one has a value."""
    with httpx.Client(base_url=f"http://{address}") as stub:

        def metrics() -> dict[str, Any]:
            counted: dict[str, Any] = stub.get(path).json()["voice_agent"]
            return counted

        wait_until(lambda: metrics()[name] == value, f"{value} as {name}", 10)
        return metrics()


def test_a_call_is_greeted_and_answered_with_real_speech(vendors: str) -> None:
    httpx.post(f"http://{vendors}/__lab/reset")
    with agent(vendors) as socket:
        tell(socket, SETTINGS)
        tell(socket, {"type": "InjectAgentMessage", "content": AGENT["greeting"].text})
        texts, audio = until(socket, "AgentAudioDone")
        assert [text["type"] for text in texts] == ["Welcome", "SettingsApplied", "ConversationText", "AgentAudioDone"]
        assert socket.response is not None
        assert texts[0]["request_id"] == socket.response.headers["dg-request-id"]
        assert audio == AGENT["greeting"].ulaw

        speak(socket, CALLER["prices"].ulaw + QUIET * 20)
        spoken_at = time.perf_counter()
        texts, audio = until(socket, "ConversationText")
        assert texts[-1] == {"type": "ConversationText", "role": "user", "content": CALLER["prices"].text}
        texts, _ = until(socket, "ConversationText")
        assert [text["type"] for text in texts] == ["AgentThinking", "ConversationText"]
        first = socket.recv(timeout=10)
        assert time.perf_counter() - spoken_at >= 0.145, "the stub takes the time it is set to take"
        assert isinstance(first, bytes)
        assert is_voiced(first)
        _, rest = until(socket, "AgentAudioDone")
        assert first + rest == AGENT["prices"].ulaw
    metrics = eventually_metrics(vendors, "/deepgram/__lab/metrics", "open_sessions", 0)
    assert (metrics["sessions"], metrics["greetings"], metrics["user_turns"]) == (1, 1, 1)
    assert metrics["turn_delay_ms"]["p50"] == 550
    assert metrics["delays"]["turn_ms"] == 550
    assert metrics["audio_bytes_sent"] == len(AGENT["greeting"].ulaw) + len(AGENT["prices"].ulaw)


def test_the_examples_of_the_page_run(vendors: str) -> None:
    page = (ROOT / "docs" / "deepgram.md").read_text(encoding="utf-8")
    conversation, file = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert run_example(conversation, vendors) == f"{AGENT['greeting'].duration_ms / 1000:.2f} s of greeting\n"
    (channel,) = json.loads(run_example(file, vendors))["results"]["channels"]
    assert channel["alternatives"][0]["transcript"] == CALLER["hours"].text


def run_example(example: str, address: str) -> str:
    command = [sys.executable, "-c", example.replace("127.0.0.1:8020", address)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert ran.stderr == ""
    return ran.stdout


def test_speaking_stops_the_agent() -> None:
    with serving("vendors", DEEPGRAM_SPEED="1") as address, agent(address) as socket:
        tell(socket, SETTINGS)
        tell(socket, {"type": "InjectAgentMessage", "message": AGENT["hours"].text})
        until(socket, "ConversationText")
        assert isinstance(socket.recv(timeout=10), bytes)
        speak(socket, CALLER["hello"].ulaw)
        until(socket, "UserStartedSpeaking")
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        speak(socket, QUIET * 20)
        texts, audio = until(socket, "AgentThinking")
        assert texts[0]["content"] == CALLER["hello"].text
        assert audio == b""
        metrics = httpx.get(f"http://{address}/deepgram/__lab/metrics").json()["voice_agent"]
        assert metrics["barge_ins"] == 1
        assert metrics["audio_bytes_sent"] < len(AGENT["hours"].ulaw)


@pytest.mark.parametrize(
    ("options", "subprotocol"),
    [
        ({"additional_headers": {"Authorization": f"Bearer {KEY}"}}, None),
        ({"additional_headers": {"Authorization": f"token {KEY}"}}, None),
        ({"additional_headers": {}, "subprotocols": [Subprotocol("token"), Subprotocol(KEY)]}, "token"),
    ],
    ids=["Bearer", "lower case", "a browser's subprotocol"],
)
def test_the_key_may_come_in_several_ways(vendors: str, options: dict[str, Any], subprotocol: str | None) -> None:
    with agent(vendors, **options) as socket:
        assert socket.subprotocol == subprotocol
        until(socket, "Welcome")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Token wrong"}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}],
)
def test_without_the_key_the_handshake_is_refused_as_deepgram_refuses_it(vendors: str, headers: dict[str, str]) -> None:
    httpx.post(f"http://{vendors}/__lab/reset")
    response = refusal(vendors, additional_headers=headers).response
    body = json.loads(response.body or b"")
    assert response.status_code == 401
    assert (body["err_code"], body["err_msg"]) == ("INVALID_AUTH", "Invalid credentials.")
    assert body["request_id"] == response.headers["dg-request-id"]
    metrics = httpx.get(f"http://{vendors}/deepgram/__lab/metrics").json()
    assert metrics["requests"] == {"WS /v1/agent/converse": {"401": 1}}


def test_a_strict_stub_with_one_place(guarded: str) -> None:
    right = {"Authorization": "Token another key"}
    with agent(guarded, "/v1/agent/converse", additional_headers=right) as socket:
        response = refusal(guarded, "/v1/agent/converse", additional_headers=right).response
        assert response.status_code == 429
        assert json.loads(response.body or b"")["err_code"] == "TOO_MANY_REQUESTS"
        tell(socket, SETTINGS)
        tell(socket, {"type": "InjectAgentMessage", "content": "Hello!"})
        texts, _ = until(socket, "Error")
        assert texts[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd == Close(1008, "UNPARSABLE_CLIENT_MESSAGE")
    eventually_metrics(guarded, "/__lab/metrics", "open_sessions", 0)
    with agent(guarded, "/v1/agent/converse", additional_headers=right) as socket:
        texts, _ = until(socket, "Error")
        assert texts[-1]["code"] == "CLIENT_MESSAGE_TIMEOUT"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd == Close(1011, "CLIENT_MESSAGE_TIMEOUT")


def test_a_client_that_reads_nothing_holds_up_nobody_else(vendors: str) -> None:
    with agent(vendors, max_queue=1, close_timeout=0.1) as deaf, agent(vendors) as socket:
        tell(deaf, SETTINGS)
        for _ in range(8):
            tell(deaf, {"type": "InjectAgentMessage", "message": "words " * 200, "behavior": "queue"})
        tell(socket, SETTINGS)
        tell(socket, {"type": "InjectUserMessage", "content": "too early"})
        texts, _ = until(socket, "SettingsApplied")
        assert [text["type"] for text in texts] == ["Welcome", "InjectionRefused", "SettingsApplied"]
        tell(socket, {"type": "InjectUserMessage", "content": CALLER["hours"].text})
        assert until(socket, "AgentAudioDone")[1] == AGENT["hours"].ulaw


def test_the_vendors_own_host_name_leads_to_it(vendors: str) -> None:
    host, _, port = vendors.partition(":")
    tcp = create_connection((host, int(port)))
    with connect("ws://agent.deepgram.com/v1/agent/converse", sock=tcp, additional_headers=TOKEN) as socket:
        until(socket, "Welcome")
    answer = httpx.get(f"http://{vendors}/v1/none", headers={"Host": "api.deepgram.com"})
    assert (answer.status_code, answer.json()["err_code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/v1/agent/converse", "/deepgrams/v1/agent/converse", "/deepgram", "/deepgram/v1"])
def test_a_socket_at_any_other_path_is_refused(vendors: str, path: str) -> None:
    assert refusal(vendors, path).response.status_code == 403


def test_the_process_and_each_vendor_tell_their_health(vendors: str) -> None:
    for path, service in (("/__lab/health", "vendors"), ("/deepgram/__lab/health", "deepgram")):
        answer = httpx.get(f"http://{vendors}{path}")
        assert (answer.status_code, answer.json()["service"], answer.json()["status"]) == (200, service, "ok")
    by_host = httpx.get(f"http://{vendors}/__lab/health", headers={"Host": "agent.deepgram.com:443"})
    assert by_host.json()["service"] == "deepgram"
    nowhere = httpx.get(f"http://{vendors}/nowhere")
    assert nowhere.status_code == 404
    assert "/deepgram/" in nowhere.json()["detail"]


def test_metrics_and_reset_of_the_process_cover_every_vendor(vendors: str) -> None:
    with agent(vendors) as socket:
        until(socket, "Welcome")
        counted = httpx.get(f"http://{vendors}/__lab/metrics").json()["vendors"]["deepgram"]["voice_agent"]
        assert counted["sessions"] >= 1
        assert counted["open_sessions"] >= 1
        httpx.post(f"http://{vendors}/__lab/reset")
        after = httpx.get(f"http://{vendors}/__lab/metrics").json()["vendors"]["deepgram"]
        assert after["voice_agent"]["sessions"] == 0
        assert after["requests"] == {}


def test_a_bad_setting_ends_the_process_with_its_name() -> None:
    assert refusal_to_start("vendors", DEEPGRAM_SPEED="fast").startswith("vendors: DEEPGRAM_SPEED is 'fast': ")
