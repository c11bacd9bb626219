"""Records a call: both directions on one clock, as the two people on the line heard them.

    tape = Tape(began, limit_s=600)         # `began` and every `at`: seconds on one steady clock
    tape.caller(ulaw, at)                   # what the caller said, from `at` on
    tape.agent(ulaw, at)                    # what is played to the caller from `at` on
    tape.cut(at)                            # a `clear`: what was to be played after `at` is not heard
    tape.end(at)                            # the call is over: the tape ends here
    tape.write_wav(file)                    # stereo: the caller is the left channel, the agent the right one
    tape.write_wav(file, Track.CALLER)      # one of them alone

Whoever records something else than a media stream (a `<Record>`, a leg of a `<Dial>`) lays its audio the same way.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import IO, Final, Protocol

from mock_services.core.speech import DECODED, SAMPLE_RATE, SILENCE

BLOCK: Final = SAMPLE_RATE  # samples that are converted at a time: short enough that other threads get their turn
SEAM: Final = SAMPLE_RATE // 1000
"""Samples (1 ms) by which audio may miss the end of what is there and is still joined to it without a click."""
SAMPLE_BYTES: Final = 2
_LOW: Final = bytes(value & 0xFF for value in DECODED)
_HIGH: Final = bytes(value >> 8 & 0xFF for value in DECODED)


class Track(Enum):
    """A direction of the call."""

    CALLER = "caller"
    AGENT = "agent"


class Recorder(Protocol):
    """What is given the audio of a call as it is heard: a tape, or several."""

    def caller(self, ulaw: bytes, at: float) -> None:
        """Take what the caller says from `at` on."""

    def agent(self, ulaw: bytes, at: float) -> None:
        """Take what is played to the caller from `at` on."""

    def cut(self, at: float) -> None:
        """Learn that nothing of what was to be played after `at` is heard."""

    def end(self, at: float) -> None:
        """Learn that the call is over at `at`."""


class Tape:
    """Both directions of one call, from `began` on and for at most `limit_s` seconds; what comes later is left out.

    It holds 8000 bytes a second and direction. Where nothing was laid there is silence. Audio laid over other audio of
    its direction replaces that, and all that was to follow it.
    """

    def __init__(self, began: float, limit_s: float) -> None:
        self.began = began
        self._limit = round(limit_s * SAMPLE_RATE)
        self._length: int | None = None  # in samples, once the call has ended
        self._tracks = {Track.CALLER: bytearray(), Track.AGENT: bytearray()}

    def caller(self, ulaw: bytes, at: float) -> None:
        """Lay what the caller said: it begins at `at`."""
        self._lay(self._tracks[Track.CALLER], ulaw, at)

    def agent(self, ulaw: bytes, at: float) -> None:
        """Lay what is played to the caller: it begins at `at`, which may be in the future."""
        self._lay(self._tracks[Track.AGENT], ulaw, at)

    def cut(self, at: float) -> None:
        """Drop what was to be played to the caller after `at`."""
        del self._tracks[Track.AGENT][self._place(at) :]

    def end(self, at: float) -> None:
        """End the tape at `at`: nothing was heard after it. Nothing more can be laid."""
        self._length = self._place(at)
        for track in self._tracks.values():
            del track[self._length :]

    @property
    def seconds(self) -> float:
        """How long the tape is: up to its end, or up to the last audio while it has none."""
        return self._samples / SAMPLE_RATE

    def write_wav(self, file: IO[bytes], *tracks: Track) -> None:
        """Write the named tracks to `file` as channels of a 16-bit WAV file; none named is the caller and the agent.

        It is written in short pieces, so that a thread may do so beside live calls.
        """
        chosen = [self._tracks[track] for track in tracks or (Track.CALLER, Track.AGENT)]
        with wave.open(file, "wb") as writer:
            writer.setnchannels(len(chosen))
            writer.setsampwidth(SAMPLE_BYTES)
            writer.setframerate(SAMPLE_RATE)
            writer.setnframes(self._samples)
            for block in interleaved(chosen, self._samples):
                writer.writeframesraw(block)

    def ulaw(self, track: Track) -> bytes:
        """Give one track, as long as the tape is."""
        return bytes(self._tracks[track]).ljust(self._samples, bytes([SILENCE]))

    @property
    def _samples(self) -> int:
        return max(map(len, self._tracks.values())) if self._length is None else self._length

    def _place(self, at: float) -> int:
        return min(max(round((at - self.began) * SAMPLE_RATE), 0), self._limit)

    def _lay(self, track: bytearray, ulaw: bytes, at: float) -> None:
        if self._length is not None:
            return
        place = self._place(at)
        if place - len(track) > SEAM:
            track += bytes([SILENCE]) * (place - len(track))
        elif len(track) - place > SEAM:
            del track[place:]
        track += ulaw[: self._limit - len(track)]


def interleaved(tracks: Sequence[bytes | bytearray], samples: int) -> Iterator[bytes]:
    """Give the 16-bit samples of μ-law `tracks`, interleaved, a second at a time; a track that is shorter is silent."""
    width = SAMPLE_BYTES * len(tracks)
    for start in range(0, samples, BLOCK):
        count = min(BLOCK, samples - start)
        block = bytearray(width * count)
        for channel, track in enumerate(tracks):
            ulaw = track[start : start + count].ljust(count, bytes([SILENCE]))
            block[channel * SAMPLE_BYTES :: width] = ulaw.translate(_LOW)
            block[channel * SAMPLE_BYTES + 1 :: width] = ulaw.translate(_HIGH)
        yield bytes(block)
