"""Raw audio as transcription hears it: what a stretch of 20 ms holds of voice, and which of the lab's recordings it is.

PCM of 16 bits (`linear16`, little-endian) at any rate of whole frames, and μ-law (`mulaw`). A recording is recognised
where it comes unaltered at 8 kHz, or at a multiple of it whose samples include the recording's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, Recording, decode, is_voiced, load_recordings
from mock_services.core.speech import recognise as recognise_ulaw

Encoding = Literal["linear16", "mulaw"]
FRAMES_PER_S: Final = 1000 // FRAME_MS
HIGHEST_RATE: Final = 384_000

_LOUD_HIGH_BYTE: Final = bytes(high not in {0x00, 0xFF} for high in range(256))
"""`bytes.translate` table for the high byte of 16-bit samples: 1 where the sample's level is 256 or more."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a stream of audio is laid out. Its samples make whole frames of 20 ms; `ValueError` otherwise."""

    encoding: Encoding
    sample_rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.sample_rate % FRAMES_PER_S or not 0 < self.sample_rate <= HIGHEST_RATE:
            taken = f"multiples of {FRAMES_PER_S} Hz up to {HIGHEST_RATE}"
            raise ValueError(f"sample_rate is {self.sample_rate}; this stub takes {taken}")

    @property
    def bytes_per_s(self) -> int:
        """Give the bytes of one second, all channels together."""
        return self.sample_rate * self.channels * (2 if self.encoding == "linear16" else 1)

    @property
    def frame_bytes(self) -> int:
        """Give the bytes of 20 ms, all channels together."""
        return self.bytes_per_s // FRAMES_PER_S

    def split(self, frame: bytes) -> list[bytes]:
        """Give each channel's samples of a frame."""
        if self.channels == 1:
            return [frame]
        samples = memoryview(frame).cast("H") if self.encoding == "linear16" else memoryview(frame)
        return [samples[channel :: self.channels].tobytes() for channel in range(self.channels)]

    def voiced(self, samples: bytes) -> bool:
        """Whether one channel's 20 ms hold voice: a quarter of the samples are loud."""
        if self.encoding == "mulaw":
            return is_voiced(samples)
        return samples[1::2].translate(_LOUD_HIGH_BYTE).count(1) * 8 > len(samples)

    def recognise(self, samples: bytes) -> Recording | None:
        """Give the caller's recording that one channel's 20 ms were cut from, if they were."""
        step, rest = divmod(self.sample_rate, SAMPLE_RATE)
        if rest:
            return None
        if self.encoding == "mulaw":
            return recognise_ulaw(samples[::step])
        return _linear_frames().get(samples if step == 1 else memoryview(samples).cast("H")[::step].tobytes())


@cache
def _linear_frames() -> Mapping[bytes, Recording]:
    """PCM at 8 kHz of each frame that is recognised as μ-law → its recording."""
    frames: dict[bytes, Recording] = {}
    for recording in load_recordings("caller"):
        for start in range(0, len(recording.ulaw), FRAME_BYTES):
            frame = recording.ulaw[start : start + FRAME_BYTES]
            if recognise_ulaw(frame) is not None:
                frames[decode(frame).tobytes()] = recording
    return MappingProxyType(frames)
