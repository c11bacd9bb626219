"""Reads a WAV file that `<Play>` names: how long it is, and what of it is heard on a telephone line."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import Final

from mock_services.core.speech import SAMPLE_RATE, SILENCE, encode

PCM: Final = 1
MULAW: Final = 7
EXTENSIBLE: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class WaveFile:
    """A WAV file. Its header says `bytes_per_second`, by which it plays; `tag` is the encoding (PCM, μ-law, others)."""

    audio: bytes
    bytes_per_second: int
    tag: int = 0
    rate: int = 0
    frame_bytes: int = 0
    sample_bytes: int = 0

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.audio) / self.bytes_per_second

    def ulaw(self, begin: int, end: int) -> bytes:
        """Give the samples from `begin` to `end` of its first channel, at 8 kHz; silence where there is none.

        The nearest sample is taken, without a filter. An encoding that is neither PCM nor μ-law is silence.
        """
        count = end - begin
        if not self._is_read:
            return bytes([SILENCE]) * count
        first = begin * self.rate // SAMPLE_RATE
        frames = self.audio[first * self.frame_bytes : (end * self.rate // SAMPLE_RATE + 1) * self.frame_bytes]
        if self.tag == MULAW:
            heard = self._nearest(frames, 0, begin, count)
        elif self.sample_bytes == 1:  # PCM of 8 bits is unsigned
            heard = encode((sample - 0x80) << 8 for sample in self._nearest(frames, 0, begin, count))
        else:  # the two highest bytes of each sample
            pairs = bytearray(2 * count)
            low = self._nearest(frames, self.sample_bytes - 2, begin, count)
            pairs[: 2 * len(low) : 2] = low
            pairs[1 : 2 * len(low) : 2] = self._nearest(frames, self.sample_bytes - 1, begin, count)[: len(low)]
            heard = encode(array("h", bytes(pairs)))
        return heard.ljust(count, bytes([SILENCE]))

    @property
    def _is_read(self) -> bool:
        fits = 1 <= self.sample_bytes <= self.frame_bytes and self.rate > 0
        return fits and (self.tag == PCM or (self.tag == MULAW and self.sample_bytes == 1))

    def _nearest(self, frames: bytes, offset: int, begin: int, count: int) -> bytes:
        """Give the byte at `offset` in the frame that is nearest to each of `count` samples at 8 kHz."""
        column = frames[offset :: self.frame_bytes]
        if self.rate % SAMPLE_RATE == 0:
            return column[:: self.rate // SAMPLE_RATE][:count]
        first, last = begin * self.rate // SAMPLE_RATE, len(column) - 1
        places = ((begin + sample) * self.rate // SAMPLE_RATE - first for sample in range(count))
        return bytes(column[place] for place in places if place <= last)


def read(content: bytes) -> WaveFile | None:
    """Read a file; None for what is no WAV file, or has no audio. One that is cut off has what is there."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    at, header = 12, b""
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt ":
            header = content[at : at + length]
        elif name == b"data" and len(header) >= 16:
            return _read(header, content[at : at + length])
        at += int(length) + length % 2
    return None


def _read(header: bytes, audio: bytes) -> WaveFile | None:
    tag, _channels, rate, bytes_per_second, frame_bytes, bits = struct.unpack_from("<HHIIHH", header)
    if not bytes_per_second:
        return None
    if tag == EXTENSIBLE and len(header) >= 26:
        (tag,) = struct.unpack_from("<H", header, 24)
    return WaveFile(audio, bytes_per_second, tag, rate, frame_bytes, (bits + 7) // 8)
