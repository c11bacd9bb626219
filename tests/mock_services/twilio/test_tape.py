"""A tape holds both directions of a call at the times at which they were heard, and nothing that was not."""

import io
import wave
from array import array
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import SILENCE, decode, load_recordings
from mock_services.twilio.protocol.tape import Tape, Track

BEGAN = 500.0
WORDS = load_recordings("caller")[0].ulaw[:1600]  # 200 ms
VOICE = load_recordings("agent")[0].ulaw[:1600]


def listen(tape: Tape, *tracks: Track) -> list["array[int]"]:
    """Give the samples of each channel of the WAV file, as any player reads them."""
    file = io.BytesIO()
    tape.write_wav(file, *tracks)
    file.seek(0)
    with wave.open(file) as reader:
        assert (reader.getframerate(), reader.getsampwidth()) == (8000, 2)
        samples = array("h", reader.readframes(reader.getnframes()))
        assert len(samples) == reader.getnframes() * reader.getnchannels()
        return [samples[channel :: reader.getnchannels()] for channel in range(reader.getnchannels())]


def quiet(samples: int) -> "array[int]":
    return decode(bytes([SILENCE]) * samples)


def test_each_direction_is_a_channel_and_each_word_at_its_time() -> None:
    tape = Tape(BEGAN, 60)
    tape.agent(VOICE, BEGAN + 0.5)
    tape.caller(WORDS, BEGAN + 1.0)
    tape.end(BEGAN + 2.0)
    caller, agent = listen(tape)
    assert caller == quiet(8000) + decode(WORDS) + quiet(6400)
    assert agent == quiet(4000) + decode(VOICE) + quiet(10_400)
    assert tape.seconds == 2.0


def test_a_direction_can_be_had_alone() -> None:
    tape = Tape(BEGAN, 60)
    tape.caller(WORDS, BEGAN)
    tape.agent(VOICE, BEGAN)
    assert listen(tape, Track.CALLER) == [decode(WORDS)]
    assert listen(tape, Track.AGENT, Track.CALLER) == [decode(VOICE), decode(WORDS)]


def test_what_was_cleared_was_not_heard() -> None:
    tape = Tape(BEGAN, 60)
    tape.agent(VOICE * 10, BEGAN)
    tape.cut(BEGAN + 0.1)
    tape.agent(VOICE, BEGAN + 0.4)
    assert listen(tape, Track.AGENT) == [decode(VOICE[:800]) + quiet(2400) + decode(VOICE)]


def test_what_was_still_to_be_played_at_the_end_was_not_heard() -> None:
    tape = Tape(BEGAN, 60)
    tape.agent(VOICE * 10, BEGAN)
    tape.end(BEGAN + 0.1)
    tape.caller(WORDS, BEGAN + 0.2)
    assert listen(tape) == [quiet(800), decode(VOICE[:800])]


def test_frames_that_miss_the_end_of_the_last_by_a_hair_are_joined_without_a_click() -> None:
    tape = Tape(BEGAN, 60)
    for place in range(10):
        tape.caller(WORDS[place * 160 :][:160], BEGAN + place * 0.02 + (0.0009 if place % 2 else -0.0009))
    assert listen(tape, Track.CALLER)[0][-1600:] == decode(WORDS)


def test_a_tape_is_bounded() -> None:
    tape = Tape(BEGAN, 0.3)
    tape.agent(VOICE * 1000, BEGAN + 0.2)
    tape.caller(WORDS, BEGAN + 1000)
    assert [len(track) for track in listen(tape)] == [2400, 2400]
    assert listen(tape, Track.AGENT) == [quiet(1600) + decode(VOICE[:800])]


def test_an_empty_tape_is_a_sound_file_of_no_length() -> None:
    tape = Tape(BEGAN, 60)
    tape.end(BEGAN)
    assert listen(tape) == [array("h"), array("h")]


Step = tuple[str, float, int]


@given(
    st.lists(st.tuples(st.sampled_from(["audio", "cut"]), st.floats(0, 0.3), st.integers(0, 2000)), max_size=12),
    st.floats(0, 1),
)
def test_the_tape_is_what_a_listener_would_have_heard(steps: list[Step], rest: float) -> None:
    """The listener knows of each sample what it was last told to be: one tone for each piece of audio."""
    tape = Tape(0.0, 120)
    heard: dict[int, int] = {}
    now = plays_until = 0.0
    for step, (kind, seconds, size) in enumerate(steps):
        now += seconds
        if kind == "cut":
            plays_until = min(plays_until, now)
            tape.cut(now)
            heard = {place: code for place, code in heard.items() if place < round(now * 8000)}
        else:
            begins = max(plays_until, now)
            plays_until = begins + size / 8000
            audio = bytes([step]) * size
            tape.agent(audio, begins)
            heard |= dict(enumerate(audio, start=round(begins * 8000)))
    tape.end(now + rest)
    (agent,) = listen(tape, Track.AGENT)
    length = round((now + rest) * 8000)
    expected = decode(bytes(heard.get(place, SILENCE) for place in range(length)))
    assert len(agent) == length
    assert sum(map(bool, differences(agent, expected))) <= len(steps) * 16  # each end may lie a millisecond off


def differences(one: "array[int]", other: "array[int]") -> Iterator[int]:
    return (a - b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("tracks", [(), (Track.CALLER,), (Track.AGENT,)])
def test_long_tapes_are_written_whole(tracks: tuple[Track, ...]) -> None:
    tape = Tape(BEGAN, 60)
    tape.caller(WORDS * 50, BEGAN)
    tape.agent(VOICE * 52, BEGAN)
    expected = {Track.CALLER: decode(WORDS * 50) + quiet(3200), Track.AGENT: decode(VOICE * 52)}
    assert listen(tape, *tracks) == [expected[track] for track in tracks or (Track.CALLER, Track.AGENT)]
