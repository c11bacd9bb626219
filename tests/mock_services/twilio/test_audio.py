"""Payloads are whole frames in base64, and voice is found where it stands."""

import base64
from random import Random

import pytest

from mock_services.core.speech import SILENCE, comfort_noise, is_voiced, load_recordings, recognise
from mock_services.twilio.protocol.audio import load_voice, payloads, voiced_span

VOICE = load_recordings("caller")[0].ulaw
QUIET = bytes([SILENCE])


def test_a_recording_becomes_frames_of_160_bytes_in_216_characters() -> None:
    frames = payloads(VOICE)
    assert {len(frame) for frame in frames} == {216}
    assert b"".join(base64.b64decode(frame) for frame in frames) == VOICE


def test_an_agent_can_recognise_what_a_caller_says() -> None:
    voice = load_voice(Random(1))
    for line in voice.lines:
        heard = {found.id for frame in line.payloads if (found := recognise(base64.b64decode(frame)))}
        assert heard == {line.id}


def test_line_noise_is_never_voice_and_comes_from_its_seed() -> None:
    noise = load_voice(Random(1)).noise
    assert not any(is_voiced(base64.b64decode(frame)) for frame in noise)
    assert load_voice(Random(1)).noise == noise
    assert load_voice(Random(2)).noise != noise


def test_a_line_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="caller-nobody"):
        load_voice(Random(1)).line("caller-nobody")


@pytest.mark.parametrize("audio", [b"", QUIET * 160, QUIET * 5000, comfort_noise(Random(3), 500)])
def test_silence_and_noise_have_no_voice(audio: bytes) -> None:
    assert voiced_span(audio) is None


def test_voice_is_found_between_silences() -> None:
    span = voiced_span(QUIET * 800 + VOICE[:1600] + QUIET * 4000)
    assert span is not None
    assert span == pytest.approx((0.1, 0.3))


def test_a_short_piece_of_voice_is_voice() -> None:
    assert voiced_span(VOICE[:40]) == (0.0, 0.005)
