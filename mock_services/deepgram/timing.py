"""How long the vendor takes for each step: known values, so that they can be subtracted from what a caller waited."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from mock_services.core.speech import FRAME_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The vendor's delays, in milliseconds. The values when unset add up to what others measured of the real service.

    `spread` is the sigma of a lognormal distribution whose median is the delay; 0 makes every delay exactly its value.
    """

    settings_ms: float = 150.0
    """From `Settings` to `SettingsApplied`."""
    greeting_ms: float = 290.0
    """From `SettingsApplied` to the greeting's text, and from `InjectAgentMessage` to its text."""
    update_ms: float = 220.0
    """From an update (of prompt, voice, model) to the message that confirms it."""
    endpointing_ms: int = 400
    """How much silence ends an utterance; counted in audio received, not by the clock."""
    onset_ms: int = 60
    """How much voice without a gap begins an utterance; counted in audio received."""
    think_ms: float = 250.0
    """From the end of an utterance to the text of the reply."""
    speak_ms: float = 130.0
    """From a text to the first byte of its audio."""
    spread: float = 0.0
    chunk_ms: int = FRAME_MS
    """How much audio one binary message carries."""
    speed: float = 4.0
    """How many times faster than it plays the audio is sent."""
    jitter: float = 0.0
    """The sigma of lognormal gaps between two binary messages; their mean stays what `speed` makes it."""
    idle_timeout_ms: float = 12_000.0
    """How long a client may send nothing at all."""

    def draw_s(self, median_ms: float, random: Random) -> float:
        """Draw one delay around `median_ms`, in seconds."""
        return draw_s(median_ms, self.spread, random)

    @property
    def turn_ms(self) -> float:
        """Give the median time from the end of a caller's speech to the first audio of the reply."""
        return self.endpointing_ms + self.think_ms + self.speak_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenTiming:
    """The delays of `/v1/listen`, in milliseconds; `spread` as in `Timing`."""

    result_ms: float = 250.0
    """From a piece of audio to the result that it brings about."""
    file_ms: float = 300.0
    """From the last byte of a file to the answer."""
    onset_ms: int = 60
    """How much voice without a gap begins an utterance; counted in audio received."""
    pause_ms: int = 300
    """How much silence ends speech at least, whatever `endpointing` asks: shorter gaps are within words."""
    spread: float = 0.0
    idle_timeout_ms: float = 10_000.0
    """How long a client may send nothing at all."""

    def draw_s(self, median_ms: float, random: Random) -> float:
        """Draw one delay around `median_ms`, in seconds."""
        return draw_s(median_ms, self.spread, random)


def draw_s(median_ms: float, spread: float, random: Random) -> float:
    """Draw a delay in seconds from a lognormal distribution; a spread of 0 gives the median itself."""
    if spread == 0:
        return median_ms / 1000
    return median_ms / 1000 * math.exp(spread * random.gauss(0.0, 1.0))
