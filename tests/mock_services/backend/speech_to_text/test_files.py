"""Files: what is sent to Deepgram, and that whatever fails there is a 200 that says so inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic_core import Url

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from mock_services.backend.speech_to_text.schemas import Transcription
from tests.mock_services.backend.conversations.talk import talk
from tests.mock_services.backend.support import SECRET, Member
from tests.mock_services.deepgram.listen.sounds import CALLER, KEY, pcm, pcm_silence, wave
from tests.support.doubles import serving
from tests.support.platform_target import running_target

pytestmark = pytest.mark.anyio

PATHS = ("/api/stt/file", "/api/voice/stt/file")
SPEECH = wave(pcm(CALLER["plot"].ulaw) + pcm_silence(400))


def file(content: bytes = SPEECH, name: str = "speech.wav") -> dict[str, Any]:
    return {"audio_file": (name, content, "audio/wav")}


@pytest.fixture(scope="module")
def deepgram() -> Iterator[str]:
    with serving("deepgram", DEEPGRAM_LISTEN_FILE_MS="5") as address:
        yield address


@pytest.fixture
def settings(deepgram: str) -> Settings:
    url = Url(f"ws://{deepgram}/v1/listen")
    return Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, seed="tests", deepgram_listen_url=url)


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    yield backend
    await backend.speech_to_text.close()


@pytest.mark.parametrize("path", PATHS)
async def test_a_recording_is_written_down(member: Member, path: str) -> None:
    answer = await member.call("POST", path, files=file(), headers={"X-Lab-Run-Id": "run-3"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == set(Transcription.model_fields)
    assert (body["success"], body["transcript"], body["error"]) == (True, CALLER["plot"].text, None)
    assert [word["punctuated_word"] for word in body["words"]] == CALLER["plot"].text.split()
    assert (body["detected_language"], body["duration"]) == ("en", 5.54)
    assert body["utterances"][0]["transcript"] == CALLER["plot"].text
    assert len(body["paragraphs"]["paragraphs"]) == 1
    assert body["metadata"]["model_info"]


async def test_the_form_decides_how(member: Member, deepgram: str) -> None:
    form = {"language": "en-GB", "model": "nova-3", "punctuate": "false", "smart_format": "false", "diarize": "true"}
    body = (await member.call("POST", PATHS[0], files=file(), data=form)).json()
    assert body["transcript"].startswith("my mother passed away last night we would")
    assert body["words"][0]["speaker"] == 0
    assert body["detected_language"] is None
    (model,) = body["metadata"]["model_info"].values()
    assert model["arch"] == "nova-3"


async def test_who_may_and_what_is_needed(member: Member, client: httpx.AsyncClient) -> None:
    for path in PATHS:
        assert (await client.post(path, files=file())).status_code == 403
        for parts in ({}, {"data": {"audio_file": "text"}}, {"files": {"other": b"x"}}):
            answer = await member.call("POST", path, **parts)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "body.audio_file"
        bad = await member.call("POST", path, files=file(), data={"punctuate": "perhaps"})
        assert bad.json()["errors"][0]["field"] == "body.punctuate"
    for path in ("/api/stt/status", "/api/voice/stt/status"):
        status = await client.get(path)
        assert (status.status_code, status.json()["available"]) == (200, True)


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (b"no audio at all", {}, "Deepgram answered 400 to a file: "),
        (b"", {}, "Deepgram answered 400 to a file: "),
        (SPEECH, {"model": "gpt-4"}, "No such model/language/version combination found."),
    ],
)
async def test_what_deepgram_refuses_is_no_success(
    member: Member, content: bytes, form: dict[str, str], why: str
) -> None:
    answer = await member.call("POST", PATHS[0], files=file(content), data=form)
    body = answer.json()
    assert (answer.status_code, body["success"], body["transcript"]) == (200, False, "")
    assert why in body["error"]


async def test_a_deepgram_that_is_not_there_is_no_success() -> None:
    async with talk(DEEPGRAM_LISTEN_URL="ws://127.0.0.1:1/v1/listen") as it:
        answer = await (await it.member()).call("POST", PATHS[1], files=file())
        assert (answer.status_code, answer.json()["success"]) == (200, False)
        assert "Deepgram at http://127.0.0.1:1/v1/listen cannot be reached" in answer.json()["error"]


UNREADABLE = ("<html>", "[]", '{"results":{}}', '{"results":{"channels":[7]},"metadata":{}}')


async def test_an_answer_that_cannot_be_read_is_no_success() -> None:
    with running_target() as target:
        async with talk(DEEPGRAM_LISTEN_URL=f"{target.url.replace('http', 'ws')}/v1/listen") as it:
            member = await it.member()
            for content in UNREADABLE:
                target.on("POST /v1/listen", (200, content))
                body = (await member.call("POST", PATHS[0], files=file(b"speech"))).json()
                assert (body["success"], body["transcript"]) == (False, "")
                assert "Deepgram's answer" in body["error"]
    request = target.requests[0]
    assert request.query == {
        "detect_language": "true",
        "diarize": "false",
        "model": "nova-2",
        "paragraphs": "true",
        "punctuate": "true",
        "smart_format": "true",
        "utterances": "true",
    }
    assert request.text == "speech"
    assert request.headers["Authorization"] == f"Token {KEY}"
