"""Plays sounds to the caller of a call: takes their time, and gives them to whatever records or listens in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from mock_services.core.speech import SAMPLE_RATE
from mock_services.twilio.protocol.sounds import Sound
from mock_services.twilio.protocol.tape import Recorder
from mock_services.twilio.recordings import Deck

PIECE: Final = SAMPLE_RATE  # samples that are given at a time: a long text is never held whole
AHEAD_SECONDS: Final = 0.1  # by which a piece is given before it is heard, so that one joins the other


class Playback:
    """What one call's caller is played, given to `deck`."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._sound: Sound | None = None
        self._began = 0.0
        self._given = 0  # samples of the sound

    async def play(self, sounds: Sequence[Sound], seconds: float | None = None) -> None:
        """Play sounds one after another, for `seconds` or to their end. Cancelled, nothing more of them is heard."""
        at = time.monotonic()
        until = at + sum(sound.seconds for sound in sounds) if seconds is None else at + seconds
        try:
            for sound in sounds:
                await self._play(sound, at, min(at + sound.seconds, until))
                at += sound.seconds
            await asyncio.sleep(until - time.monotonic())
        except asyncio.CancelledError:
            self._deck.cut(time.monotonic())
            raise
        finally:
            self._sound = None

    def join(self, recorder: Recorder) -> None:
        """Give one that comes amid a sound the rest of what the others have been given."""
        now = time.monotonic()
        begin = max(round((now - self._began) * SAMPLE_RATE), 0)
        if self._sound is not None and begin < self._given:
            recorder.agent(self._sound.ulaw(begin, self._given), max(now, self._began))

    async def _play(self, sound: Sound, at: float, until: float) -> None:
        self._sound, self._began, self._given = (sound if sound.take is not None else None), at, 0
        samples = round((until - at) * SAMPLE_RATE)
        while self._sound is not None and self._given < samples:
            begin, self._given = self._given, min(self._given + PIECE, samples)
            if self._deck.recorders:
                self._deck.agent(sound.ulaw(begin, self._given), at + begin / SAMPLE_RATE)
            await asyncio.sleep(at + self._given / SAMPLE_RATE - AHEAD_SECONDS - time.monotonic())
        if self._sound is None:
            await asyncio.sleep(until - AHEAD_SECONDS - time.monotonic())
