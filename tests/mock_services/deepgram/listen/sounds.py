"""Audio for tests of transcription: the lab's recordings as clients send them, and speech that is none of them."""

from __future__ import annotations

import math
import struct

from mock_services.core.speech import SAMPLE_RATE, SILENCE, decode, load_recordings

CALLER = {line.topic: line for line in load_recordings("caller")}
KEY = "1ab0000000000000000000000000000000deeb9a"


def ulaw_silence(ms: int) -> bytes:
    return bytes([SILENCE]) * (ms * SAMPLE_RATE // 1000)


def pcm(ulaw: bytes, times: int = 2) -> bytes:
    """16-bit samples at `times` 8 kHz, straight lines between the recording's own."""
    samples = decode(ulaw)
    raised = [
        round(here + (after - here) * part / times)
        for here, after in zip(samples, [*samples[1:], 0], strict=True)
        for part in range(times)
    ]
    return struct.pack(f"<{len(raised)}h", *raised)


def pcm_silence(ms: int, rate: int = 16_000) -> bytes:
    return bytes(ms * rate // 1000 * 2)


def tone(ms: int, rate: int = 16_000, level: int = 3000) -> bytes:
    """Voice that is no recording."""
    count = ms * rate // 1000
    return struct.pack(f"<{count}h", *(round(level * math.sin(n / rate * 440 * math.tau)) for n in range(count)))


def wave(data: bytes, rate: int = 16_000, channels: int = 1, tag: int = 1, bits: int = 16) -> bytes:
    step = channels * bits // 8
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * step % (1 << 32), step, bits)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"LIST\x03\x00\x00\x00abc\x00"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks
