"""The state of transcription: which streams are open, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mock_services.deepgram.errors import TooManyRequests
from mock_services.deepgram.listen.options import ListenOptions
from mock_services.deepgram.listen.session import ListenSession
from mock_services.deepgram.models import Account
from mock_services.deepgram.tally import ListenTally


class Listeners:
    """Opens streams, and counts files."""

    def __init__(self, account: Account) -> None:
        self.settings = account.settings
        self.timing = account.settings.listen_timing
        self.tally = ListenTally()
        self.account = account
        self.busy = 0

    @contextmanager
    def place(self, request_id: str) -> Iterator[None]:
        """Hold one of the places for streams and files; raises `TooManyRequests` where all are taken."""
        if self.busy >= self.settings.max_streams:
            raise TooManyRequests(request_id)
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    @contextmanager
    def session(self, request_id: str, options: ListenOptions, now: float) -> Iterator[ListenSession]:
        """Open a stream; raises `TooManyRequests`, and `UnfitOptions` for audio that is not understood here."""
        with self.place(request_id):
            session = ListenSession(request_id, options, self.timing, self.account.random(request_id), self.tally, now)
            self.tally.streams += 1
            try:
                yield session
            finally:
                self.tally.audio_ms += round(session.audio_s * 1000)

    def count_lateness(self, ms: float) -> None:
        """Count how late something was sent; into the distribution that the last reset began."""
        self.tally.lateness_ms.add(ms)

    def reset(self) -> None:
        """Forget what was counted. Open streams go on, and count from here."""
        self.tally.clear()

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`: the vendor's delays as they are set, and what was counted."""
        timing = self.timing
        return {
            "busy": self.busy,
            "max_streams": self.settings.max_streams,
            "delays": {name: getattr(timing, name) for name in type(timing).__dataclass_fields__},
            **self.tally.summary(),
        }
