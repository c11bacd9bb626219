"""Telephone speech: μ-law arithmetic, the recordings that callers and agents speak with, and energy voice detection.

Audio is 8 kHz mono μ-law (ITU-T G.711) throughout: one byte a sample, 160 bytes a frame of 20 ms.
"""

import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final, Literal

SAMPLE_RATE: Final = 8000
FRAME_MS: Final = 20
FRAME_BYTES: Final = 160
SILENCE: Final = 0xFF
"""The code of linear 0, and so the byte that digital silence is made of."""

VOICED_LEVEL: Final = 300
"""Linear level that a sample must exceed to count as loud."""

Role = Literal["caller", "agent"]

_BIAS_14_BIT: Final = 33
_CLIP_14_BIT: Final = 8158


def _decode_code(code: int) -> int:
    """The 16-bit linear value of one μ-law code (G.711; the same values as `audioop.ulaw2lin`)."""
    inverted = ~code & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 4 * _BIAS_14_BIT) << (inverted >> 4 & 0x07)
    return 4 * _BIAS_14_BIT - magnitude if inverted & 0x80 else magnitude - 4 * _BIAS_14_BIT


def _encode_sample(sample: int) -> int:
    """The μ-law code of one 16-bit sample. G.711 works on 14 bits, so the two lowest are shifted out."""
    shifted = sample >> 2
    magnitude = min(abs(shifted), _CLIP_14_BIT) + _BIAS_14_BIT
    segment = magnitude.bit_length() - 6
    code = segment << 4 | magnitude >> (segment + 1) & 0x0F
    return code ^ (0x7F if shifted < 0 else 0xFF)


DECODED: Final = tuple(_decode_code(code) for code in range(256))
"""Linear value of each of the 256 codes."""

LOUD: Final = bytes(abs(value) > VOICED_LEVEL for value in DECODED)
"""`bytes.translate` table: 1 for a code louder than `VOICED_LEVEL`, 0 for any other."""


@cache
def _codes() -> bytes:
    """μ-law code of every 16-bit sample, indexed by the sample's two's-complement bits."""
    return bytes(_encode_sample(bits - 0x10000 if bits & 0x8000 else bits) for bits in range(0x10000))


def decode(ulaw: bytes) -> "array[int]":
    """μ-law bytes as 16-bit linear samples, bit for bit what `audioop.ulaw2lin(ulaw, 2)` gives."""
    return array("h", [DECODED[code] for code in ulaw])


def encode(samples: Iterable[int]) -> bytes:
    """16-bit linear samples as μ-law, bit for bit what `audioop.lin2ulaw` gives; beyond 16 bits they are clipped."""
    codes = _codes()
    return bytes([codes[min(max(sample, -0x8000), 0x7FFF) & 0xFFFF] for sample in samples])


def is_voiced(payload: bytes) -> bool:
    """Whether any 20 ms of `payload` holds voice: a quarter of its samples louder than `VOICED_LEVEL`.

    For noise that is an RMS of about 260, so comfort noise (10 to 60) never counts, nor does a single click. Two passes
    in C over the bytes (0.3 µs a frame) make it cheap enough for every frame of a thousand streams. A remainder shorter
    than a frame is judged by itself.
    """
    loud = payload.translate(LOUD)
    if len(loud) <= FRAME_BYTES:
        return loud.count(1) * 4 > len(loud)
    return any(
        loud.count(1, start, start + FRAME_BYTES) * 4 > min(FRAME_BYTES, len(loud) - start)
        for start in range(0, len(loud), FRAME_BYTES)
    )


def comfort_noise(random: Random, duration_ms: int, level: float = 20.0) -> bytes:
    """Gaussian background noise of RMS `level` (10 to 60 sounds like a telephone line), as μ-law.

    It costs about a microsecond a sample: make a second of it once and loop that.
    """
    return encode(round(random.gauss(0.0, level)) for _ in range(duration_ms * SAMPLE_RATE // 1000))


@dataclass(frozen=True, slots=True)
class Recording:
    """A spoken line: whole frames of μ-law that begin and end with voice.

    A caller's line and the agent's reply to it share `topic`.
    """

    id: str
    role: Role
    topic: str
    text: str
    ulaw: bytes
    duration_ms: int


@cache
def load_recordings(role: Role) -> tuple[Recording, ...]:
    """The recordings of one role, in the manifest's order. The agent's greeting is the one with topic `greeting`."""
    folder = Path(__file__).with_name("recordings")
    lines = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["recordings"]
    return tuple(_recording(line, (folder / line["file"]).read_bytes()) for line in lines if line["role"] == role)


def _recording(line: Mapping[str, str], ulaw: bytes) -> Recording:
    role: Role = "caller" if line["role"] == "caller" else "agent"
    return Recording(line["id"], role, line["topic"], line["text"], ulaw, len(ulaw) * 1000 // SAMPLE_RATE)


@cache
def _frame_index() -> Mapping[bytes, Recording]:
    """Voiced frame → the one caller's recording that it occurs in."""
    owners: dict[bytes, Recording] = {}
    shared: set[bytes] = set()
    for recording in load_recordings("caller"):
        for start in range(0, len(recording.ulaw), FRAME_BYTES):
            frame = recording.ulaw[start : start + FRAME_BYTES]
            if is_voiced(frame) and owners.setdefault(frame, recording) is not recording:
                shared.add(frame)
    return MappingProxyType({frame: owner for frame, owner in owners.items() if frame not in shared})


def recognise(frame: bytes) -> Recording | None:
    """The caller's recording that this 160-byte frame was cut from, or None if it is not an unaltered frame of one."""
    return _frame_index().get(frame)
