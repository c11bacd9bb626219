"""Audio files: what recordings are served as."""

import io
import wave

import pytest

from mock_services.core.speech import load_recordings
from mock_services.twilio import wav
from mock_services.twilio.protocol.tape import Tape

LINE = load_recordings("caller")[0].ulaw[:4000]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_tape_is_written_with_one_channel_or_two(channels: int) -> None:
    tape = Tape(0.0, 60)
    tape.caller(LINE, 0.0)
    tape.agent(LINE, 0.0)
    tape.end(1.0)
    with wave.open(io.BytesIO(wav.write(tape, channels))) as read:
        assert (read.getnchannels(), read.getnframes(), read.getsampwidth()) == (channels, 8000, 2)
        samples = memoryview(read.readframes(8000)).cast("h")
    both = max(samples)
    alone = Tape(0.0, 60)
    alone.caller(LINE, 0.0)
    with wave.open(io.BytesIO(wav.write(alone, 2))) as read:
        caller = max(memoryview(read.readframes(8000)).cast("h"))
    assert both == (min(2 * caller, 0x7FFF) if channels == 1 else caller)


def test_an_mp3_has_whole_frames() -> None:
    content = wav.silent_mp3(2.0)
    frame = content[:104]
    assert frame[:2] == b"\xff\xfb"
    assert content == frame * (len(content) // 104)
    assert abs(len(content) / 104 * wav.MP3_FRAME_SECONDS - 2.0) < wav.MP3_FRAME_SECONDS
