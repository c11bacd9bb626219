"""What the agent says, and the audio of it: recordings, chosen or joined to fit any text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import cycle, islice
from random import Random
from typing import Final
from zlib import crc32

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, Recording, load_recordings

LONGEST_FRAMES: Final = 60_000 // FRAME_MS
UNRECOGNISED: Final = (
    "I have a question about your services.",
    "Could you help me with the arrangements?",
    "I would like to know what happens next.",
)


@cache
def _speaking_rate() -> float:
    """Frames of audio per character of text, as the agent's voice speaks."""
    lines = load_recordings("agent")
    return sum(len(line.ulaw) for line in lines) / FRAME_BYTES / sum(len(line.text) for line in lines)


@lru_cache(maxsize=64)
def synthesise(text: str) -> bytes:
    """μ-law of `text` in whole frames: its own recording, or others joined to the time it takes to say (at most 60 s).

    The lab has no speech synthesiser at run time. What matters to it is that there is real speech, that it begins at
    once and lasts as long as these words would; the same text always sounds the same.
    """
    lines = load_recordings("agent")
    for line in lines:
        if line.text == text:
            return line.ulaw
    frames = min(max(1, round(len(text) * _speaking_rate())), LONGEST_FRAMES)
    first = crc32(text.encode()) % len(lines)
    audio = bytearray()
    for line in islice(cycle(lines), first, None):
        audio += line.ulaw
        if len(audio) >= frames * FRAME_BYTES:
            break
    return bytes(audio[: frames * FRAME_BYTES])


def transcript(lines: Sequence[Recording], random: Random) -> str:
    """What the caller is taken to have said: the recordings' words, or a phrase where none was recognised."""
    return " ".join(line.text for line in lines) if lines else random.choice(UNRECOGNISED)


def reply(said: str, random: Random) -> Recording:
    """The agent's answer to the caller's words: on the topic that they end with, else any."""
    answers = load_recordings("agent")
    for line in load_recordings("caller"):
        if said.endswith(line.text):
            return next(answer for answer in answers if answer.topic == line.topic)
    return random.choice([answer for answer in answers if answer.topic != "greeting"])


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return re.split(r"(?<=[.!?])\s+", text.strip())
