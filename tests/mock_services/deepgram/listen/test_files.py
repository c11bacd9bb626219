"""Files: `POST /v1/listen`, its document and its refusals."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mock_services.core.service import Service
from mock_services.deepgram.app import build
from mock_services.deepgram.settings import DeepgramSettings
from tests.mock_services.deepgram.listen.sounds import CALLER, KEY, pcm, pcm_silence, tone, wave

pytestmark = pytest.mark.anyio

TOKEN = {"Authorization": f"Token {KEY}"}
PLATFORM = {
    "detect_language": "true",
    "diarize": "false",
    "model": "nova-2",
    "paragraphs": "true",
    "punctuate": "true",
    "smart_format": "true",
    "utterances": "true",
}
TWO_LINES = wave(pcm(CALLER["plot"].ulaw) + pcm_silence(1500) + pcm(CALLER["hours"].ulaw) + pcm_silence(400))


@pytest.fixture
def stub() -> Service:
    return build(DeepgramSettings(listen_file_ms=0, max_file_mib=1, max_streams=2))


@pytest.fixture
async def client(stub: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(stub), base_url="http://stub", headers=TOKEN) as client:
        yield client


async def post(client: httpx.AsyncClient, content: bytes, **parts: Any) -> httpx.Response:
    parts.setdefault("params", PLATFORM)
    return await client.post("/v1/listen", content=content, **parts)


async def test_a_wave_file_is_answered_in_full(client: httpx.AsyncClient) -> None:
    answer = await post(client, TWO_LINES)
    assert answer.status_code == 200
    body = answer.json()
    metadata = body["metadata"]
    assert metadata["sha256"] == hashlib.sha256(TWO_LINES).hexdigest()
    assert metadata["duration"] == pytest.approx((5140 + 1500 + 1340 + 400) / 1000)
    assert metadata["request_id"] == answer.headers["dg-request-id"]
    assert metadata["model_info"][metadata["models"][0]]["arch"] == "nova-2"
    (channel,) = body["results"]["channels"]
    assert (channel["detected_language"], channel["language_confidence"]) == ("en", 0.99)
    (alternative,) = channel["alternatives"]
    said = [CALLER["plot"].text, CALLER["hours"].text]
    assert alternative["transcript"] == " ".join(said)
    assert 0.9 <= alternative["confidence"] < 1
    assert [word["punctuated_word"] for word in alternative["words"]] == " ".join(said).split()
    first, second = body["results"]["utterances"]
    assert [first["transcript"], second["transcript"]] == said
    assert first["end"] <= second["start"] - 1.4
    assert first["words"] + second["words"] == alternative["words"]
    assert (first["channel"], first["id"] != second["id"]) == (0, True)
    paragraphs = alternative["paragraphs"]
    assert paragraphs["transcript"] == "\n" + " ".join(said)
    (paragraph,) = paragraphs["paragraphs"]
    assert [sentence["text"] for sentence in paragraph["sentences"]] == [
        "My mother passed away last night.",
        "We would like a plot next to my father's grave.",
        "What are your opening hours?",
    ]
    assert paragraph["num_words"] == len(alternative["words"])
    assert (paragraph["start"], paragraph["end"]) == (first["start"], second["end"])


async def test_what_nobody_asked_for_is_left_out(client: httpx.AsyncClient) -> None:
    body = (await post(client, TWO_LINES, params={"model": "nova-3"})).json()
    assert set(body["results"]) == {"channels"}
    (channel,) = body["results"]["channels"]
    assert set(channel) == {"alternatives"}
    (alternative,) = channel["alternatives"]
    assert set(alternative) == {"transcript", "confidence", "words"}
    assert alternative["transcript"].startswith("my mother passed away last night we would")
    assert set(alternative["words"][0]) == {"word", "start", "end", "confidence"}
    spoken = (await post(client, TWO_LINES, params=PLATFORM | {"diarize": "true", "utt_split": "3"})).json()["results"]
    assert spoken["channels"][0]["alternatives"][0]["words"][0]["speaker"] == 0
    assert [utterance["speaker"] for utterance in spoken["utterances"]] == [0]


@pytest.mark.parametrize(
    ("content", "params", "kind"),
    [
        (pcm(CALLER["hello"].ulaw), {"encoding": "linear16", "sample_rate": "16000"}, "application/octet-stream"),
        (CALLER["hello"].ulaw, {"encoding": "mulaw"}, "audio/wav"),
        (CALLER["hello"].ulaw, {}, "audio/x-mulaw"),
        (wave(CALLER["hello"].ulaw, 8_000, 1, 7, 8), {}, "audio/wav"),
    ],
)
async def test_raw_audio_is_taken_where_it_is_said_to_be(
    client: httpx.AsyncClient, content: bytes, params: dict[str, str], kind: str
) -> None:
    answer = await post(client, content, params={"punctuate": "true", **params}, headers={"content-type": kind})
    (channel,) = answer.json()["results"]["channels"]
    assert channel["alternatives"][0]["transcript"] == CALLER["hello"].text


async def test_channels_are_told_apart_on_request(client: httpx.AsyncClient) -> None:
    left, right = pcm(CALLER["hello"].ulaw), pcm(CALLER["hours"].ulaw)
    size = min(len(left), len(right))
    both = b"".join(left[at : at + 2] + right[at : at + 2] for at in range(0, size, 2))
    answer = await post(client, wave(both, channels=2), params={"multichannel": "true", "utterances": "true"})
    results = answer.json()["results"]
    said = [channel["alternatives"][0]["transcript"] for channel in results["channels"]]
    assert said[1] == "what are your opening hours"
    assert said[0].startswith("hello is anyone")
    assert [utterance["channel"] for utterance in results["utterances"]] == [0, 1]
    single = (await post(client, wave(both, channels=2), params={})).json()
    assert len(single["results"]["channels"]) == 1
    assert single["metadata"]["channels"] == 2


async def test_silence_and_nothing_at_all_have_no_words(client: httpx.AsyncClient) -> None:
    for content in (wave(pcm_silence(500)), wave(b"")):
        body = (await post(client, content)).json()
        assert body["results"]["channels"][0]["alternatives"][0]["transcript"] == ""
        assert body["results"]["utterances"] == []
        assert body["results"]["channels"][0]["alternatives"][0]["paragraphs"]["paragraphs"] == []


@pytest.mark.parametrize(
    ("content", "parts", "status", "code", "message"),
    [
        (b"OggS" + bytes(50), {}, 400, "Bad Request", "failed to process audio: corrupt or unsupported data"),
        (b"", {}, 400, "Bad Request", "corrupt or unsupported"),
        (TWO_LINES[:20], {}, 400, "Bad Request", "corrupt or unsupported"),
        (TWO_LINES, {"params": {"model": "gpt-4"}}, 400, "Bad Request", "No such model/language/version"),
        (b'{"url":"https://example.com/a.wav"}', {"headers": {"content-type": "application/json"}}, 400,
         "REMOTE_CONTENT_ERROR", "publicly routable"),
        (b'{"uri":1}', {"headers": {"content-type": "application/json; charset=utf-8"}}, 400, "Bad Request",
         "could not process the JSON payload"),
        (b"{", {"headers": {"content-type": "application/json"}}, 400, "Bad Request", "could not process the JSON"),
        (b"[" * 100_000, {"headers": {"content-type": "application/json"}}, 400, "Bad Request",
         "could not process the JSON"),
        (TWO_LINES, {"headers": {"Authorization": "Token wrong"}}, 401, "INVALID_AUTH", "Invalid credentials"),
        (TWO_LINES, {"headers": {"Authorization": ""}}, 401, "INVALID_AUTH", "Invalid credentials"),
        (bytes((1 << 20) + 1), {}, 413, "PAYLOAD_TOO_LARGE", "1 MiB"),
    ],
)  # fmt: skip
async def test_refusals_are_in_deepgrams_words(
    client: httpx.AsyncClient, content: bytes, parts: dict[str, Any], status: int, code: str, message: str
) -> None:
    answer = await post(client, content, **parts)
    body = answer.json()
    assert (answer.status_code, body["err_code"]) == (status, code)
    assert message in body["err_msg"]
    assert body["request_id"] == answer.headers["dg-request-id"]


async def test_a_long_file_leaves_others_their_turn(client: httpx.AsyncClient, stub: Service) -> None:
    slow = build(DeepgramSettings(listen_file_ms=150, max_streams=1))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(slow), base_url="http://stub", headers=TOKEN) as other:
        begun = time.perf_counter()
        assert (await post(other, wave(tone(200)))).status_code == 200
        assert time.perf_counter() - begun >= 0.149
    metrics = (await client.get("/__lab/metrics")).json()["listen"]
    assert (metrics["busy"], metrics["files"]) == (0, 0)
    await post(client, wave(tone(9000)))
    await post(client, b"none")
    metrics = (await client.get("/__lab/metrics")).json()["listen"]
    assert (metrics["files"], metrics["audio_ms"], metrics["errors"]) == (1, 9000, {"Bad Request": 1})
    assert metrics["lateness_ms"]["count"] == 1
    await client.post("/__lab/reset")
    assert (await client.get("/__lab/metrics")).json()["listen"]["files"] == 0
