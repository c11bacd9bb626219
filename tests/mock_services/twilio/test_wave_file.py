"""A WAV file that is played: how long it is, and what of it is heard at 8 kHz."""

import io
import math
import struct
import wave
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import DECODED, SILENCE, decode, encode, load_recordings
from mock_services.twilio.protocol import wave_file
from mock_services.twilio.protocol.wave_file import WaveFile

LINE = load_recordings("agent")[0].ulaw[:8000]


def pcm(samples: bytes, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(samples)
    return content.getvalue()


def silent(seconds: float, width: int = 2, channels: int = 1) -> bytes:
    return pcm(bytes(round(seconds * 8000) * width * channels), 8000, width, channels)


def tagged(tag: int, audio: bytes, bits: int = 8, extended: bool = False) -> bytes:
    """Give a file of an encoding that Python's module does not write."""
    frame = bits // 8
    header = struct.pack("<HHIIHH", 0xFFFE if extended else tag, 1, 8000, 8000 * frame, frame, bits)
    if extended:
        header += struct.pack("<HHIH14s", 22, bits, 4, tag, b"")
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(audio)) + audio
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def heard(content: bytes, seconds: float = 1.0) -> "array[int]":
    played = wave_file.read(content)
    assert played is not None
    return decode(played.ulaw(0, round(seconds * 8000)))


def tone(rate: int, hertz: int = 400) -> "array[int]":
    return array("h", [round(8000 * math.sin(2 * math.pi * hertz * sample / rate)) for sample in range(rate)])


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2)])
def test_a_wav_file_plays_as_long_as_it_is(width: int, channels: int) -> None:
    played = wave_file.read(silent(0.5, width, channels))
    assert played is not None
    assert played.seconds == 0.5


def test_a_file_that_is_cut_off_plays_what_is_there() -> None:
    played = wave_file.read(silent(1)[: 44 + 8000])
    assert played is not None
    assert played.seconds == 0.5


def test_what_is_no_wav_file_is_none() -> None:
    assert wave_file.read(b"ID3") is None
    assert wave_file.read(b"RIFF\0\0\0\0WAVE") is None
    assert wave_file.read(tagged(1, b"", 8).replace(struct.pack("<I", 8000), bytes(4))) is None


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000, 11_025, 22_050, 44_100])
def test_a_tone_is_heard_at_its_pitch_whatever_the_rate(rate: int) -> None:
    expected = tone(8000)
    samples = heard(pcm(tone(rate).tobytes(), rate))
    assert max(abs(a - b) for a, b in zip(samples, expected, strict=True)) < 8000 * 2 * math.pi * 400 / rate + 600


def test_eight_sixteen_and_more_bits_are_heard_alike() -> None:
    samples = tone(8000)
    expected = decode(encode(samples))
    assert heard(pcm(samples.tobytes())) == expected
    assert heard(pcm(b"".join(struct.pack("<i", each << 16)[1:] for each in samples), width=3)) == expected
    assert heard(pcm(b"".join(struct.pack("<i", each << 16) for each in samples), width=4)) == expected
    coarse = heard(pcm(bytes((each >> 8) + 0x80 for each in samples), width=1))
    assert max(abs(a - b) for a, b in zip(coarse, expected, strict=True)) < 700


def test_of_two_channels_the_first_is_heard() -> None:
    both = array("h")
    for sample in tone(8000):
        both.extend([sample, 0])
    assert heard(pcm(both.tobytes(), channels=2)) == decode(encode(tone(8000)))


@pytest.mark.parametrize("extended", [False, True])
def test_mu_law_is_heard_as_it_is(extended: bool) -> None:
    played = wave_file.read(tagged(wave_file.MULAW, LINE, extended=extended))
    assert played is not None
    assert played.ulaw(0, len(LINE)) == LINE


def test_another_encoding_is_silence_of_its_length() -> None:
    played = wave_file.read(tagged(3, bytes(range(256)) * 125, 32))
    assert played is not None
    assert (played.seconds, played.ulaw(0, 8000)) == (1.0, bytes([SILENCE]) * 8000)


FILES = st.builds(
    WaveFile,
    audio=st.binary(max_size=400),
    bytes_per_second=st.integers(1, 100_000),
    tag=st.sampled_from([0, 1, 3, 7]),
    rate=st.integers(0, 50_000),
    frame_bytes=st.integers(0, 8),
    sample_bytes=st.integers(0, 4),
)


@given(FILES, st.integers(0, 300), st.integers(0, 300))
def test_any_piece_has_its_length(played: WaveFile, begin: int, samples: int) -> None:
    piece = played.ulaw(begin, begin + samples)
    assert len(piece) == samples
    assert all(code in range(len(DECODED)) for code in piece)


@given(st.sampled_from([8000, 16_000, 11_025, 44_100]), st.lists(st.integers(1, 999), max_size=5))
def test_pieces_are_the_whole_cut_up(rate: int, cuts: list[int]) -> None:
    played = wave_file.read(pcm(tone(rate)[: rate // 8].tobytes(), rate))
    assert played is not None
    places = [0, *sorted(cuts), 1000]
    assert b"".join(map(played.ulaw, places, places[1:])) == played.ulaw(0, 1000)


@given(st.binary() | st.binary().map(lambda rest: b"RIFF\0\0\0\0WAVE" + rest))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    played = wave_file.read(content)
    assert played is None or (played.seconds >= 0 and len(played.ulaw(0, 80)) == 80)
