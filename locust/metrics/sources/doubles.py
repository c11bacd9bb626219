"""The doubles, by their `/__lab/metrics`: what they answered, faults and limits, calls and media, webhooks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import urllib3
import urllib3.exceptions

from metrics.lines import MILLISECONDS, Field, event_line, line
from metrics.sources.counters import Counters, with_totals
from metrics.sources.double_process import Bore, DoubleProcess
from metrics.sources.sampling import SourceError

logger = logging.getLogger(__name__)

TIMEOUT_S = 2.0
LOOKS_UNTIL_LOST = 3
"""After so many looks in a row without an answer a double is gone, and not only busy; where one is refused, at once."""
MAX_FAULTS = 100
"""Names of faults that are kept apart in a run."""
MEDIA = ("frames_sent", "frames_late", "frames_skipped", "frames_blocked")

Lost = Callable[[int], None]
"""Hears of the second since the epoch in which doubles that had answered were found to do so no more."""
Turns = Callable[[int, int, float], None]
"""Hears of the voice agent's turns: the second, how many there were since its start, and their average in ms."""


Bearing = Callable[[Bore], None]
"""Hears how the doubles' process bore the time since the look before."""
Frames = Callable[[int, int], None]
"""Hears how many frames of audio were due since the run began, and how many of them the double was too late for."""


class NoAnswer(SourceError):
    """Nothing came from where a double should be; `refused` when nobody listens there."""

    def __init__(self, sentence: str, lines: Sequence[str] = (), *, refused: bool) -> None:
        super().__init__(sentence, lines)
        self.refused = refused


class Fetch(Protocol):
    """Gets the JSON at a URL."""

    def __call__(self, url: str, /) -> Any:
        """The JSON. Raises SourceError."""

    def close(self) -> None:
        """Let go of connections."""


