"""What a caller notices of the agent and does on the line: each kind is an event of the control socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Noticed(Protocol):
    """Something that the caller noticed or did, as the control socket tells it."""

    @property
    def name(self) -> str:
        """The event's name."""

    def fields(self) -> dict[str, Any]:
        """Give what the event says."""


@dataclass(frozen=True, slots=True)
class FirstAudio:
    """The agent was heard for the first time, `latency_ms` after the stream began."""

    latency_ms: float
    name = "first_audio"

    def fields(self) -> dict[str, Any]:
        """Give the latency."""
        return {"latency_ms": round(self.latency_ms, 3)}


@dataclass(frozen=True, slots=True)
class Turn:
    """The agent answered the caller's turn `index`, `latency_ms` after the caller's last word, or did not in time.

    `overlapped`: it was speaking already when the caller ended, so that there was nothing to wait for.
    """

    index: int
    latency_ms: float
    timed_out: bool
    overlapped: bool
    name = "turn"

    def fields(self) -> dict[str, Any]:
        """Give the index, the latency, and the flags that are set."""
        flags = _those_set(timed_out=self.timed_out, overlapped=self.overlapped)
        return {"index": self.index, "latency_ms": round(self.latency_ms, 3), **flags}


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The agent fell silent, `latency_ms` after the caller had begun to speak over it, or did not in time.

    `cleared`: a `clear` silenced it, and not the end of what it sent.
    """

    latency_ms: float
    timed_out: bool
    cleared: bool
    name = "barge_in"

    def fields(self) -> dict[str, Any]:
        """Give the latency, and the flags that are set."""
        flags = _those_set(timed_out=self.timed_out, cleared=self.cleared)
        return {"latency_ms": round(self.latency_ms, 3), **flags}


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key: the stream is to tell the server."""

    digit: str
    name = "dtmf"

    def fields(self) -> dict[str, Any]:
        """Give the key."""
        return {"digit": self.digit}


def _those_set(**flags: bool) -> dict[str, bool]:
    return {name: True for name, is_set in flags.items() if is_set}
