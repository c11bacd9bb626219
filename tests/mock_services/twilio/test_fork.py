"""A stream that takes a copy of the call's audio: its numbering, and what it makes of a server that speaks."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.twilio.protocol.fork import MOST_WAITING, TRACKS, ForkStream, Heard
from mock_services.twilio.protocol.media import StreamStateError

PAYLOADS = {"inbound": base64.b64encode(b"\xff" * 160), "outbound": base64.b64encode(b"\x7f" * 160)}


def started(track: str) -> ForkStream:
    stream = ForkStream("AC1", "CA1", "MZ1", {"k": "v"}, track)
    stream.connected()
    return stream


@pytest.mark.parametrize("track", TRACKS)
def test_the_start_names_the_tracks(track: str) -> None:
    start = json.loads(started(track).start())
    assert (start["sequenceNumber"], start["start"]["tracks"]) == ("1", list(TRACKS[track]))
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert start["start"]["customParameters"] == {"k": "v"}


@given(st.sampled_from(sorted(TRACKS)), st.lists(st.integers(0, 3), max_size=30))
def test_messages_are_numbered_and_each_track_counts_its_chunks(track: str, skipped: list[int]) -> None:
    stream = started(track)
    stream.start()
    frames, messages = 0, []
    for skip in skipped:
        stream.skip(skip)
        frames += skip
        sent = [json.loads(message) for message in stream.frame(PAYLOADS)]
        assert {message["media"]["timestamp"] for message in sent} == {str(5 + 20 * frames)}
        assert [message["media"]["track"] for message in sent] == list(TRACKS[track])
        frames += 1
        messages += sent
    assert [int(message["sequenceNumber"]) for message in messages] == list(range(2, len(messages) + 2))
    for each in TRACKS[track]:
        chunks = [int(message["media"]["chunk"]) for message in messages if message["media"]["track"] == each]
        assert chunks == list(range(1, len(skipped) + 1))
    assert int(json.loads(stream.stop())["sequenceNumber"]) == len(messages) + 2


def test_nothing_can_be_played_on_it() -> None:
    stream = started("inbound_track")
    stream.start()
    assert stream.receive(b'{"event":"clear","streamSid":"MZ1"}', 0.0) is None
    assert (stream.warnings, "one way" in stream.warning) == (1, True)


def test_nothing_is_sent_before_it_starts_or_after_it_stops() -> None:
    stream = started("both_tracks")
    with pytest.raises(StreamStateError):
        stream.frame(PAYLOADS)
    stream.start()
    stream.stop()
    with pytest.raises(StreamStateError):
        stream.frame(PAYLOADS)


def frames(heard: Heard, now: float) -> bytes:
    """Take all frames there are."""
    taken = b""
    while (frame := heard.next(now)) is not None:
        assert len(base64.b64decode(frame)) == 160
        taken += base64.b64decode(frame)
    return taken


@given(st.lists(st.binary(min_size=1, max_size=700), min_size=1, max_size=8))
def test_what_is_heard_is_sent_on_whole_and_in_order(pieces: list[bytes]) -> None:
    heard = Heard()
    for piece in pieces:
        heard.add(piece, 1.0)
    said = b"".join(pieces)
    assert heard.next(0.9) is None
    assert frames(heard, 1.0) == said + b"\xff" * (-len(said) % 160)
    assert heard.next(2.0) is None


def test_what_is_cleared_is_not_sent() -> None:
    heard = Heard()
    heard.add(b"\x00" * 800, 0.0)
    assert heard.next(0.0) is not None
    heard.clear()
    assert heard.next(1.0) is None
    heard.add(b"\x01" * 160, 5.0)
    assert heard.next(4.9) is None
    assert frames(heard, 5.0) == b"\x01" * 160


def test_so_much_waits_and_no_more() -> None:
    heard = Heard()
    heard.add(bytes(MOST_WAITING), 0.0)
    heard.add(b"\x01" * 160, 0.0)
    assert len(frames(heard, 0.0)) == MOST_WAITING