class Http:
    """Fetches JSON over connections that are kept."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(timeout=TIMEOUT_S, retries=False)

    def __call__(self, url: str) -> Any:
        """The JSON at a URL."""
        try:
            answer = self._pool.request("GET", url)
            if answer.status != 200:
                raise SourceError(f"{url} answers {answer.status}")
            return answer.json()
        except urllib3.exceptions.HTTPError as error:
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            raise NoAnswer(f"{url} does not answer ({type(error).__name__})", refused=refused) from error
        except ValueError as error:
            raise SourceError(f"{url} answers what is not JSON") from error

    def close(self) -> None:
        """Close them."""
        self._pool.clear()


class DoublesSource:
    """The doubles that one process serves: one, or all vendors.

    An `optional` one may be a real service, as a target may: it is asked once, and where it is no double never again.
    `known` holds the URLs of those that answered in this run or one before it.
    """

    def __init__(
        self,
        url: str,
        fetch: Fetch,
        on_turns: Turns = lambda second, count, average_ms: None,
        *,
        optional: bool = False,
        on_lost: Lost = lambda second: None,
        on_bearing: Bearing = lambda bore: None,
        on_frames: Frames = lambda due, skipped: None,
        known: set[str] | None = None,
    ) -> None:
        self._url = f"{url}/__lab/metrics"
        self._optional = optional
        self._is_none = False
        self._fetch = fetch
        self._on_turns = on_turns
        self._on_lost = on_lost
        self._on_bearing = on_bearing
        self._on_frames = on_frames
        self._process = DoubleProcess()
        self._known: set[str] = set() if known is None else known
        self._unanswered = 0
        self._doubles: dict[str, Double] = {}

    def look(self, run_id: str, second: int) -> list[str]:
        """`doubles`, `journal`, `faults` and `calls` of this second, and an event where faults come or go."""
        if self._is_none:
            return []
        try:
            return self._look(run_id, second)
        except SourceError:
            if self._optional and not self._doubles:
                self._is_none = True
                return []
            raise

    def _look(self, run_id: str, second: int) -> list[str]:
        try:
            answer = self._fetch(self._url)
        except SourceError as error:
            self._tell_if_lost(second, error)
            of_each = [{"run_id": run_id, "double": name} for name in self._doubles]
            down = [line("doubles", tags, {"up": 0}, second * MILLISECONDS) for tags in of_each]
            raise SourceError(str(error), down) from error
        self._unanswered = 0
        self._known.add(self._url)
        try:
            bore = self._process.since_last(answer["process"]) if "process" in answer else None
            if bore is not None:
                self._on_bearing(bore)
            services: Mapping[str, Any] = answer.get("vendors") or {answer["service"]: answer}
            lines: list[str] = []
            changes: list[str] = []
            for name, metrics in services.items():
                double = self._doubles.setdefault(name, Double(name))
                lines += double.lines(run_id, second, metrics, bore)
                changes += double.changes
                if double.frames_due:
                    self._on_frames(double.frames_due, double.frames_skipped)
                if name == "deepgram":
                    turns = metrics["voice_agent"]["turn_delay_ms"]
                    self._on_turns(second, turns["count"], turns.get("mean", 0.0))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{self._url} answers what is no double's metrics ({error!r})") from error
        if changes:
            # Two doubles' events of one second must differ in their time, or they are one point.
            lines.append(event_line(run_id, "fault", "; ".join(changes), second + time.monotonic() % 1))
        return lines

    def _tell_if_lost(self, second: int, error: SourceError) -> None:
        if isinstance(error, NoAnswer) and self._url in self._known:
            self._unanswered += 1
            if error.refused or self._unanswered == LOOKS_UNTIL_LOST:
                self._on_lost(second)

    def close(self) -> None:
        """Let go of the connection."""
        self._fetch.close()


class Double:
    """What one double has counted since the run began."""

    def __init__(self, name: str) -> None:
        self.changes: list[str] = []
        """Faults that came into force or ended at the last look, as sentences."""
        self.frames_due = 0
        self.frames_skipped = 0
        """Frames of audio whose time has come since the run began, and those of them that it was too late to send."""
        self._name = name
        self._counts: Counters[str] = Counters()
        self._answers: Counters[tuple[str, str]] = Counters()
        self._hits: Counters[str] = Counters()
        self._call_counts: Counters[str] = Counters()
        self._in_force: set[str] | None = None
        self._said_many = False

    def lines(self, run_id: str, second: int, metrics: Mapping[str, Any], bore: Bore | None = None) -> Iterator[str]:
        """The points of one look at its metrics, with how the process that it is part of bore the time before it."""
        time_ms = second * MILLISECONDS
        tags = {"run_id": run_id, "double": self._name}
        answers = {
            (operation, status): count
            for operation, by_status in metrics["requests"].items()
            for status, count in by_status.items()
        }
        faults = metrics.get("faults", {})
        in_force = set(faults.get("in_force", ()))
        webhooks, waiting = _webhooks(self._name, metrics, answers)
        counts = {
            "requests": sum(answers.values()),
            "errors": sum(count for (_, status), count in answers.items() if int(status) >= 400),
            "limited": sum(count for (_, status), count in answers.items() if status == "429"),
            "faulted": sum(faults.get("injected", {}).values()),
            "webhooks": webhooks,
        }
        now: dict[str, Field | None] = {
            "up": 1,
            "in_flight": metrics["in_flight"],
            "faults": len(in_force),
            "webhooks_waiting": waiting,
            "lateness_p99": _lateness(self._name, metrics),
        }
        if bore is not None:
            now |= {"cpu": bore.cpu, "held_up": bore.held_up, "throttled": bore.throttled}
        yield line("doubles", tags, now | with_totals(self._counts.at(second, counts)), time_ms)
        for (operation, status), (count, total) in self._answers.at(second, answers).items():
            if total:
                of_answer = tags | {"operation": operation, "status": status}
                yield line("journal", of_answer, {"count": count, "count_total": total}, time_ms)
        hits = dict.fromkeys(in_force, 0) | self._bounded(faults.get("hits", {}))
        for fault, (count, total) in self._hits.at(second, hits).items():
            fields = {"in_force": int(fault in in_force), "hits": count, "hits_total": total}
            yield line("faults", tags | {"fault": fault}, fields, time_ms)
        if "media" in metrics:
            yield self._calls(run_id, second, metrics)
        before, self._in_force = in_force if self._in_force is None else self._in_force, in_force
        self.changes = [f"{fault} in {self._name} begins" for fault in sorted(in_force - before)]
        self.changes += [f"{fault} in {self._name} ends" for fault in sorted(before - in_force)]

    def _bounded(self, hits: Mapping[str, int]) -> dict[str, int]:
        if len(hits) > MAX_FAULTS and not self._said_many:
            self._said_many = True
            logger.warning(
                "%s shows %d faults: the points hold the first %d, and others while they are in force.",
                self._name,
                len(hits),
                MAX_FAULTS,
            )
        return dict(list(hits.items())[:MAX_FAULTS])

    def _calls(self, run_id: str, second: int, metrics: Mapping[str, Any]) -> str:
        calls, media = metrics["calls"], metrics["media"]
        # A call's last event is `ended`, or `failed`.
        completed, failed = calls.get("ended", 0), calls.get("failed", 0)
        counts = {"ended": completed + failed, "completed": completed, "failed": failed}
        counts |= {name: media[name] for name in MEDIA}
        lateness = media["lateness_ms"]
        fields: dict[str, Field | None] = {
            "active": calls["active"],
            "streams": calls["streams"],
            **{f"lateness_{name}": _float(lateness.get(name)) for name in ("p50", "p99", "max")},
        }
        grown = self._call_counts.at(second, counts)
        fields |= with_totals(grown)
        self.frames_skipped = grown["frames_skipped"][1]
        self.frames_due = sum(grown[f"frames_{what}"][1] for what in ("sent", "skipped", "blocked"))
        return line("calls", {"run_id": run_id}, fields, second * MILLISECONDS)


def _webhooks(name: str, metrics: Mapping[str, Any], answers: Mapping[tuple[str, str], int]) -> tuple[int, int | None]:
    """How many webhooks a double has sent, and how many wait (None where it does not say)."""
    if name == "stripe":
        webhooks = metrics["stripe"]["webhooks"]
        return webhooks["answer_ms"]["count"], webhooks["waiting"] + webhooks["in_flight"]
    # Twilio's double journals each as `POST {kind}`.
    return sum(count for (operation, _), count in answers.items() if operation.partition(" ")[2].startswith("{")), None


def _lateness(name: str, metrics: Mapping[str, Any]) -> float | None:
    """The 99th percentile of how late a double did what it does at a time, in ms, since its start."""
    holder = {"twilio": "media", "deepgram": "voice_agent"}.get(name, name)
    return _float(metrics.get(holder, {}).get("lateness_ms", {}).get("p99"))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
