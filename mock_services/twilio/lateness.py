"""How late frames left: a histogram of fixed size, cheap enough for every frame of every call, and mergeable."""

from __future__ import annotations

from array import array

RESOLUTION_MS = 0.1
LIMIT_MS = 25.0  # beyond it only the maximum is exact; frames later than a period are not sent at all
LATE_MS = 10.0  # half a frame: what counts as late
_BUCKETS = int(LIMIT_MS / RESOLUTION_MS) + 1
_LATE_BUCKET = int(LATE_MS / RESOLUTION_MS)


class Lateness:
    """Counts of frames by lateness, in steps of 0.1 ms. Percentiles are upper edges of a step: never flattering."""

    __slots__ = ("_counts", "max_ms")

    def __init__(self) -> None:
        self._counts = array("L", bytes(8 * _BUCKETS))
        self.max_ms = 0.0

    def record(self, lateness_ms: float) -> None:
        """Count one frame. What is early counts as on time."""
        if lateness_ms > self.max_ms:  # noqa: PLR1730 - `max` costs more, and this runs for every frame
            self.max_ms = lateness_ms
        if lateness_ms >= LIMIT_MS:
            self._counts[-1] += 1
        elif lateness_ms > 0.0:
            self._counts[int(lateness_ms * 10)] += 1
        else:
            self._counts[0] += 1

    def merge(self, other: Lateness) -> None:
        """Add the frames of another histogram."""
        for bucket, count in enumerate(other._counts):
            if count:
                self._counts[bucket] += count
        self.max_ms = max(self.max_ms, other.max_ms)

    @property
    def frames(self) -> int:
        """How many frames were counted."""
        return sum(self._counts)

    @property
    def late(self) -> int:
        """How many of them left 10 ms late or more."""
        return sum(self._counts[_LATE_BUCKET:])

    def percentile(self, share: float) -> float | None:
        """Give the lateness in ms that `share` (0 to 1) of the frames did not exceed; None for no frames."""
        frames = self.frames
        if not frames:
            return None
        seen, wanted = 0, share * frames
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                edge = self.max_ms if bucket == _BUCKETS - 1 else (bucket + 1) * RESOLUTION_MS
                return min(edge, self.max_ms)
        raise AssertionError("the buckets hold all frames")

    def summary(self) -> dict[str, float | None]:
        """Give p50, p99 and the maximum in milliseconds; None where no frame was sent."""
        frames = self.frames
        figures = {"p50": self.percentile(0.5), "p99": self.percentile(0.99), "max": self.max_ms if frames else None}
        return {name: None if value is None else round(value, 3) for name, value in figures.items()}
