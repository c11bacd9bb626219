"""Reads the header of a RIFF/WAVE file: enough to know what audio follows, and where."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from mock_services.deepgram.listen.audio import AudioFormat, Encoding

PCM: Final = 1
MULAW: Final = 7
EXTENSIBLE: Final = 0xFFFE
MAX_CHANNELS: Final = 16
UNKNOWN_LENGTH: Final = frozenset({0, 0xFFFFFFFF})
"""What writers that cannot seek back leave in place of the data's length."""


class UnreadableAudio(Exception):
    """Bytes that are no audio this stub reads."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a WAVE header says: the format, and where the audio is (`end` None: as far as there is any)."""

    format: AudioFormat
    start: int
    end: int | None


def read_header(content: bytes) -> Header:
    """Read a WAVE header of 16-bit PCM or μ-law; raise `UnreadableAudio`."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise UnreadableAudio("the audio has no RIFF/WAVE header")
    at, audio_format = 12, None
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt ":
            audio_format = _format(content[at : at + length])
        elif name == b"data":
            if audio_format is None:
                raise UnreadableAudio("the WAVE header has no format before its data")
            return Header(audio_format, at, None if length in UNKNOWN_LENGTH else at + length)
        at += length + length % 2
    raise UnreadableAudio("the WAVE header has no data")


def _format(chunk: bytes) -> AudioFormat:
    if len(chunk) < 16:
        raise UnreadableAudio("the WAVE header's format is cut off")
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    encodings: dict[tuple[int, int], Encoding] = {(PCM, 16): "linear16", (MULAW, 8): "mulaw"}
    encoding = encodings.get((tag, bits))
    if encoding is None or not 1 <= channels <= MAX_CHANNELS or not sample_rate:
        raise UnreadableAudio(f"WAVE format {tag} with {bits} bits and {channels} channels is not read here")
    try:
        return AudioFormat(encoding, sample_rate, channels)
    except ValueError as odd:
        raise UnreadableAudio(str(odd)) from None
