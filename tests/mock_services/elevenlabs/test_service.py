"""The stub as a service: voices, models, the user, limits, how long it takes, its metrics and its reset."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import GetVoicesResponse, GetVoicesV2Response, Model, Subscription, User, Voice
from pydantic import TypeAdapter

from tests.mock_services.elevenlabs.support import AT_ONCE, KEY, RACHEL
from tests.support.doubles import refusal_to_start, serving
from tests.support.waiting import wait_until

HEADERS = {"xi-api-key": KEY}
SPEAK = f"/v1/text-to-speech/{RACHEL}/stream"


def get(address: str, path: str, model: Any) -> Any:
    """Fetch `path` and hold it against the SDK's model, without the SDK's leniency."""
    answer = httpx.get(f"http://{address}{path}", headers=HEADERS)
    assert answer.status_code == 200
    return TypeAdapter(model).validate_python(answer.json())


def metrics(address: str) -> dict[str, Any]:
    counted: dict[str, Any] = httpx.get(f"http://{address}/__lab/metrics").json()["elevenlabs"]
    return counted


def test_voices_are_listed_and_found(stub: str, client: ElevenLabs) -> None:
    voices = get(stub, "/v1/voices", GetVoicesResponse).voices
    assert [voice.voice_id for voice in voices] == [voice.voice_id for voice in client.voices.get_all().voices]
    assert {RACHEL, "cloned1"} <= {voice.voice_id for voice in voices}
    rachel = get(stub, f"/v1/voices/{RACHEL}", Voice)
    assert (rachel.name, rachel.category) == ("Rachel", "premade")
    assert rachel == client.voices.get(RACHEL)
    with pytest.raises(ApiError) as missing:
        client.voices.get("nobody")
    assert (missing.value.status_code, missing.value.body["detail"]["status"]) == (400, "voice_not_found")


def test_voices_are_paged_to_the_last(stub: str, client: ElevenLabs) -> None:
    every = {voice.voice_id for voice in client.voices.get_all().voices}
    seen: list[str] = []
    token = None
    while True:
        page = client.voices.search(page_size=5, next_page_token=token)
        assert page.total_count == len(every)
        seen += [voice.voice_id for voice in page.voices]
        token = page.next_page_token
        assert page.has_more == (token is not None)
        if token is None:
            break
    assert len(seen) == len(every)
    assert set(seen) == every
    get(stub, "/v2/voices", GetVoicesV2Response)


def test_voices_are_searched_sorted_and_chosen(client: ElevenLabs) -> None:
    assert [voice.name for voice in client.voices.search(search="british", sort="name").voices] == [
        "Lily",
        "George",
        "Daniel",
    ]
    ascending = client.voices.search(sort="name", sort_direction="asc", page_size=100).voices
    assert [voice.name for voice in ascending] == sorted(str(voice.name) for voice in ascending)
    assert {voice.voice_id for voice in client.voices.search(category="cloned").voices} == {"cloned1", "cloned2"}
    chosen = client.voices.search(voice_ids=[RACHEL, "cloned1"]).voices
    assert {voice.voice_id for voice in chosen} == {RACHEL, "cloned1"}


def test_models_are_listed(stub: str, client: ElevenLabs) -> None:
    models = {model.model_id: model for model in get(stub, "/v1/models", list[Model])}
    assert set(models) == {model.model_id for model in client.models.list()}
    turbo = models["eleven_turbo_v2_5"]
    assert turbo.can_do_text_to_speech
    assert turbo.maximum_text_length_per_request == 40_000
    assert turbo.languages
    assert not models["eleven_multilingual_sts_v2"].can_do_text_to_speech


def test_what_is_spoken_is_charged_to_the_subscription(stub: str, client: ElevenLabs) -> None:
    before = get(stub, "/v1/user/subscription", Subscription)
    b"".join(client.text_to_speech.convert(RACHEL, text="Ten signs."))
    b"".join(client.text_to_speech.convert(RACHEL, text="Ten signs!", model_id="eleven_flash_v2_5"))
    after = client.user.subscription.get()
    assert after.character_count == before.character_count + 10 + 5
    user = get(stub, "/v1/user", User)
    assert user.subscription.character_count == after.character_count
    assert user.subscription.tier == after.tier == "scale"
    assert user == client.user.get()


def test_credits_and_places_run_out_and_come_back() -> None:
    limits = {"ELEVENLABS_CHARACTER_LIMIT": "100", "ELEVENLABS_MAX_CONCURRENT": "2", "ELEVENLABS_FIRST_BYTE_MS": "300"}
    with serving("elevenlabs", **{**AT_ONCE, **limits}) as address:

        def speak(text: str) -> httpx.Response:
            return httpx.post(f"http://{address}{SPEAK}", json={"text": text}, headers=HEADERS)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(speak, ["Hello."] * 4))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
        refused = next(answer for answer in answers if answer.status_code == 429).json()["detail"]
        assert refused["status"] == "too_many_concurrent_requests"
        assert "a maximum of 2 concurrent" in refused["message"]
        assert metrics(address)["speaking"] == 0
        assert metrics(address)["most_speaking"] == 2
        assert metrics(address)["credits"] == 12, "what was refused is not charged"

        spent = speak("x" * 89)
        assert (spent.status_code, spent.json()["detail"]["status"]) == (401, "quota_exceeded")
        assert "You have 88 credits remaining, while 89 credits are required" in spent.json()["detail"]["message"]
        assert metrics(address)["speaking"] == 0, "a refused text gives its place back"
        assert speak("x" * 88).status_code == 200
        httpx.post(f"http://{address}/__lab/reset")
        assert speak("x" * 89).status_code == 200


def test_audio_comes_at_the_pace_that_is_set() -> None:
    pace = {"ELEVENLABS_FIRST_BYTE_MS": "150", "ELEVENLABS_SPEED": "20", "ELEVENLABS_JITTER": "0"} | {
        "ELEVENLABS_LOOKUP_MS": "uniform:40,60"
    }
    text = "x" * 150  # ten seconds, half a second to send
    with serving("elevenlabs", **pace) as address, httpx.Client(base_url=f"http://{address}", headers=HEADERS) as http:
        begun = time.perf_counter()
        arrived = []
        with http.stream("POST", SPEAK, json={"text": text}) as answer:
            arrived += [time.perf_counter() - begun for _ in answer.iter_raw()]
        assert arrived[0] >= 0.148
        assert len(arrived) == 4, "forty characters at a time"
        assert arrived[0] < arrived[-1] - 0.2, "it is sent while it is made"
        assert arrived[-1] >= 0.148 + 0.4
        begun = time.perf_counter()
        http.post(SPEAK.removesuffix("/stream"), json={"text": text})
        assert time.perf_counter() - begun >= 0.148 + 0.5
        begun = time.perf_counter()
        http.get("/v1/models")
        assert time.perf_counter() - begun >= 0.038

        with http.stream("POST", SPEAK, json={"text": text * 20}) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            assert metrics(address)["speaking"] == 1
        wait_until(lambda: not metrics(address)["speaking"], "place of the client that went away", 5)

        counted = metrics(address)
        assert counted["delays"] == {
            "first_byte_ms": "150",
            "speed": 20,
            "jitter": 0,
            "lookup_ms": "uniform:40,60",
            "characters_per_second": 15,
        }
        assert counted["first_byte_ms"]["p50"] == 150
        assert counted["lateness_ms"]["count"] > 4
        assert counted["characters"] == 150 * 22


def test_a_stream_jitters_around_its_pace() -> None:
    pace = {"ELEVENLABS_FIRST_BYTE_MS": "0", "ELEVENLABS_SPEED": "80", "ELEVENLABS_JITTER": "1.5"}
    with serving("elevenlabs", **pace) as address, httpx.Client(base_url=f"http://{address}", headers=HEADERS) as http:
        arrived = []
        with http.stream("POST", SPEAK, json={"text": "x" * 1000}) as answer:
            arrived += [time.perf_counter() for _ in answer.iter_raw()]
        gaps = sorted(later - earlier for earlier, later in pairwise(arrived))
        assert gaps[-1] > 4 * gaps[len(gaps) // 2], "a few pieces come much later than most"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ELEVENLABS_FIRST_BYTE_MS", "uniform:9,5", "the smaller number first"),
        ("ELEVENLABS_CHARACTERS_PER_SECOND", "0", "greater than or equal to 1"),
    ],
)
def test_a_bad_setting_ends_the_process_with_its_name(name: str, value: str, message: str) -> None:
    sentence = refusal_to_start("elevenlabs", **{name: value})
    assert sentence.startswith(f"elevenlabs: {name} is '{value}': ")
    assert message in sentence
