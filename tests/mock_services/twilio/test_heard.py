"""What a call's document says and plays is on its recordings and its streams, at its place."""

# mypy: allow-untyped-calls
# Twilio's SDK has few annotations.

from __future__ import annotations

import base64
import io
import wave
from array import array
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mock_services.core.speech import decode, is_voiced, load_recordings
from mock_services.twilio.protocol import sounds
from tests.mock_services.twilio.lab import ACCOUNT, Double, eventually, phone, running_double
from tests.mock_services.twilio.office import PLAYED, Office
from tests.mock_services.twilio.sdk import client

OURS, THEIRS, NUMBER = "+15005550006", "+13105550177", "+15555550100"
THANKS = next(each for each in load_recordings("agent") if each.id == "agent-thanks")
RATE = 15  # characters a second
SAID_MS = len(THANKS.text) * 1000 / RATE


@pytest.fixture(scope="module")
def unhurried() -> Iterator[Double]:
    """A double whose words take as long as words do."""
    with running_double(TWILIO_SPEECH_RATE=str(RATE)) as double:
        yield double


@pytest.fixture
def sdk(unhurried: Double) -> Iterator[Any]:
    unhurried.reset()
    sdk = client(unhurried)
    yield sdk
    sdk.http_client.session.close()


def channels(content: bytes) -> list[array[int]]:
    with wave.open(io.BytesIO(content)) as file:
        samples = array("h", file.readframes(file.getnframes()))
        return [samples[channel :: file.getnchannels()] for channel in range(file.getnchannels())]


def place_ms(samples: array[int], ulaw: bytes) -> float:
    """Find where these very samples begin, in ms; negative where they are not."""
    return samples.tobytes().find(decode(ulaw).tobytes()) / 16


async def listen(double: Double, sdk: Any, **filters: Any) -> list[array[int]]:
    """Give the channels of the only recording, when it is over."""
    await eventually(lambda: [each.status for each in sdk.recordings.list(**filters)] == ["completed"])
    (recording,) = sdk.recordings.list(**filters)
    url = f"{double.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{recording.sid}.wav"
    return channels(await fetch(url))


async def fetch(url: str) -> bytes:
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).content


@pytest.mark.anyio
async def test_words_files_and_keys_are_on_the_recording_where_they_were_heard(
    unhurried: Double, sdk: Any, office: Office
) -> None:
    told = f'<Pause length="1"/><Say>{THANKS.text}</Say><Play loop="2">/tone.wav</Play><Play digits="w5"/>'
    office.documents["/answered"] = f"<Response>{told}</Response>"
    sdk.calls.create(to=THEIRS, from_=OURS, url=f"{office.url}/answered", record=True, recording_channels="dual")
    callee, played = await listen(unhurried, sdk)
    said_at = place_ms(played, THANKS.ulaw)
    assert 1000 <= said_at < 1500, "the pause, and what the answer to the webhook took"
    file_ms, key = len(PLAYED) / 8, sounds.keys("5").ulaw(0, 800)
    file_at = place_ms(played, PLAYED)
    assert file_at == pytest.approx(said_at + SAID_MS, abs=100)
    again = played[round((file_at + file_ms) * 8) :]
    assert place_ms(again, PLAYED) == pytest.approx(0, abs=1), "the file is played twice, without a gap"
    assert place_ms(played, key) == pytest.approx(file_at + 2 * file_ms + 500, abs=100)
    assert max(map(abs, callee)) < 300, "who was called has said nothing"


@pytest.mark.anyio
async def test_a_recording_that_is_begun_amid_words_has_the_rest_of_them(
    unhurried: Double, sdk: Any, office: Office
) -> None:
    office.documents["/answered"] = f"<Response><Say>{'Please hold the line. ' * 3}</Say></Response>"
    call = sdk.calls.create(to=THEIRS, from_=OURS, url=f"{office.url}/answered")
    await eventually(lambda: "/answered" in office.paths())
    sdk.calls(call.sid).recordings.create(recording_channels="dual")
    _, played = await listen(unhurried, sdk)
    assert max(map(abs, played[:4000])) > 1000, "it begins with them, and not a second later"


