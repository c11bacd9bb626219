"""`stream-input` over real sockets: the SDK's realtime conversion, keys, errors, places and time-outs."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect

from tests.mock_services.elevenlabs.support import AT_ONCE, KEY, RACHEL, read_mp3
from tests.support.doubles import serving
from tests.support.waiting import wait_until

HEADERS = {"xi-api-key": KEY}
BLANK = {"text": " "}


def socket(address: str, query: str = "", voice: str = RACHEL, **options: Any) -> ClientConnection:
    options.setdefault("additional_headers", HEADERS)
    url = f"ws://{address}/v1/text-to-speech/{voice}/stream-input?{query}"
    connection: ClientConnection = connect(url, max_size=None, **options)
    return connection


def tell(connection: ClientConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        connection.send(json.dumps(message))


def refusal(connection: ClientConnection) -> str:
    """Receive the message that ends a socket, and see that it is closed; give the error's word."""
    message = json.loads(connection.recv(timeout=10))
    assert message["code"] == 1008
    assert message["message"]
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=10)
    assert closed.value.rcvd == Close(1008, message["error"])
    word: str = message["error"]
    return word


def realtime(client: ElevenLabs, address: str, texts: Iterator[str], **options: Any) -> bytes:
    """Convert through the SDK, which would insist on TLS."""
    client.text_to_speech._ws_base_url = f"ws://{address}"
    return b"".join(client.text_to_speech.convert_realtime(RACHEL, text=texts, **options))


@pytest.mark.filterwarnings("ignore:ConnectionClosed.(code|reason) is deprecated")  # the SDK still uses them
def test_the_sdk_streams_text_in_and_hears_it(stub: str, client: ElevenLabs) -> None:
    text = "We are open from nine to five. Would you like to see the chapel?"
    audio = realtime(client, stub, iter(text), model_id="eleven_flash_v2_5")
    assert read_mp3(audio).duration_s == pytest.approx(len(text) / 15, abs=0.3)
    with pytest.raises(ApiError) as refused:
        realtime(client, stub, iter(["Hello."]), model_id="eleven_v9")
    assert refused.value.status_code == 1008
    assert "model_not_found" in str(refused.value.body)


def test_a_conversation_on_the_wire(stub: str) -> None:
    with socket(stub, "output_format=ulaw_8000&model_id=eleven_turbo_v2_5") as connection:
        tell(connection, BLANK, {"text": "Hello there. ", "flush": True})
        message = json.loads(connection.recv(timeout=10))
        assert "".join(message["alignment"]["chars"]) == "Hello there. "
        assert len(base64.b64decode(message["audio"])) == pytest.approx(8000 * 13 / 15, abs=1)
        tell(connection, {"text": ""})
        assert json.loads(connection.recv(timeout=10))["isFinal"] is True
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


def test_the_key_may_come_with_the_first_message_or_the_url(stub: str) -> None:
    with socket(stub, additional_headers={}) as connection:
        tell(connection, {**BLANK, "xi_api_key": KEY}, {"text": "Hello.", "flush": True})
        assert json.loads(connection.recv(timeout=10))["audio"]
    with socket(stub, f"authorization=Bearer%20{KEY}", additional_headers={}) as connection:
        tell(connection, BLANK, {"text": "Hello.", "flush": True})
        assert json.loads(connection.recv(timeout=10))["audio"]


def test_what_is_wrong_is_said_in_a_message(stub: str) -> None:
    httpx.post(f"http://{stub}/__lab/reset")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"additional_headers": {"xi-api-key": "wrong"}}, "invalid_api_key"),
        ({"voice": "nobody"}, "voice_not_found"),
        ({"query": "model_id=eleven_v9"}, "model_not_found"),
        ({"query": "output_format=mp3"}, "invalid_parameters"),
        ({"query": "inactivity_timeout=900"}, "invalid_parameters"),
        ({"query": "output_format=opus_48000_64"}, "output_format_not_allowed"),
    ]
    for options, error in cases:
        with socket(stub, **options) as connection:
            assert refusal(connection) == error
    with socket(stub, additional_headers={}) as connection:
        tell(connection, BLANK)
        assert refusal(connection) == "needs_authorization"
    with socket(stub) as connection:
        connection.send("not json")
        assert refusal(connection) == "invalid_input_message"
    with socket(stub, "inactivity_timeout=1") as connection:
        begun = time.monotonic()
        assert refusal(connection) == "input_timeout_exceeded"
        assert 0.9 < time.monotonic() - begun < 5
    counted = httpx.get(f"http://{stub}/__lab/metrics").json()["elevenlabs"]["socket_errors"]
    assert counted["invalid_parameters"] == 2
    assert sum(counted.values()) == 9


def test_a_socket_that_speaks_takes_a_place_until_it_closes() -> None:
    with serving("elevenlabs", ELEVENLABS_MAX_CONCURRENT="1", **AT_ONCE) as address:

        def speak() -> int:
            url = f"http://{address}/v1/text-to-speech/{RACHEL}"
            return httpx.post(url, headers=HEADERS, json={"text": "Hello."}).status_code

        with socket(address) as silent, socket(address) as first:
            tell(silent, BLANK)
            tell(first, BLANK, {"text": "Hello.", "flush": True})
            assert json.loads(first.recv(timeout=10))["audio"]
            tell(silent, {"text": "Me too.", "flush": True})
            assert refusal(silent) == "too_many_concurrent_requests"
            assert speak() == 429
        wait_until(lambda: speak() != 429, "place that came back", 5)


def test_a_bare_path_has_no_socket(stub: str) -> None:
    with pytest.raises(Exception, match="HTTP 403"):
        connect(f"ws://{stub}/v1/text-to-speech/{RACHEL}/elsewhere", additional_headers=HEADERS)
