"""What is played to a caller can be cut anywhere, and is what it says it is."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import SILENCE, decode, is_voiced, load_recordings
from mock_services.twilio.protocol import sounds
from mock_services.twilio.protocol.sounds import Sound

LINES = load_recordings("agent")
DIGITS = st.text("0123456789*#wW", max_size=4)
SOUNDS = st.one_of(
    st.builds(
        sounds.words,
        st.text(max_size=80) | st.sampled_from([line.text for line in LINES]),
        st.integers(1, 3),
        st.floats(1, 1000),
    ),
    st.builds(sounds.keys, DIGITS),
    st.builds(sounds.silence, st.floats(0, 2)),
    st.builds(sounds.beep, st.floats(0, 0.2)),
)


def loudness(ulaw: bytes, hertz: int) -> float:
    """Give how much of a frequency is in a sound."""
    turn = 2 * math.pi * hertz / 8000
    samples = decode(ulaw)
    real = sum(sample * math.cos(turn * place) for place, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * place) for place, sample in enumerate(samples))
    return math.hypot(real, imaginary) / len(samples)


@given(SOUNDS, st.lists(st.floats(0, 1), max_size=4))
def test_pieces_are_the_whole_cut_up(sound: Sound, cuts: list[float]) -> None:
    whole = round(sound.seconds * 8000)
    places = [0, *sorted(round(cut * whole) for cut in cuts), whole]
    pieces = [sound.ulaw(begin, end) for begin, end in itertools.pairwise(places)]
    assert [len(piece) for piece in pieces] == [end - begin for begin, end in itertools.pairwise(places)]
    assert b"".join(pieces) == sound.ulaw(0, whole)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_of_the_labs_own_is_spoken_as_it_is(line: "object") -> None:
    recording = next(each for each in LINES if each is line)
    sound = sounds.words(recording.text, 1, 1.0)
    assert sound.seconds == len(recording.text)
    assert sound.ulaw(0, len(recording.ulaw)) == recording.ulaw
    assert set(sound.ulaw(len(recording.ulaw), sound.samples)) <= {SILENCE}


def test_any_other_words_are_speech_of_their_length_and_the_same_each_time() -> None:
    text = "We are closed today. Please call again tomorrow."
    sound = sounds.words(text, 2, 15.0)
    assert sound.seconds == pytest.approx(2 * len(text) / 15, abs=0.001)
    ulaw = sound.ulaw(0, 2 * sound.samples)
    voiced = [is_voiced(ulaw[start : start + 160]) for start in range(0, len(ulaw), 160)]
    assert sum(voiced) > len(voiced) / 3
    assert ulaw[: sound.samples] == ulaw[sound.samples :], "the second time says the same"
    assert sounds.words(text, 2, 15.0).ulaw(0, 800) == ulaw[:800]
    assert sounds.words("Something else", 1, 1.0).ulaw(0, 800) != ulaw[:800]


@pytest.mark.parametrize(
    ("key", "row", "column"), [("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477), ("*", 941, 1209)]
)
def test_keys_are_the_two_tones_of_the_telephone(key: str, row: int, column: int) -> None:
    tone = sounds.keys(key).ulaw(0, 800)
    heard = {hertz: loudness(tone, hertz) for hertz in (697, 770, 852, 941, 1209, 1336, 1477)}
    assert sorted(heard, key=lambda hertz: -heard[hertz])[:2] in ([row, column], [column, row])
    assert min(heard[row], heard[column]) > 10 * max(heard[other] for other in heard if other not in {row, column})


@given(DIGITS)
def test_keys_take_as_long_as_is_said(digits: str) -> None:
    assert sounds.keys(digits).seconds == pytest.approx(sounds.keys_seconds(digits))