@pytest.mark.anyio
async def test_a_redirect_silences_what_was_being_said(unhurried: Double, sdk: Any, office: Office) -> None:
    office.documents["/answered"] = f"<Response><Say>{'Please hold the line. ' * 9}</Say></Response>"
    office.documents["/quiet"] = '<Response><Pause length="2"/></Response>'
    call = sdk.calls.create(to=THEIRS, from_=OURS, url=f"{office.url}/answered", record=True, recording_channels="dual")
    await eventually(lambda: "/answered" in office.paths())
    sdk.calls(call.sid).update(url=f"{office.url}/quiet")
    _, played = await listen(unhurried, sdk)
    assert len(played) >= 16_000
    assert max(map(abs, played[-12_000:])) == 0


@pytest.mark.anyio
async def test_a_prompt_and_a_beep_are_heard_too(unhurried: Double, sdk: Any, office: Office) -> None:
    gather = f'<Gather timeout="0"><Say>{THANKS.text}</Say></Gather><Record timeout="0"/>'
    office.documents["/answered"] = f"<Response>{gather}</Response>"
    async with phone(unhurried) as control:
        await control.send({"type": "party", "number": THEIRS, "script": {"answers": [""], "reply_pause_ms": 0}})
        await control.receive()
    call = sdk.calls.create(to=THEIRS, from_=OURS, url=f"{office.url}/answered", record=True, recording_channels="dual")
    await eventually(lambda: sdk.calls(call.sid).fetch().status == "completed")
    whole = [each.sid for each in sdk.recordings.list() if each.source == "OutboundAPI"]
    url = f"{unhurried.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{whole[0]}.wav"
    _, played = channels(await fetch(url))
    assert place_ms(played, THANKS.ulaw) >= 0
    assert place_ms(played, sounds.beep(0.5).ulaw(0, 3900)) >= SAID_MS  # timers may be a millisecond early


@pytest.mark.anyio
async def test_a_started_stream_hears_what_is_said_on_its_outbound_track(
    unhurried: Double, sdk: Any, office: Office
) -> None:
    start = '<Start><Stream url="{stream}" track="both_tracks"/></Start>'
    office.documents["/voice"] = f"<Response>{start}<Say>{THANKS.text}</Say><Say>{THANKS.text}</Say></Response>"
    origins = f"wss://{office.url[7:]}=ws://{office.url[7:]}"
    with running_double(TWILIO_SPEECH_RATE=str(RATE), LAB_STREAM_MAP=origins) as mapped:
        mapped.buy(NUMBER, office.url)
        async with phone(mapped) as caller:
            ended = (await caller.call("one", NUMBER, record=True))[-1]
        tape = await fetch(mapped.url + ended["tape"]["path"])
    assert place_ms(channels(tape)[1], THANKS.ulaw) >= 0, "and the lab's own recording of the call has it as well"
    media = [message["media"] for message in office.messages if message["event"] == "media"]
    heard = {
        track: [is_voiced(base64.b64decode(each["payload"])) for each in media if each["track"] == track]
        for track in ("inbound", "outbound")
    }
    assert sum(heard["inbound"]) == 0
    assert sum(heard["outbound"]) > 2 * THANKS.duration_ms / 20 / 2


@pytest.mark.anyio
async def test_the_two_who_talk_through_a_dial_are_heard_in_turn(unhurried: Double, sdk: Any, office: Office) -> None:
    dial = f'<Dial record="record-from-answer-dual" action="/dialled">{THEIRS}</Dial>'
    office.documents["/voice"] = f"<Response>{dial}</Response>"
    unhurried.buy(NUMBER, office.url)
    async with phone(unhurried) as caller:
        script = {"turns": 1, "reply_pause_ms": 0, "hang_up_pause_ms": 200}
        await caller.send({"type": "party", "number": THEIRS, "script": script})
        await caller.receive()
        await caller.call("one", NUMBER)
    talker, answerer = await listen(unhurried, sdk)
    spoken = {line.id: line.ulaw for line in load_recordings("caller")}
    (first,) = [line for line, ulaw in spoken.items() if place_ms(answerer, ulaw) >= 0]
    (second,) = [line for line, ulaw in spoken.items() if place_ms(talker, ulaw) >= 0]
    assert place_ms(answerer, spoken[first]) == pytest.approx(0, abs=100), "who was called speaks first"
    assert place_ms(talker, spoken[second]) == pytest.approx(len(spoken[first]) / 8, abs=100)
