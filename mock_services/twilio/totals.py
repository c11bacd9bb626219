"""The media figures of many calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mock_services.twilio.lateness import Lateness
from mock_services.twilio.stream import MediaSession


class MediaTotals:
    """The frames of many streams."""

    def __init__(self) -> None:
        self._lateness = Lateness()
        self._skipped = 0
        self._blocked = 0

    def add(self, sessions: Iterable[MediaSession]) -> None:
        """Add those of some streams."""
        for session in sessions:
            self._lateness.merge(session.lateness)
            self._skipped += session.frames_skipped
            self._blocked += session.frames_blocked

    def merge(self, other: MediaTotals) -> None:
        """Add what others added up."""
        self._lateness.merge(other._lateness)
        self._skipped += other._skipped
        self._blocked += other._blocked

    def summary(self) -> dict[str, Any]:
        """Give the figures."""
        return {
            "frames_sent": self._lateness.frames,
            "frames_late": self._lateness.late,
            "frames_skipped": self._skipped,
            "frames_blocked": self._blocked,
            "lateness_ms": self._lateness.summary(),
        }
