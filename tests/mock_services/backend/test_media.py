"""The media stream's reader drops what the platform drops, ends where it ends, and never breaks otherwise."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.voice_agent.media import (
    MediaStream,
    Playback,
    StreamBroken,
    StreamStarted,
    StreamStopped,
)

FRAME = b"\x7f" * 160
PARAMETERS = {"call_sid": "CA1", "org_phone": "+15552021926", "from": "+15557654321", "to": "+15552021926"}


def stream(packets_per_s: int = 100) -> MediaStream:
    return MediaStream(packets_per_s=packets_per_s, payload_chars=4000, audio_bytes=2048)


def media(payload: Any) -> str:
    return json.dumps({"event": "media", "sequenceNumber": "2", "media": {"payload": payload}, "streamSid": "MZ1"})


def start(**changes: Any) -> str:
    message: dict[str, Any] = {"streamSid": "MZ1", "customParameters": PARAMETERS} | changes
    return json.dumps({"event": "start", "start": message})


def test_a_call_is_read_from_its_start_to_its_stop() -> None:
    reader = stream()
    assert reader.receive('{"event":"connected","protocol":"Call"}', 0) is None
    assert reader.receive(start(), 0) == StreamStarted("MZ1", "CA1", "+15552021926", "+15557654321", "+15552021926")
    assert reader.receive(media(base64.b64encode(FRAME).decode()), 0) == FRAME
    assert reader.receive('{"event":"mark"}', 0) is None
    assert isinstance(reader.receive('{"event":"stop"}', 0), StreamStopped)
    assert reader.dropped == 0


@pytest.mark.parametrize(
    "payload",
    [
        "A" * 4004,
        base64.b64encode(bytes(2049)).decode(),
        "A",
        "ü",
        None,
        7,
    ],
    ids=["too many characters", "too many bytes", "not base64", "not ASCII", "nothing", "a number"],
)
def test_a_packet_that_cannot_be_taken_is_dropped(payload: Any) -> None:
    reader = stream()
    assert reader.receive(media(payload), 0) is None
    assert reader.dropped == 1
    assert reader.receive(media(base64.b64encode(bytes(2048)).decode()), 0) == bytes(2048)


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=60), st.integers(1, 5))
def test_packets_beyond_the_number_a_second_are_dropped(pauses: list[float], limit: int) -> None:
    reader = stream(packets_per_s=limit)
    packet = media(base64.b64encode(FRAME).decode())
    now, opened, seen, dropped = 0.0, float("-inf"), 0, 0
    for pause in pauses:
        now += pause
        if now - opened >= 1:
            opened, seen = now, 0
        seen += 1
        dropped += seen > limit
        assert (reader.receive(packet, now) == FRAME) is (seen <= limit)
    assert reader.dropped == dropped


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "7", start(streamSid=""), start(customParameters=None), start(customParameters={}),
     start(customParameters={**PARAMETERS, "from": ""}), start(customParameters={**PARAMETERS, "org_phone": 7}),
     '{"event":"start"}', '{"event":"start","start":[]}'],
)  # fmt: skip
def test_what_the_platform_cannot_use_ends_the_stream(text: str) -> None:
    with pytest.raises(StreamBroken):
        stream().receive(text, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["start", "media", "stop", "connected"]) | json_values,
        "start": json_values | st.fixed_dictionaries({"streamSid": json_values, "customParameters": json_values}),
        "media": json_values | st.fixed_dictionaries({"payload": json_values}),
    },
).map(json.dumps)


@given(st.lists(messages | st.text(), max_size=10))
def test_no_message_breaks_the_reader(texts: list[str]) -> None:
    reader = stream()
    for text in texts:
        try:
            event = reader.receive(text, 0)
        except StreamBroken:
            return
        assert event is None or isinstance(event, bytes | StreamStarted | StreamStopped)


@given(st.text(st.characters(blacklist_categories=["Cs"])), st.binary(max_size=2000))
def test_audio_goes_back_as_one_media_message(stream_sid: str, audio: bytes) -> None:
    message = json.loads(Playback(stream_sid).message(audio))
    assert message == {
        "event": "media",
        "streamSid": stream_sid,
        "media": {"payload": base64.b64encode(audio).decode()},
    }
