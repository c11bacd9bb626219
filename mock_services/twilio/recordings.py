"""The recordings of the account, bounded, and as Twilio shows them over REST."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mock_services.twilio.audio_files import Kind, make_apart
from mock_services.twilio.models import API_VERSION, date, new_sid
from mock_services.twilio.protocol.tape import Recorder, Tape

WHOLE_CALL = "OutboundAPI"
"""The source of what `Record=true` has recorded of a call, from its answer to its end."""


def _now() -> datetime:
    return datetime.now(UTC)


class Deck:
    """Gives what is heard of a call to everything that records it or listens in (`Recorder`)."""

    def __init__(self) -> None:
        self.recorders: list[Recorder] = []

    def caller(self, ulaw: bytes, at: float) -> None:
        """Take what the caller says from `at` on."""
        for recorder in self.recorders:
            recorder.caller(ulaw, at)

    def agent(self, ulaw: bytes, at: float) -> None:
        """Take what is played to the caller from `at` on."""
        for recorder in self.recorders:
            recorder.agent(ulaw, at)

    def cut(self, at: float) -> None:
        """Learn that nothing of what was to be played after `at` is heard."""
        for recorder in self.recorders:
            recorder.cut(at)

    def end(self, at: float) -> None:
        """Learn that the call is over at `at`."""
        for recorder in self.recorders:
            recorder.end(at)


@dataclass(slots=True, eq=False)
class Recording:
    """What is recorded of a call, on a tape of its own. `status`: in-progress, paused, stopped, completed or absent."""

    call_sid: str
    source: str
    tape: Tape
    api_url: str
    channels: int = 1
    track: str = "both"
    status: str = "in-progress"
    sid: str = field(default_factory=lambda: new_sid("RE"))
    date_created: datetime = field(default_factory=_now)
    date_updated: datetime = field(default_factory=_now)
    start_time: datetime = field(default_factory=_now)

    def finish(self, at: float | None = None) -> None:
        """End the recording at `at` (monotonic), or now; one without a length is absent. It ends once."""
        if self.is_over:
            return
        self.tape.end(time.monotonic() if at is None else at)
        self.status = "completed" if self.tape.seconds else "absent"
        self.date_updated = _now()

    def change(self, status: str) -> None:
        """Pause, go on, or stop, as REST asks for."""
        if status == "stopped":
            self.finish()
        else:
            self.status = status
            self.date_updated = _now()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is recorded."""
        return self.status in {"completed", "absent"}

    @property
    def exists(self) -> bool:
        """Whether it is over and has sound: what is absent is told as such, and to nobody else."""
        return self.status == "completed"

    @property
    def duration(self) -> int:
        """The length in seconds as Twilio tells it: begun ones count."""
        return max(1, round(self.tape.seconds)) if self.tape.seconds else 0

    def file(self, kind: Kind) -> bytes:
        """Give the audio as a file. It takes a while: ask in a thread."""
        return make_apart(kind, self.tape, self.channels)

    def path(self, account_sid: str) -> str:
        """Give the recording's path without an ending: `.json`, `.wav` or `.mp3`."""
        return f"/{API_VERSION}/Accounts/{account_sid}/Recordings/{self.sid}"

    def fields(self, account_sid: str) -> list[tuple[str, str]]:
        """Give what a webhook tells of the recording."""
        return [
            ("RecordingUrl", f"{self.api_url}{self.path(account_sid)}"),
            ("RecordingSid", self.sid),
            ("RecordingDuration", str(self.duration)),
        ]

    def resource(self, account_sid: str) -> dict[str, Any]:
        """Give it as Twilio's Recording resource."""
        path = self.path(account_sid)
        return {
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "call_sid": self.call_sid,
            "conference_sid": None,
            "channels": self.channels,
            "date_created": date(self.date_created),
            "date_updated": date(self.date_updated),
            "start_time": date(self.start_time),
            "duration": str(self.duration) if self.is_over else None,
            "encryption_details": None,
            "error_code": None,
            "media_url": f"{self.api_url}{path}",
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "source": self.source,
            "status": self.status,
            "subresource_uris": {
                "add_on_results": f"{path}/AddOnResults.json",
                "transcriptions": f"{path}/Transcriptions.json",
            },
            "track": self.track,
            "uri": f"{path}.json",
        }


class RecordingLog:
    """The newest `max_kept` recordings, each of at most `longest_s` seconds; where there are too many the oldest goes.

    While so many are under way, what is begun beside them records nothing, and is absent at its end. `api_url` is where
    a target reaches the REST API, for links to the recordings.
    """

    def __init__(self, max_kept: int, longest_s: float, api_url: str) -> None:
        self.by_sid: dict[str, Recording] = {}
        self._max_kept = max_kept
        self._longest_s = longest_s
        self._api_url = api_url

    def begin(
        self, call_sid: str, source: str, channels: int = 1, track: str = "both", at: float | None = None
    ) -> Recording:
        """Begin a recording at `at` (monotonic), or now."""
        longest_s = self._longest_s
        if len(self.by_sid) >= self._max_kept:
            over = (sid for sid, each in self.by_sid.items() if each.is_over)
            oldest = next(over, None)
            if oldest is None:
                oldest, longest_s = next(iter(self.by_sid)), 0.0
            del self.by_sid[oldest]
        tape = Tape(time.monotonic() if at is None else at, longest_s)
        recording = Recording(call_sid, source, tape, self._api_url, channels, track)
        self.by_sid[recording.sid] = recording
        return recording

    def newest(self, call_sid: str = "") -> Iterator[Recording]:
        """Go through all recordings, or those of one call, the newest first."""
        return (each for each in reversed(self.by_sid.values()) if call_sid in {"", each.call_sid})

    def clear(self) -> None:
        """Forget all recordings."""
        self.by_sid.clear()
