"""A run's histograms as a file, `results/<run_id>/histograms.json`: what two runs are compared by, long after them.

    {"version": 1, "run_id": "…", "seed": 7, "duration_s": 30.1, "endpoints": [{"type": "GET", "name": "/api/…",
     "area": "crm", "requests": 10, "failures": 0, "outcomes": {"ok": 10}, "latency": […], "intended": null}]}

`latency` (from the send) and `intended` (from the intended start; null where that is the same) are histograms of
microseconds as `metrics.histogram.Histogram.encode` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metrics.areas import area_of
from metrics.histogram import Histogram
from metrics.recorder import Cell, Endpoint

VERSION = 1
FILE_NAME = "histograms.json"
VERDICT_FILE_NAME = "verdict.json"


class StoredRunError(ValueError):
    """A run that cannot be read back; the text is one sentence that names the file and says why."""


@dataclass(frozen=True)
class StoredVerdict:
    """What a run's verdict.json says of it."""

    verdict: str
    """pass, fail or invalid."""
    reasons: Sequence[str]
    invalid: Sequence[str]
    """Those of the reasons that make the run invalid, also when it failed all the same."""

    @property
    def is_invalid(self) -> bool:
        """Whether the run's numbers do not show what the run was to show."""
        return self.verdict == "invalid" or bool(self.invalid)


@dataclass(frozen=True)
class StoredRun:
    """A run as it was stored: its endpoints with everything that was counted of them."""

    run_id: str
    seed: int
    duration_s: float
    endpoints: Mapping[Endpoint, Cell]
    verdict: StoredVerdict | None = None
    """From the file beside; None where there is none of this run."""

    def to_json(self) -> str:
        """The content of the file."""
        content = {
            "version": VERSION,
            "run_id": self.run_id,
            "seed": self.seed,
            "duration_s": round(self.duration_s, 3),
            "endpoints": [_entry(endpoint, cell) for endpoint, cell in sorted(self.endpoints.items())],
        }
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n"


def _entry(endpoint: Endpoint, cell: Cell) -> dict[str, Any]:
    request_type, name = endpoint
    return {
        "type": request_type,
        "name": name,
        "area": area_of(request_type, name),
        "requests": cell.requests,
        "failures": cell.failures,
        "outcomes": cell.outcomes,
        "latency": cell.latency.encode(),
        "intended": None if cell.intended is None else cell.intended.encode(),
    }


def read_stored_run(path: Path) -> StoredRun:
    """Read a file that `StoredRun.to_json` wrote, or that of a run's directory, and the verdict beside it.

    Raises StoredRunError.
    """
    if path.is_dir():
        path /= FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoredRunError(
            f"there is no {path}: name a run's directory, such as results/latest, of a run that ended with a report"
        ) from None
    except OSError as error:
        raise StoredRunError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise StoredRunError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise StoredRunError(f"{path} does not hold a run's histograms of version {VERSION}")
    try:
        endpoints = dict(_endpoint(entry) for entry in content["endpoints"])
        run = StoredRun(str(content["run_id"]), int(content["seed"]), float(content["duration_s"]), endpoints)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoredRunError(f"{path} does not hold a run's histograms: {error!r}") from error
    return replace(run, verdict=_read_verdict(path.with_name(VERDICT_FILE_NAME), run.run_id))


def _read_verdict(path: Path, run_id: str) -> StoredVerdict | None:
    """The verdict on a run; None where there is none, or that of another run, beside a file that was copied there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["run_id"] != run_id:
            return None
        return StoredVerdict(str(content["verdict"]), list(content["reasons"]), list(content["invalid"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoredRunError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise StoredRunError(f"{path} does not hold a run's verdict: {error!r}") from error


def _endpoint(entry: Mapping[str, Any]) -> tuple[Endpoint, Cell]:
    cell = Cell()
    cell.requests, cell.failures = int(entry["requests"]), int(entry["failures"])
    if not 0 <= cell.failures <= cell.requests:
        raise ValueError(f"{cell.failures} failures in {cell.requests} requests")
    cell.outcomes = {str(outcome): int(count) for outcome, count in entry["outcomes"].items()}
    cell.latency = Histogram.decode(entry["latency"])
    cell.intended = None if entry["intended"] is None else Histogram.decode(entry["intended"])
    return (str(entry["type"]), str(entry["name"])), cell
