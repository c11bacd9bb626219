"""Hearing: an utterance begins with voice, ends with a silence, and does not depend on how the audio was cut up."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SILENCE, Recording, comfort_noise, load_recordings
from mock_services.deepgram.hearing import Heard, Hearing

CALLER = load_recordings("caller")
QUIET = bytes([SILENCE]) * FRAME_BYTES
ONSET_MS, GAP_MS = 60, 400
GAP = QUIET * (GAP_MS // FRAME_MS)


def hearing() -> Hearing:
    return Hearing(ONSET_MS, GAP_MS)


@pytest.mark.parametrize("line", CALLER, ids=lambda line: line.id)
def test_each_recording_is_heard_as_one_utterance_and_recognised(line: Recording) -> None:
    ear = hearing()
    assert list(ear.hear(QUIET + line.ulaw)) == [Heard.STARTED]
    assert ear.speaking
    assert list(ear.hear(GAP)) == [Heard.ENDED]
    assert not ear.speaking
    assert ear.lines == (line,)


def test_an_utterance_ends_after_exactly_the_gap() -> None:
    ear = hearing()
    ear.hear(CALLER[0].ulaw)
    assert not ear.hear(GAP[FRAME_BYTES:])
    assert list(ear.hear(QUIET)) == [Heard.ENDED]


def test_it_begins_after_exactly_the_onset() -> None:
    ear = hearing()
    voice = CALLER[0].ulaw
    assert not ear.hear(voice[: 2 * FRAME_BYTES])
    assert list(ear.hear(voice[2 * FRAME_BYTES : 3 * FRAME_BYTES])) == [Heard.STARTED]


def test_comfort_noise_is_never_speech() -> None:
    assert not hearing().hear(comfort_noise(Random(3), 20_000, 60.0))


def test_a_click_shorter_than_the_onset_is_not_speech() -> None:
    ear = hearing()
    assert not ear.hear((CALLER[0].ulaw[: 2 * FRAME_BYTES] + QUIET) * 20)


def test_two_lines_in_one_breath_are_one_utterance_of_both() -> None:
    ear = hearing()
    heard = ear.hear(CALLER[0].ulaw + QUIET * 5 + CALLER[1].ulaw + GAP)
    assert list(heard) == [Heard.STARTED, Heard.ENDED]
    assert ear.lines == CALLER[:2]


def test_speech_that_is_no_recording_is_heard_but_not_recognised() -> None:
    ear = hearing()
    assert list(ear.hear(CALLER[2].ulaw[37:] + b"\x00" * 37 + GAP)) == [Heard.STARTED, Heard.ENDED]
    assert ear.lines == ()


def test_nothing_recognised_leaks_into_the_next_utterance() -> None:
    ear = hearing()
    ear.hear(CALLER[0].ulaw + GAP)
    ear.hear(CALLER[1].ulaw[: 2 * FRAME_BYTES] + QUIET)  # too short to be speech
    ear.hear(CALLER[2].ulaw + GAP)
    assert ear.lines == (CALLER[2],)


@given(data=st.data())
def test_how_audio_is_cut_up_makes_no_difference(data: st.DataObject) -> None:
    audio = QUIET * 3 + CALLER[0].ulaw[:6400] + GAP + CALLER[1].ulaw[:3200] + GAP
    cuts = sorted(data.draw(st.lists(st.integers(0, len(audio)), max_size=12)))
    whole, pieces = hearing(), hearing()
    expected = list(whole.hear(audio))
    heard: list[Heard] = []
    for start, end in zip([0, *cuts], [*cuts, len(audio)], strict=True):
        heard.extend(pieces.hear(audio[start:end]))
    assert heard == expected == [Heard.STARTED, Heard.ENDED] * 2
    assert pieces.lines == whole.lines
