"""Audio files: what recordings are served as."""

import io
import wave

import pytest

from mock_services.core.speech import SILENCE, decode, load_recordings
from mock_services.twilio.audio_files import Kind, make, make_apart
from mock_services.twilio.protocol.tape import Tape

LINE = load_recordings("caller")[0].ulaw[:4000]
OTHER = load_recordings("agent")[0].ulaw[:4000]


def heard(wav: bytes, channels: int) -> list[list[int]]:
    with wave.open(io.BytesIO(wav)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (channels, 2, 8000)
        samples = list(memoryview(read.readframes(read.getnframes())).cast("h"))
    return [samples[channel::channels] for channel in range(channels)]


def test_two_channels_are_the_two_sides_and_one_is_both_of_them_mixed() -> None:
    caller, other = heard(make(Kind.WAV, LINE, OTHER, 2), 2)
    (both,) = heard(make(Kind.WAV, LINE, OTHER, 1), 1)
    assert (caller, other) == (list(decode(LINE)), list(decode(OTHER)))
    assert both == [min(max(a + b, -0x8000), 0x7FFF) for a, b in zip(caller, other, strict=True)]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_file_that_another_process_makes_is_the_same(kind: Kind) -> None:
    tape = Tape(0.0, 60)
    tape.caller(LINE, 0.0)
    tape.end(1.0)
    made = make(kind, LINE.ljust(8000, bytes([SILENCE])), bytes([SILENCE]) * 8000, 2)
    assert make_apart(kind, tape, 2) == made


def frames(mp3: bytes) -> list[tuple[int, bytes]]:
    """Take an MP3 file apart, by the headers of MPEG-2.5 Layer III at 8 kHz: channels and content of each frame."""
    taken, at = [], 0
    while at < len(mp3):
        head = mp3[at : at + 4]
        assert head[:2] == b"\xff\xe3", "a frame of MPEG-2.5, Layer III, without a checksum"
        kbits = (0, 8, 16, 24, 32, 40, 48, 56, 64)[head[2] >> 4]
        assert head[2] >> 2 & 3 == 2, "8 kHz"
        length = 72 * kbits * 1000 // 8000 + (head[2] >> 1 & 1)
        taken.append((1 if head[3] >> 6 == 3 else 2, mp3[at + 4 : at + length]))
        at += length
    assert at == len(mp3), "the last frame is whole"
    return taken


@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_has_the_recordings_length_channels_and_sound(channels: int) -> None:
    silence = bytes([SILENCE]) * 24_000
    speech = (LINE + silence[:4000]) * 3
    spoken, quiet = (frames(make(Kind.MP3, each, silence, channels)) for each in (speech, silence))
    assert {count for count, _ in spoken} == {channels}
    for taken in (spoken, quiet):
        # A frame is 576 samples, 72 ms; the encoder looks ahead, and fills the last one.
        assert 3.0 <= len(taken) * 0.072 <= 3.0 + 4 * 0.072
    assert len({content for _, content in spoken}) > 30, "speech differs from frame to frame"
    assert len({content for _, content in quiet[4:]}) < 4, "and silence does not"
