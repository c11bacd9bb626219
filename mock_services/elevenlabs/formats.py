"""The formats that ElevenLabs speaks in, made without an encoder: real speech as samples, silence as MP3."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from math import gcd

from mock_services.core.speech import SAMPLE_RATE, SILENCE, decode, load_recordings
from mock_services.elevenlabs.errors import FormatNotHere

PAUSE_S = 0.3  # between the recordings on the tape
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
}
# MPEG-1 and MPEG-2, Layer III: the index that a bitrate (kbit/s) has in a frame's header.
MPEG1_BITRATES = {32: 1, 64: 5, 96: 7, 128: 9, 192: 11}
MPEG2_BITRATES = {32: 4, 48: 6}


class FormatName(StrEnum):
    """The values of `output_format`."""

    MP3_22050_32 = "mp3_22050_32"
    MP3_24000_48 = "mp3_24000_48"
    MP3_44100_32 = "mp3_44100_32"
    MP3_44100_64 = "mp3_44100_64"
    MP3_44100_96 = "mp3_44100_96"
    MP3_44100_128 = "mp3_44100_128"
    MP3_44100_192 = "mp3_44100_192"
    PCM_8000 = "pcm_8000"
    PCM_16000 = "pcm_16000"
    PCM_22050 = "pcm_22050"
    PCM_24000 = "pcm_24000"
    PCM_32000 = "pcm_32000"
    PCM_44100 = "pcm_44100"
    PCM_48000 = "pcm_48000"
    ULAW_8000 = "ulaw_8000"
    ALAW_8000 = "alaw_8000"
    OPUS_48000_32 = "opus_48000_32"
    OPUS_48000_64 = "opus_48000_64"
    OPUS_48000_96 = "opus_48000_96"
    OPUS_48000_128 = "opus_48000_128"
    OPUS_48000_192 = "opus_48000_192"
    WAV_8000 = "wav_8000"
    WAV_16000 = "wav_16000"
    WAV_22050 = "wav_22050"
    WAV_24000 = "wav_24000"
    WAV_32000 = "wav_32000"
    WAV_44100 = "wav_44100"
    WAV_48000 = "wav_48000"


@dataclass(frozen=True)
class Format:
    """One format. Audio is given for a stretch of time, so that a long text is made only as far as it is sent."""

    codec: str
    rate: int
    kbits: int = 0

    @classmethod
    def named(cls, name: FormatName) -> Format:
        """Give the format called `name`; raises `FormatNotHere` for Opus."""
        codec, rate, *kbits = name.value.split("_")
        if codec == "opus":
            raise FormatNotHere(name.value)
        return cls(codec, int(rate), int(kbits[0]) if kbits else 0)

    @property
    def media_type(self) -> str:
        """The `Content-Type`."""
        return MEDIA_TYPES[self.codec]

    def head(self, duration_s: float) -> bytes:
        """Give what stands before the audio of a file of `duration_s`: a WAV file's header, for others nothing."""
        if self.codec != "wav":
            return b""
        size = self._units(duration_s) * self.unit_bytes
        data = b"data" + struct.pack("<I", size)
        layout = struct.pack("<IHHIIHH", 16, 1, 1, self.rate, 2 * self.rate, 2, 16)
        return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + layout + data

    def audio(self, offset_s: float, start_s: float, end_s: float) -> bytes:
        """Give the audio from `start_s` to `end_s` of a text that begins at `offset_s` of the lab's recordings.

        Stretches that touch join without a gap, and all stretches of a text have as many bytes as the whole.
        """
        first, last = self._units(start_s), self._units(end_s)
        if self.codec == "mp3":
            return self._silent_frame * (last - first)
        tape = _tape("pcm" if self.codec == "wav" else self.codec, self.rate)
        size = self.unit_bytes
        length = (last - first) * size
        at = (round(offset_s * self.rate) * size + first * size) % len(tape)
        turns = -(-(at + length) // len(tape))
        return (tape * turns)[at : at + length] if turns > 1 else tape[at : at + length]

    @cached_property
    def unit_bytes(self) -> int:
        """The bytes of the smallest stretch of audio: a sample, or a frame of MP3."""
        if self.codec == "mp3":
            return len(self._silent_frame)
        return 1 if self.codec in ("ulaw", "alaw") else 2

    @cached_property
    def unit_s(self) -> float:
        """How long that stretch is."""
        return (1152 if self.rate >= 32_000 else 576) / self.rate if self.codec == "mp3" else 1 / self.rate

    def _units(self, seconds: float) -> int:
        return round(seconds / self.unit_s)

    @cached_property
    def _silent_frame(self) -> bytes:
        """A frame of mono Layer III whose side information is all zero: every decoder makes silence of it.

        ISO/IEC 11172-3 (MPEG-1, from 32 kHz up) and 13818-3 (MPEG-2, below).
        """
        first = self.rate >= 32_000
        bitrates, rates = (MPEG1_BITRATES, (44_100, 48_000, 32_000)) if first else (MPEG2_BITRATES, (22_050, 24_000))
        length = (144 if first else 72) * self.kbits * 1000 // self.rate
        head = bytes([0xFF, 0xFB if first else 0xF3, bitrates[self.kbits] << 4 | rates.index(self.rate) << 2, 0xC4])
        return head + bytes(length - len(head))


def offset_of(text: str, choice: int) -> float:
    """Give where on the tape a text begins: at its own recording if there is one, else at one that `choice` picks."""
    starts = _starts()
    for line, start in zip(load_recordings("agent"), starts, strict=True):
        if line.text == text.strip():
            return start
    return starts[choice % len(starts)]


@cache
def _starts() -> tuple[float, ...]:
    """Where each recording begins on the tape, in seconds."""
    starts, at = [], 0.0
    for line in load_recordings("agent"):
        starts.append(at)
        at += len(line.ulaw) / SAMPLE_RATE + PAUSE_S
    return tuple(starts)


@cache
def _tape(codec: str, rate: int) -> bytes:
    """All recordings of the agent one after the other, pauses between them, in one coding and rate."""
    pause = bytes([SILENCE]) * int(PAUSE_S * SAMPLE_RATE)
    ulaw = b"".join(line.ulaw + pause for line in load_recordings("agent"))
    if codec == "ulaw":
        return ulaw
    if codec == "alaw":
        return ulaw.translate(_alaw_of_ulaw())
    return _resample(decode(ulaw), rate).tobytes()


def _resample(samples: array[int], rate: int) -> array[int]:
    """Bring 8 kHz samples to `rate` by repeating them: speech stays speech, and slices do the work in C."""
    step, block = SAMPLE_RATE // gcd(SAMPLE_RATE, rate), rate // gcd(SAMPLE_RATE, rate)
    whole = samples[: len(samples) // step * step]
    resampled = array("h", bytes(2 * len(whole) // step * block))
    for place in range(block):
        resampled[place::block] = whole[place * step // block :: step]
    return resampled


@cache
def _alaw_of_ulaw() -> bytes:
    """`bytes.translate` table from μ-law to A-law (ITU-T G.711)."""
    return bytes(_alaw(sample) for sample in decode(bytes(range(256))))


def _alaw(sample: int) -> int:
    """The A-law code of one 16-bit sample. G.711 works on 13 bits, so the three lowest are shifted out."""
    shifted = sample >> 3
    magnitude, mask = (shifted, 0xD5) if shifted >= 0 else (-shifted - 1, 0x55)
    segment = max(magnitude.bit_length() - 5, 0)
    return (segment << 4 | magnitude >> max(segment, 1) & 0x0F) ^ mask
