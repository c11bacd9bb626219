"""Speech through ElevenLabs' SDK: every format, whole and streamed, with timestamps, and what is refused."""

import base64
import io
import wave
from array import array
from typing import Any

import httpx
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import AudioWithTimestampsResponse, StreamingAudioChunkWithTimestampsResponse
from pydantic import TypeAdapter

from mock_services.core.speech import is_voiced, load_recordings
from mock_services.elevenlabs.formats import FormatName
from tests.mock_services.elevenlabs.support import KEY, RACHEL, read_mp3, sdk

TEXT = "Thank you for calling. We are open from nine to five, and would be glad to show you the chapel on Thursday."
SECONDS = len(TEXT) / 15
SERVED = [name.value for name in FormatName if not name.value.startswith("opus")]
PATH = f"/v1/text-to-speech/{RACHEL}"
HEADERS = {"xi-api-key": KEY}


def convert(client: ElevenLabs, text: str = TEXT, **options: Any) -> bytes:
    return b"".join(client.text_to_speech.convert(options.pop("voice_id", RACHEL), text=text, **options))


def post(stub: str, path: str = PATH, **options: Any) -> httpx.Response:
    return httpx.post(f"http://{stub}{path}", headers=options.pop("headers", HEADERS), **options)


def length_s(name: str, content: bytes) -> float:
    codec, rate, *_ = name.split("_")
    if codec == "mp3":
        return read_mp3(content).duration_s
    if codec == "wav":
        with wave.open(io.BytesIO(content)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, int(rate))
            assert len(file.readframes(file.getnframes())) == 2 * file.getnframes()
            frames: int = file.getnframes()
            return frames / int(rate)
    return len(content) / int(rate) / (2 if codec == "pcm" else 1)


@pytest.mark.parametrize("name", SERVED)
def test_every_format_lasts_as_long_as_the_text(client: ElevenLabs, name: str) -> None:
    content = convert(client, output_format=name)
    assert length_s(name, content) == pytest.approx(SECONDS, abs=0.03)
    streamed = b"".join(client.text_to_speech.stream(RACHEL, text=TEXT, output_format=name))
    assert streamed == content


@pytest.mark.parametrize("name", [name for name in SERVED if name.startswith("mp3")])
def test_mp3_has_the_rate_and_bitrate_of_its_name(client: ElevenLabs, name: str) -> None:
    read = read_mp3(convert(client, output_format=name))
    assert name == f"mp3_{read.rate}_{read.kbits}"


def test_samples_are_real_speech(client: ElevenLabs) -> None:
    ulaw = convert(client, output_format="ulaw_8000")
    voiced = [is_voiced(ulaw[start : start + 160]) for start in range(0, len(ulaw), 160)]
    assert sum(voiced) > len(voiced) / 2
    pcm = array("h", convert(client, output_format="pcm_16000"))
    assert max(pcm) > 3_000
    hours = next(line for line in load_recordings("agent") if line.topic == "hours")
    assert convert(client, hours.text, output_format="ulaw_8000") == hours.ulaw, "a recording's text is its recording"


def test_one_text_always_sounds_the_same_and_another_otherwise(client: ElevenLabs) -> None:
    words = [f"Good morning, number {number}." for number in range(20)]
    once, again = ([convert(client, text, output_format="ulaw_8000") for text in words] for _ in range(2))
    assert once == again
    assert len(set(once)) > 3


def test_speed_makes_it_shorter(client: ElevenLabs) -> None:
    fast = convert(client, voice_settings=VoiceSettings(speed=1.2, stability=0.5), output_format="pcm_8000")
    assert length_s("pcm_8000", fast) == pytest.approx(SECONDS / 1.2, abs=0.01)


