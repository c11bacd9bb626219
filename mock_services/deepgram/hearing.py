"""Hears a caller's μ-law: when somebody begins to speak, when they have finished, and what recording they spoke."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from mock_services.core.speech import FRAME_BYTES, FRAME_MS, Recording, is_voiced, recognise

LINES_KEPT: Final = 8


class Heard(Enum):
    """What a stretch of audio brought about."""

    STARTED = auto()
    ENDED = auto()


class Hearing:
    """Finds utterances in a stream by energy, in audio time: it neither needs a clock nor minds how audio is cut up.

    An utterance begins after `onset_ms` of voice without a gap and ends after `endpointing_ms` without voice.
    """

    def __init__(self, onset_ms: int, endpointing_ms: int) -> None:
        self.speaking = False
        self.lines: tuple[Recording, ...] = ()
        self._onset_frames = max(1, onset_ms // FRAME_MS)
        self._gap_frames = max(1, endpointing_ms // FRAME_MS)
        self._run = 0
        self._gap = 0
        self._recognised: list[Recording] = []
        self._rest = b""

    def hear(self, payload: bytes) -> Sequence[Heard]:
        """Take in audio of any length; give what it brought about, in order.

        At `ENDED`, `lines` holds the recordings that were recognised in the utterance: none for any other speech.
        """
        if len(payload) == FRAME_BYTES and not self._rest:
            heard = self._hear_frame(payload)
            return (heard,) if heard is not None else ()
        audio = self._rest + payload
        whole = len(audio) - len(audio) % FRAME_BYTES
        self._rest = audio[whole:]
        frames = (audio[start : start + FRAME_BYTES] for start in range(0, whole, FRAME_BYTES))
        return [heard for heard in map(self._hear_frame, frames) if heard is not None]

    def end(self) -> None:
        """End the utterance that somebody speaks, as silence would; `lines` are its recordings."""
        self.speaking = False
        self.lines = tuple(self._recognised)
        self._recognised.clear()
        self._run = self._gap = 0

    def _hear_frame(self, frame: bytes) -> Heard | None:
        if is_voiced(frame):
            self._gap = 0
            self._run += 1
            line = recognise(frame)
            if line is not None and line not in self._recognised[-1:] and len(self._recognised) < LINES_KEPT:
                self._recognised.append(line)
            if not self.speaking and self._run >= self._onset_frames:
                self.speaking = True
                return Heard.STARTED
            return None
        self._run = 0
        if self.speaking:
            self._gap += 1
            if self._gap >= self._gap_frames:
                self.end()
                return Heard.ENDED
        elif self._recognised:
            self._recognised.clear()
        return None
