"""What the tests of the ElevenLabs stub share: its key, its settings without delays, and a reader of MP3 frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx
from elevenlabs.client import ElevenLabs

KEY = "sk_1ab000000000000000000000000000000000000000e1e7e1"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
AT_ONCE = {"ELEVENLABS_FIRST_BYTE_MS": "0", "ELEVENLABS_SPEED": "0", "ELEVENLABS_LOOKUP_MS": "0"}

BITRATES = {  # kbit/s by index, Layer III of MPEG-1 and MPEG-2
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {1: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000)}


class Mp3(NamedTuple):
    """What a decoder learns from the frames' headers."""

    rate: int
    kbits: int
    duration_s: float


def read_mp3(content: bytes) -> Mp3:
    """Walk over every frame of an MP3 file, as a decoder does, and fail where one is not where it should be."""
    at, samples, heads = 0, 0, set()
    while at < len(content):
        sync, second, third, fourth = content[at : at + 4]
        assert sync == 0xFF, f"no frame at byte {at}"
        assert second & 0xE0 == 0xE0, f"no frame at byte {at}"
        version = {3: 1, 2: 2}[second >> 3 & 3]
        assert second >> 1 & 3 == 1, "not Layer III"
        assert second & 1 == 1, "a checksum would follow"
        assert fourth >> 6 == 3, "not mono"
        kbits, rate = BITRATES[version][third >> 4], RATES[version][third >> 2 & 3]
        heads.add((rate, kbits))
        padding = third >> 1 & 1
        samples += 1152 if version == 1 else 576
        at += (144 if version == 1 else 72) * kbits * 1000 // rate + padding
    assert at == len(content), "the last frame is cut off"
    ((rate, kbits),) = heads
    return Mp3(rate, kbits, samples / rate)


@contextmanager
def sdk(address: str, key: str = KEY) -> Iterator[ElevenLabs]:
    """Give the SDK's client, whose connections are closed at the end: it has no way to close them itself."""
    with httpx.Client(timeout=20) as http:
        yield ElevenLabs(api_key=key, base_url=f"http://{address}", httpx_client=http)