def test_the_platforms_own_request(stub: str) -> None:
    body = {
        "text": TEXT,
        "model_id": "eleven_turbo_v2_5",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True},
    }
    query = {"output_format": "mp3_44100_128", "optimize_streaming_latency": "1"}
    for path in (PATH, f"{PATH}/stream"):
        answer = post(stub, path, params=query, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
        assert answer.headers["character-cost"] == str((len(TEXT) + 1) // 2), "turbo costs half"
        assert answer.headers["maximum-concurrent-requests"] == "30"
        assert answer.headers["current-concurrent-requests"] == "1"
        assert len(answer.headers["request-id"]) == len(answer.headers["history-item-id"]) == 20
        assert read_mp3(answer.content).duration_s == pytest.approx(SECONDS, abs=0.03)


def test_timestamps_cover_every_character_in_order(stub: str, client: ElevenLabs) -> None:
    raw = post(stub, f"{PATH}/with-timestamps", params={"output_format": "pcm_8000"}, json={"text": TEXT}).json()
    timed = TypeAdapter(AudioWithTimestampsResponse).validate_python(raw)
    assert base64.b64decode(timed.audio_base_64, validate=True) == convert(client, output_format="pcm_8000")
    assert timed.alignment is not None
    assert "".join(timed.alignment.characters) == TEXT
    starts, ends = timed.alignment.character_start_times_seconds, timed.alignment.character_end_times_seconds
    assert starts[0] == 0
    assert starts[1:] == ends[:-1] == sorted(ends[:-1])
    assert ends[-1] == pytest.approx(SECONDS, abs=0.001)
    sdk = client.text_to_speech.convert_with_timestamps(RACHEL, text=TEXT, output_format="pcm_8000")
    assert sdk.alignment == timed.alignment == sdk.normalized_alignment


def test_streamed_timestamps_add_up_to_the_whole(client: ElevenLabs) -> None:
    options: Any = {"text": TEXT, "output_format": "ulaw_8000"}
    chunks = list(client.text_to_speech.stream_with_timestamps(RACHEL, **options))
    assert len(chunks) > 1
    for chunk in chunks:
        TypeAdapter(StreamingAudioChunkWithTimestampsResponse).validate_python(chunk.model_dump(by_alias=True))
    assert b"".join(base64.b64decode(chunk.audio_base_64) for chunk in chunks) == convert(client, **options)
    aligned = [chunk.alignment for chunk in chunks if chunk.alignment is not None]
    assert "".join("".join(each.characters) for each in aligned) == TEXT
    ends = [end for each in aligned for end in each.character_end_times_seconds]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(SECONDS, abs=0.001)


def test_a_very_long_text_is_made_as_it_is_sent(stub: str) -> None:
    body = {"text": "word " * 8_000, "model_id": "eleven_flash_v2_5"}
    url = f"http://{stub}{PATH}/stream"
    query = {"output_format": "pcm_48000"}
    with httpx.stream("POST", url, params=query, json=body, headers=HEADERS) as answer:
        total = sum(len(piece) for piece in answer.iter_raw())
    assert total == pytest.approx(40_000 / 15 * 48_000 * 2, rel=0.001)


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/v1/text-to-speech/nobody", {"text": "Hello."}, 404, "voice_not_found"),
        (PATH, {"text": "Hello.", "model_id": "eleven_v9"}, 400, "model_not_found"),
        (PATH, {"text": "Hello.", "model_id": "eleven_multilingual_sts_v2"}, 400, "model_not_found"),
        (PATH, {"text": " "}, 400, "input_text_empty"),
        (PATH, {"text": "x" * 10_001}, 400, "max_character_limit_exceeded"),
        (PATH, {"text": "Hello.", "voice_settings": {"stability": 2}}, 400, "invalid_voice_settings"),
        (PATH, {"text": "Hello.", "voice_settings": {"speed": 0.5}}, 400, "invalid_voice_settings"),
        (f"{PATH}?output_format=opus_48000_64", {"text": "Hello."}, 400, "output_format_not_allowed"),
    ],
)
def test_what_cannot_be_spoken_is_refused(stub: str, path: str, body: dict[str, Any], status: int, word: str) -> None:
    answer = post(stub, path, json=body)
    assert (answer.status_code, answer.json()["detail"]["status"]) == (status, word)
    assert answer.json()["detail"]["message"]


@pytest.mark.parametrize(
    ("query", "content", "places"),
    [
        ("", b"{}", [["body", "text"]]),
        ("", b"", [["body"]]),
        ("", b"{", [["body"]]),
        ("", b'{"text": 5}', [["body", "text"]]),
        ("", b'{"text": "\\ud800"}', [["body", "text"]]),
        ("", b'{"text": "x", "seed": -1}', [["body", "seed"]]),
        ("?output_format=mp3&optimize_streaming_latency=9", b"{}", None),
    ],
)
def test_a_misfit_is_told_as_fastapi_tells_it(stub: str, query: str, content: bytes, places: Any) -> None:
    answer = post(stub, PATH + query, content=content)
    detail = answer.json()["detail"]
    assert answer.status_code == 422
    expected = places or [["query", "output_format"], ["query", "optimize_streaming_latency"], ["body", "text"]]
    assert [each["loc"] for each in detail] == expected
    assert all({"type", "loc", "msg", "input"} <= set(each) for each in detail)
    if "mp3" in query:
        assert detail[0]["type"] == "enum"
        assert "'mp3_44100_128'" in detail[0]["ctx"]["expected"]
        assert detail[0]["input"] == "mp3"


def test_the_sdk_sees_its_own_kinds_of_errors(client: ElevenLabs, stub: str) -> None:
    body: Any = {"text": None}
    with pytest.raises(UnprocessableEntityError) as misfit:
        convert(client, **body)
    assert misfit.value.body["detail"][0]["loc"] == ["body", "text"]
    with pytest.raises(ApiError) as missing:
        convert(client, voice_id="nobody")
    assert (missing.value.status_code, missing.value.body["detail"]["status"]) == (404, "voice_not_found")
    with sdk(stub, "sk_wrong") as stranger, pytest.raises(ApiError) as refused:
        convert(stranger)
    assert (refused.value.status_code, refused.value.body["detail"]["status"]) == (401, "invalid_api_key")


def test_keys_paths_methods_and_sizes(stub: str) -> None:
    nothing = post(stub, headers={}, json={"text": "Hello."})
    assert (nothing.status_code, nothing.json()["detail"]["status"]) == (401, "needs_authorization")
    bearer = post(stub, headers={"Authorization": f"Bearer {KEY}"}, json={"text": "Hello."})
    assert bearer.status_code == 200
    assert post(stub, "/v1/nowhere").json() == {"detail": "Not Found"}
    wrong = httpx.get(f"http://{stub}{PATH}", headers=HEADERS)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})
    large = post(stub, content=b" " * (11 << 20))
    assert (large.status_code, large.json()["detail"]["status"]) == (413, "request_too_large")
