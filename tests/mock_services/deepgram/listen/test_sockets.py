"""Live transcription over real sockets, with the official SDK and with a plain client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect

from tests.mock_services.deepgram.listen.sounds import CALLER, KEY, pcm, pcm_silence, wave
from tests.mock_services.deepgram.listen.test_session import PLATFORM
from tests.support.doubles import serving
from tests.support.waiting import wait_until

# The SDK imports a name that websockets calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

QUERY = "&".join(f"{name}={value}" for name, value in PLATFORM.items())
TOKEN = {"Authorization": f"Token {KEY}"}


@pytest.fixture(scope="module")
def stub() -> Iterator[str]:
    quick = {"DEEPGRAM_LISTEN_RESULT_MS": "20", "DEEPGRAM_LISTEN_FILE_MS": "20", "DEEPGRAM_MAX_STREAMS": "2"}
    with serving("deepgram", **quick, DEEPGRAM_LISTEN_IDLE_TIMEOUT_MS="1500") as address:
        yield address


@pytest.fixture
def sdk(stub: str) -> Iterator[DeepgramClient]:
    with httpx.Client() as http:
        yield DeepgramClient(api_key=KEY, environment=environment(stub), httpx_client=http)


def environment(stub: str) -> DeepgramClientEnvironment:
    http, ws = f"http://{stub}", f"ws://{stub}"
    return DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)


def live(stub: str, query: str = QUERY, **options: Any) -> ClientConnection:
    options.setdefault("additional_headers", TOKEN)
    socket: ClientConnection = connect(f"ws://{stub}/v1/listen?{query}", **options)
    return socket


def test_the_official_sdk_transcribes_live(sdk: DeepgramClient) -> None:
    line = CALLER["visit"]
    audio = pcm(line.ulaw) + pcm_silence(2000)
    options: dict[str, Any] = {
        "model": "nova-3",
        "encoding": "linear16",
        "sample_rate": 16_000,
        "interim_results": True,
        "utterance_end_ms": 1500,
        "vad_events": True,
        "smart_format": True,
        "endpointing": 300,
    }
    kinds: list[type] = []
    transcripts: list[str] = []
    with sdk.listen.v1.connect(**options) as connection:
        connection.send_keep_alive()
        for start in range(0, len(audio), 3200):
            connection.send_media(audio[start : start + 3200])
        connection.send_finalize()
        connection.send_close_stream()
        for message in connection:
            kinds.append(type(message))
            if isinstance(message, ListenV1Results) and message.is_final:
                assert message.metadata.model_info.arch == "nova-3"
                transcripts.append(message.channel.alternatives[0].transcript)
    assert " ".join(filter(None, transcripts)) == line.text
    assert kinds[0] is ListenV1SpeechStarted
    assert kinds[-1] is ListenV1Metadata
    assert ListenV1UtteranceEnd in kinds


def test_the_official_sdk_transcribes_a_file(sdk: DeepgramClient) -> None:
    answer: Any = sdk.listen.v1.media.transcribe_file(
        request=wave(pcm(CALLER["plot"].ulaw) + pcm_silence(500)),
        model="nova-3",
        smart_format=True,
        paragraphs=True,
        utterances=True,
        detect_language=True,
    )
    (channel,) = answer.results.channels
    assert channel.alternatives[0].transcript == CALLER["plot"].text
    assert channel.alternatives[0].words[0].punctuated_word == "My"
    assert channel.alternatives[0].paragraphs.paragraphs[0].sentences[0].text == "My mother passed away last night."
    assert channel.detected_language == "en"
    assert answer.results.utterances[0].transcript == CALLER["plot"].text
    assert answer.metadata.duration == pytest.approx(5.64)
    with pytest.raises(ApiError) as refused:
        sdk.listen.v1.media.transcribe_file(request=b"no audio", model="nova-3")
    assert refused.value.status_code == 400
    assert refused.value.body["err_code"] == "Bad Request"


def test_the_official_sdk_sees_a_refused_handshake(stub: str) -> None:
    with httpx.Client() as http:
        client = DeepgramClient(api_key="wrong", environment=environment(stub), httpx_client=http)
        with pytest.raises((InvalidStatus, ApiError)) as refused, client.listen.v1.connect(model="nova-3"):
            pass
    assert "401" in str(refused.value)


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        (QUERY, {"Authorization": "Token wrong"}, 401, "INVALID_AUTH"),
        (QUERY, {}, 401, "INVALID_AUTH"),
        ("model=gpt-4", TOKEN, 400, "Bad Request"),
        ("encoding=opus&sample_rate=48000", TOKEN, 400, "Bad Request"),
        ("utterance_end_ms=1500", TOKEN, 400, "Bad Request"),
    ],
)
def test_a_handshake_is_refused_with_its_reason(
    stub: str, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        live(stub, query, additional_headers=headers)
    response = refused.value.response
    body = json.loads(response.body or b"")
    assert (response.status_code, body["err_code"]) == (status, code)
    assert response.headers["dg-error"] == body["err_msg"]
    assert response.headers["dg-request-id"] == body["request_id"]


def test_a_stream_that_is_left_alone_is_closed(stub: str) -> None:
    with live(stub) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011
        assert "NET-0001" in closed.value.rcvd.reason


def test_the_end_is_in_order_and_the_places_are_counted(stub: str) -> None:
    httpx.post(f"http://{stub}/__lab/reset")
    with live(stub) as socket, live(stub, "model=nova-2"):
        assert socket.response is not None
        request_id = socket.response.headers["dg-request-id"]
        with pytest.raises(InvalidStatus) as full:
            live(stub)
        assert full.value.response.status_code == 429
        socket.send(pcm(CALLER["hello"].ulaw) + pcm_silence(100))
        socket.send('{"type":"CloseStream"}')
        messages = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                messages.append(json.loads(socket.recv(timeout=10)))
        assert closed.value.rcvd == Close(1000, "")
        assert messages[-1]["type"] == "Metadata"
        assert messages[-1]["request_id"] == request_id
        assert messages[-2]["is_final"]

    def listening() -> dict[str, Any]:
        counted: dict[str, Any] = httpx.get(f"http://{stub}/__lab/metrics").json()["listen"]
        return counted

    wait_until(lambda: not listening()["busy"], "end of the streams", 10)
    metrics = listening()
    assert (metrics["streams"], metrics["refused"], metrics["audio_ms"]) == (2, 1, 1800)
    assert metrics["lateness_ms"]["count"] > 0
