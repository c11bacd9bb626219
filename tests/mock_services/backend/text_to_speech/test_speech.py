"""Section 7 of the contract: the voice pages, through ElevenLabs' stub as a process of its own, and without it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import HttpUrl
from starlette.types import Message

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import Member
from tests.support.doubles import serving

pytestmark = pytest.mark.anyio

VOICE = "/api/voice"
NOWHERE = "http://127.0.0.1:9"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
LONG = "Good morning, this is the office. " * 20
without_elevenlabs = pytest.mark.parametrize("settings", [{"elevenlabs_api_url": HttpUrl(NOWHERE)}], indirect=True)


@pytest.fixture(scope="module")
def elevenlabs() -> Iterator[str]:
    with serving("elevenlabs", ELEVENLABS_FIRST_BYTE_MS="0", ELEVENLABS_LOOKUP_MS="0", ELEVENLABS_SPEED="0") as address:
        yield f"http://{address}"


@pytest.fixture
def settings(settings: Settings, elevenlabs: str, request: pytest.FixtureRequest) -> Settings:
    update: dict[str, Any] = {"elevenlabs_api_url": HttpUrl(elevenlabs)} | getattr(request, "param", {})
    return settings.model_copy(update=update)


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    async with backend.lifespan():
        yield backend


async def test_voices_and_models_are_elevenlabs_own(member: Member) -> None:
    voices = (await member.call("GET", f"{VOICE}/tts/voices")).json()["voices"]
    assert RACHEL in [voice["voice_id"] for voice in voices]
    assert (await member.call("GET", f"{VOICE}/tts/voice/{RACHEL}")).json() == voices[0]
    models = (await member.call("GET", f"{VOICE}/tts/models")).json()["models"]
    assert "eleven_turbo_v2_5" in [model["model_id"] for model in models]
    for unknown in ("nobody", "a%2Fb", ".."):
        assert (await member.call("GET", f"{VOICE}/tts/voice/{unknown}")).status_code == 404


@pytest.mark.parametrize("kind", ["data", "files"])
async def test_a_text_is_spoken(member: Member, elevenlabs: str, kind: str) -> None:
    form = {"text": LONG, "stability": "0.9", "use_speaker_boost": "false"}
    parts = {kind: form if kind == "data" else {name: (None, value) for name, value in form.items()}}
    run_id = f"run-{kind}"
    answer = await member.call("POST", f"{VOICE}/tts/synthesize", headers={"X-Lab-Run-Id": run_id}, **parts)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    assert len(answer.content) > 10_000
    async with httpx.AsyncClient() as http:
        journal = (await http.get(f"{elevenlabs}/__lab/journal", params={"run_id": run_id})).json()
    (entry,) = journal["entries"]
    assert entry["path"] == f"/v1/text-to-speech/{RACHEL}"
    assert '"stability":0.9' in entry["body"]
    assert '"use_speaker_boost":false' in entry["body"]

    streamed = await member.call("POST", f"{VOICE}/tts/stream", data=form)
    assert (streamed.status_code, streamed.headers["content-type"]) == (200, "audio/mpeg")
    assert "content-length" not in streamed.headers
    assert len(streamed.content) == len(answer.content)
    chosen = form | {"voice_id": "EXAVITQu4vr4xnSDxMaL", "output_format": "pcm_16000", "tts_model": "eleven_flash_v2_5"}
    answer = await member.call("POST", f"{VOICE}/tts/synthesize", data=chosen)
    assert (answer.status_code, answer.headers["content-type"] != "audio/mpeg") == (200, True)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"text": "Hi", "stability": "high"}, 422),
        ({"text": "Hi", "stability": "nan"}, 422),
        ({"text": "Hi", "stability": "7"}, 400),
        ({"text": "Hi", "voice_id": "nobody"}, 400),
        ({"text": "Hi", "output_format": "wax"}, 400),
        ({"text": " "}, 400),
    ],
)
async def test_what_cannot_be_spoken_is_the_callers_fault(member: Member, form: dict[str, str], status: int) -> None:
    assert (await member.call("POST", f"{VOICE}/tts/synthesize", data=form)).status_code == status


async def test_the_pages_say_what_is_configured(client: httpx.AsyncClient, member: Member) -> None:
    config = (await member.call("GET", f"{VOICE}/config")).json()
    assert (config["tts"]["provider"], config["stt"]["provider"]) == ("elevenlabs", "deepgram")
    assert (await client.get(f"{VOICE}/status")).json()["tts"]["available"] is True
    assert (await client.get(f"{VOICE}/tts/status")).json()["configured"] is True


@without_elevenlabs
async def test_without_elevenlabs_each_page_fails_in_its_own_way(client: httpx.AsyncClient, member: Member) -> None:
    status = await client.get(f"{VOICE}/status")
    assert (status.status_code, status.json()["tts"]["available"]) == (200, False)
    assert (await member.call("GET", f"{VOICE}/tts/voices")).status_code == 500
    assert (await member.call("GET", f"{VOICE}/tts/models")).status_code == 500
    assert (await member.call("GET", f"{VOICE}/tts/voice/{RACHEL}")).status_code == 404
    spoken = await member.call("POST", f"{VOICE}/tts/synthesize", data={"text": "Hi"})
    assert (spoken.status_code, spoken.json()) == (500, {"detail": "Internal server error", "status_code": 500})


@without_elevenlabs
async def test_without_elevenlabs_a_stream_begins_and_is_cut_off(backend: Backend, member: Member) -> None:
    """A server that is left without the last part of a body closes the connection."""
    body = b"text=Hi"
    headers = [(name.lower().encode(), value.encode()) for name, value in member.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "POST",
        "path": f"{VOICE}/tts/stream",
        "query_string": b"",
        "headers": [*headers, (b"content-length", str(len(body)).encode())],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await backend(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert sent[0]["status"] == 200
    entries = (await member.client.get("/__lab/journal", params={"path": f"{VOICE}/tts/stream"})).json()["entries"]
    assert [entry["status"] for entry in entries] == [200]
