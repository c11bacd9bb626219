"""What is read of a WAVE header, and what is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.deepgram.listen.audio import AudioFormat
from mock_services.deepgram.listen.wav import UnreadableAudio, read_header
from tests.mock_services.deepgram.listen.sounds import wave

DATA = bytes(range(200))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (wave(DATA), AudioFormat("linear16", 16_000, 1)),
        (wave(DATA, 8_000, 2), AudioFormat("linear16", 8_000, 2)),
        (wave(DATA, 8_000, 1, 7, 8), AudioFormat("mulaw", 8_000, 1)),
    ],
)
def test_the_audio_is_found_behind_other_chunks(content: bytes, expected: AudioFormat) -> None:
    header = read_header(content + b"LIST\x04\x00\x00\x00tail")
    assert header.format == expected
    assert content[header.start : header.end] == DATA


def test_a_stream_that_does_not_know_its_length_goes_on() -> None:
    content = wave(DATA)
    for unknown in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        header = read_header(content.replace(b"data" + struct.pack("<I", 200), b"data" + unknown))
        assert (header.start, header.end) == (len(content) - 200, None)


def test_an_extensible_format_names_its_own_in_it() -> None:
    chunk = struct.pack("<HHIIHH", 0xFFFE, 1, 48_000, 96_000, 2, 16) + struct.pack("<HHI", 22, 16, 4)
    chunk += b"\x01\x00" + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    content = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + b"data\x02\x00\x00\x00ab"
    assert read_header(content).format == AudioFormat("linear16", 48_000, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"ID3\x03" + bytes(100),
        wave(DATA)[:12],
        wave(DATA)[:30],
        wave(DATA, tag=3, bits=32),
        wave(DATA, bits=24),
        wave(DATA, channels=0),
        wave(DATA, rate=11_025),
        wave(DATA, rate=4_000_000_000),
        wave(DATA).replace(b"fmt ", b"nope"),
        wave(DATA).replace(b"data", b"date"),
    ],
)
def test_anything_else_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableAudio):
        read_header(content)


@given(st.binary(max_size=120))
def test_no_bytes_break_the_reader(tail: bytes) -> None:
    try:
        header = read_header(b"RIFF\0\0\0\0WAVE" + tail)
    except UnreadableAudio:
        return
    assert header.format.frame_bytes > 0
