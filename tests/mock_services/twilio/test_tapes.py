"""A call that is recorded can be listened to: the caller on one channel, the agent on the other, at the right times."""

import io
import wave
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.core.speech import decode, load_recordings
from tests.mock_services.twilio.lab import BRISK, GREETING_ONLY, VOICE, Double, Target, phone, running_double

NUMBER = "+15555550100"
WORDS = next(line.ulaw for line in load_recordings("caller") if line.id == "caller-hours")
FRAME_MS = 20.0


def listen(content: bytes) -> tuple["array[int]", "array[int]"]:
    with wave.open(io.BytesIO(content)) as reader:
        assert (reader.getnchannels(), reader.getframerate(), reader.getsampwidth()) == (2, 8000, 2)
        samples = array("h", reader.readframes(reader.getnframes()))
    return samples[0::2], samples[1::2]


def places_ms(samples: "array[int]", ulaw: bytes) -> list[float]:
    """Find where these very samples begin, in ms."""
    wanted, content = decode(ulaw).tobytes(), samples.tobytes()
    found = [content.find(wanted)]
    while found[-1] >= 0:
        found.append(content.find(wanted, found[-1] + len(wanted)))
    return [place / 16 for place in found[:-1]]


def words_at_ms(samples: "array[int]") -> float:
    """Find where the caller's words begin, by most of their frames: a busy machine may have skipped some."""
    begins = Counter(
        at - start / 8 for start in range(0, len(WORDS), 160) for at in places_ms(samples, WORDS[start : start + 160])
    )
    ((begin, frames),) = begins.most_common(1)
    assert frames > len(WORDS) / 160 / 2
    return begin


async def fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url)


def event(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in events if each["event"] == name)


@pytest.mark.anyio
async def test_both_directions_are_heard_at_the_times_that_the_events_tell(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER, BRISK, record=True)
    tape = events[-1]["tape"]
    answer = await fetch(double.url + tape["path"])
    assert answer.headers["content-type"] == "audio/wav"
    said, heard = listen(answer.content)
    assert len(said) / 8000 == pytest.approx(tape["seconds"], abs=0.001)
    assert tape["seconds"] * 1000 == pytest.approx(events[-1]["duration_ms"], abs=50)

    words_at = words_at_ms(said)
    greeting_at, answer_at = places_ms(heard, VOICE)
    connected, first_audio, turn = (event(events, name) for name in ("connected", "first_audio", "turn"))
    assert greeting_at == pytest.approx(connected["at_ms"] + first_audio["latency_ms"], abs=2 * FRAME_MS)
    words_end = words_at + len(WORDS) / 8
    assert answer_at == pytest.approx(words_end + turn["latency_ms"], abs=2 * FRAME_MS)
    assert greeting_at < words_at < answer_at
    assert not any(places_ms(heard, WORDS[start : start + 160]) for start in range(0, len(WORDS), 160))


@pytest.mark.anyio
async def test_a_call_is_recorded_only_if_it_is_asked_for(double: Double, target: Target) -> None:
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        ended = (await caller.call("one", NUMBER, GREETING_ONLY))[-1]
    assert "tape" not in ended
    answer = await fetch(f"{double.url}/__lab/tapes/{ended['call_sid']}.wav")
    assert answer.status_code == 404
    assert "record" in answer.json()["detail"]


@pytest.mark.anyio
async def test_a_call_that_never_had_a_stream_has_a_silent_tape(double: Double, target: Target) -> None:
    target.twiml = "<Response><Hangup/></Response>"
    double.buy(NUMBER, target.url)
    async with phone(double) as caller:
        failed = (await caller.call("one", NUMBER, GREETING_ONLY, record=True))[-1]
    assert failed["event"] == "failed"
    said, heard = listen((await fetch(double.url + failed["tape"]["path"])).content)
    assert set(said) | set(heard) <= {0}


@pytest.mark.anyio
async def test_recordings_are_files_and_the_newest_are_kept(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "tapes"
    with running_double(TWILIO_TAPE_DIR=str(folder), TWILIO_MAX_TAPES="2", TWILIO_TAPE_S="0.2") as double:
        double.buy(NUMBER, target.url)
        async with phone(double) as caller:
            ended = [(await caller.call(str(ref), NUMBER, GREETING_ONLY, record=True))[-1] for ref in range(3)]
            sids = [each["call_sid"] for each in ended[1:]]
            assert sorted(path.name for path in folder.iterdir()) == sorted(f"{sid}.wav" for sid in sids)
            listed = (await fetch(f"{double.url}/__lab/tapes")).json()
            assert [tape["call_sid"] for tape in listed["tapes"]] == sids
            assert all(tape["seconds"] == 0.2 for tape in listed["tapes"])

            target.agent = "silent"
            for ref in ("a", "b", "c"):
                await caller.dial(ref, NUMBER, GREETING_ONLY, record=True)
            refused = await caller.receive()
            while refused["type"] != "error":
                refused = await caller.receive()
            assert refused["ref"] == "c"
            assert "TWILIO_MAX_TAPES" in refused["detail"]
        double.reset()
        assert list(folder.iterdir()) == []


@pytest.mark.anyio
async def test_a_recording_that_cannot_be_written_does_not_cost_the_call(target: Target, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with running_double(TWILIO_TAPE_DIR=str(blocked)) as double:
        double.buy(NUMBER, target.url)
        async with phone(double) as caller:
            ended = (await caller.call("one", NUMBER, GREETING_ONLY, record=True))[-1]
    assert ended["event"] == "ended"
    assert "could not be written" in ended["tape"]["error"]


@pytest.mark.anyio
async def test_what_an_interrupted_agent_cleared_is_not_on_the_tape(double: Double, target: Target) -> None:
    target.agent = "clears"
    double.buy(NUMBER, target.url)
    steps = [{"do": "hear"}, {"do": "interrupt", "after_ms": 600, "line": "caller-hours"}]
    async with phone(double) as caller:
        events = await caller.call("one", NUMBER, {**BRISK, "steps": steps}, record=True)
    said, heard = listen((await fetch(double.url + events[-1]["tape"]["path"])).content)
    words_at = words_at_ms(said)
    places = places_ms(heard, VOICE)
    assert 3 <= len(places) <= 4, "of the six seconds only the pieces of 200 ms that were heard"
    barge_in = event(events, "barge_in")
    assert barge_in["cleared"]
    fell_silent_at = words_at + barge_in["latency_ms"]
    beyond = round((fell_silent_at + FRAME_MS) * 8)
    assert not any(heard[beyond : beyond + 4000])
    assert 0 < barge_in["latency_ms"] < 500
