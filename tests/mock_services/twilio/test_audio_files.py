"""Audio files: what recordings are served as."""

import io
import wave

import pytest

from mock_services.core.speech import load_recordings
from mock_services.twilio import audio_files
from mock_services.twilio.protocol.tape import Tape

LINE = load_recordings("caller")[0].ulaw[:4000]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_tape_is_written_with_one_channel_or_two(channels: int) -> None:
    tape = Tape(0.0, 60)
    tape.caller(LINE, 0.0)
    tape.agent(LINE, 0.0)
    tape.end(1.0)
    with wave.open(io.BytesIO(audio_files.wav(tape, channels))) as read:
        assert (read.getnchannels(), read.getnframes(), read.getsampwidth()) == (channels, 8000, 2)
        samples = memoryview(read.readframes(8000)).cast("h")
    both = max(samples)
    alone = Tape(0.0, 60)
    alone.caller(LINE, 0.0)
    with wave.open(io.BytesIO(audio_files.wav(alone, 2))) as read:
        caller = max(memoryview(read.readframes(8000)).cast("h"))
    assert both == (min(2 * caller, 0x7FFF) if channels == 1 else caller)


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
    tape, silent = Tape(0.0, 60), Tape(0.0, 60)
    for start in range(3):
        tape.caller(LINE, start)
    tape.end(3.0)
    silent.end(3.0)
    spoken, quiet = (frames(audio_files.mp3(each, channels)) for each in (tape, silent))
    assert {count for count, _ in spoken} == {channels}
    for taken in (spoken, quiet):
        # A frame is 576 samples, 72 ms; the encoder looks ahead, and fills the last one.
        assert 3.0 <= len(taken) * 0.072 <= 3.0 + 4 * 0.072
    assert len({content for _, content in spoken}) > 30, "speech differs from frame to frame"
    assert len({content for _, content in quiet[4:]}) < 4, "and silence does not"
