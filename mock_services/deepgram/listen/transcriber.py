"""Transcribes one channel in audio time: finds speech by its energy, and tells when a result is to be given.

Needs no clock, and minds only that audio comes in frames of 20 ms. Results that are final lie end to end on the time
line without a gap, as Deepgram's do; between them interim ones cover what is still open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from mock_services.core.speech import FRAME_MS
from mock_services.deepgram.listen.audio import AudioFormat
from mock_services.deepgram.listen.words import Utterance, Word

INTERIM_MS: Final = 1000
SEGMENT_MS: Final = 4000
"""After so much audio a result is final, whether somebody speaks or not."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """Nothing was said for long after a word."""

    last_word_end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What was said in a stretch of audio. `speech_final` says that it ends with a pause."""

    start_ms: int
    end_ms: int
    words: tuple[Word, ...]
    is_final: bool = False
    speech_final: bool = False
    from_finalize: bool = False


Event = SpeechStarted | UtteranceEnded | Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When speech begins and ends. Times in milliseconds of audio.

    Speech begins after `onset_ms` of voice without a gap, and ends after `pause_ms` without voice. `endpointing_ms` of
    silence after speech, or the pause if that is longer, make a result `speech_final`; None: no silence does.
    `utterance_end_ms` is the silence after which an utterance is reported as ended; None: never.
    """

    onset_ms: int
    pause_ms: int
    endpointing_ms: int | None
    utterance_end_ms: int | None = None
    interim: bool = False


class Transcriber:
    """Hears one channel, frame by frame."""

    def __init__(self, audio: AudioFormat, rules: Rules, random: Random) -> None:
        self.heard_ms = 0
        self._audio = audio
        self._rules = rules
        self._random = random
        self._onset_frames = max(1, rules.onset_ms // FRAME_MS)
        self._pause_frames = max(1, rules.pause_ms // FRAME_MS)
        self._endpoint_frames = max(self._pause_frames, -(-(rules.endpointing_ms or 0) // FRAME_MS))
        self._segment_start = 0
        self._told_until = 0
        self._utterance: Utterance | None = None
        self._earlier: list[Utterance] = []  # ended, but with words that lie in the open segment
        self._run = 0
        self._gap = 0
        self._speaking = False
        self._last_word_end: int | None = None

    def hear(self, samples: bytes) -> Iterator[Event]:
        """Take in 20 ms; give what they bring about, in order."""
        start = self.heard_ms
        self.heard_ms += FRAME_MS
        if self._audio.voiced(samples):
            yield from self._hear_voice(start, samples)
        else:
            yield from self._hear_silence()
        if self.heard_ms - self._segment_start >= SEGMENT_MS:
            yield self._close(self._word_boundary())
        elif self._rules.interim and self.heard_ms - self._told_until >= INTERIM_MS:
            self._told_until = self.heard_ms
            yield Segment(start_ms=self._segment_start, end_ms=self.heard_ms, words=self._words(self.heard_ms))

    def flush(self, *, from_finalize: bool) -> Segment:
        """Give what is open as final, whether or not somebody speaks."""
        end = self._word_boundary() if from_finalize and not self._speaking else self.heard_ms
        return self._close(end, speech_final=self._speaking, from_finalize=from_finalize)

    def _hear_voice(self, start: int, samples: bytes) -> Iterator[Event]:
        if self._utterance is None:
            self._utterance = Utterance(start, self._random)
            self._run = 0
        self._gap = 0
        self._run += 1
        self._utterance.voice(start, self.heard_ms, self._audio.recognise(samples))
        if not self._speaking and self._run >= self._onset_frames:
            self._speaking = True
            self._last_word_end = None
            yield SpeechStarted(self._utterance.start_ms)

    def _hear_silence(self) -> Iterator[Event]:
        self._gap += 1
        if not self._speaking:
            self._utterance = None  # too short to be speech
        elif self._gap >= self._endpoint_frames:
            self._speaking = False
            assert self._utterance is not None
            words = self._utterance.words(self._utterance.start_ms, self.heard_ms)
            self._last_word_end = words[-1].end_ms if words else self._utterance.voiced_until_ms
            self._earlier.append(self._utterance)
            self._utterance = None
            if self._rules.endpointing_ms is not None:
                yield self._close(self.heard_ms, speech_final=True)
        wait = self._rules.utterance_end_ms
        if wait is not None and self._last_word_end is not None and self.heard_ms - self._last_word_end >= wait:
            yield UtteranceEnded(self._last_word_end)
            self._last_word_end = None

    def _words(self, until: int) -> tuple[Word, ...]:
        spoken = [*self._earlier, *([self._utterance] if self._utterance is not None and self._speaking else ())]
        return tuple(word for utterance in spoken for word in utterance.words(self._segment_start, until))

    def _word_boundary(self) -> int:
        """Where to cut: not in a word, nor in what may prove to be the first of one, if anything lies before it."""
        if self._utterance is None:
            return self.heard_ms
        begun = self._utterance.begun_before(self.heard_ms) if self._speaking else self._utterance.start_ms
        return begun if begun is not None and begun > self._segment_start else self.heard_ms

    def _close(self, end: int, *, speech_final: bool = False, from_finalize: bool = False) -> Segment:
        segment = Segment(
            start_ms=self._segment_start,
            end_ms=end,
            words=self._words(end),
            is_final=True,
            speech_final=speech_final,
            from_finalize=from_finalize,
        )
        self._segment_start = self._told_until = end
        self._earlier.clear()
        return segment
