"""What is kept of a failing request, so that it can be looked into after the run: the first few of each kind.

`Failing` is part of a process's recorder and costs a request that succeeds nothing. `FailureLog` is the master's: it
writes `failures.jsonl` as the reports come in, so that a master that is killed leaves what it had.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.redaction import SHORTEST_SECRET, TEXT_CHARACTERS, redact, redact_body, redact_path, redact_value

logger = logging.getLogger(__name__)

FILE_NAME = "failures.jsonl"
OF_A_KIND = 5
"""Kept of each endpoint and reason."""
OF_A_RUN = 200
BODY_CHARACTERS = 2_000
SENTENCE_CHARACTERS = 300
PATH_CHARACTERS = 1_000
MESSAGE_CHARACTERS = 500
MESSAGES = 5
SHOWN = 5
"""So many rows has a report's table, each of another kind."""
EXCHANGE = "exchange"
"""Where a request's context says what a response does not: `url` and `body` of a request that had none, or, of a socket
or a call, `waited_for`, `call_sid`, `detail` and the `last_messages`."""
HEADERS = {"retry-after": "retry_after", "x-request-id": "request_id", "traceparent": "traceparent"}
"""Headers of an answer that are kept, and as what."""

Exchange = dict[str, Any]
Kind = tuple[str, str, str]
"""Request type, name and reason."""


@dataclass(frozen=True)
class Failure:
    """A request event that tells of a failure."""

    at: float
    request_type: str
    name: str
    outcome: str
    latency_ms: float | None
    exception: Any
    response: Any = None
    context: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None


class _Room:
    """Says what there is room for."""

    def __init__(self) -> None:
        self.kept = self.left_out = 0
        self._of_kind: dict[Kind, int] = {}

    def takes(self, kind: Kind) -> bool:
        """Whether one more of this kind is kept; counts it either way."""
        count = self._of_kind.get(kind, 0)
        if count >= OF_A_KIND or self.kept >= OF_A_RUN:
            self.left_out += 1
            return False
        self._of_kind[kind] = count + 1
        self.kept += 1
        return True


class Failing:
    """The first failing exchanges that one process sees in a run."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        """Take the values that no file may hold."""
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self.clear()

    def clear(self) -> None:
        """Forget everything: a new run starts."""
        self._room = _Room()
        self._fresh: list[Exchange] = []
        self._told = 0

    def note(self, failure: Failure) -> None:
        """Keep a failure, or count it where there are enough of its kind."""
        reason = str(failure.exception)[:TEXT_CHARACTERS]
        if self._room.takes((failure.request_type, failure.name, reason)):
            self._fresh.append(_exchange(failure, reason, self._secrets))

    def take(self) -> dict[str, Any]:
        """What was kept since the last take, and how many were not, ready for the wire."""
        fresh, self._fresh = self._fresh, []
        left_out, self._told = self._room.left_out - self._told, self._room.left_out
        return {"kept": fresh, "left_out": left_out}


class FailureLog:
    """The failing exchanges of a run, as its results have them."""

    def __init__(self, started: float, path: Path | None = None) -> None:
        """Take when the run began, and the file to write; without one all but the reports' rows is forgotten."""
        self._started = started
        self._path = path
        self._room = _Room()
        self._left_out = 0
        self._unwritten = 0
        self.first: list[Exchange] = []
        """The first of each kind, for the reports."""

    @property
    def kept(self) -> int:
        """How many the file holds."""
        return self._room.kept - self._unwritten

    @property
    def left_out(self) -> int:
        """How many failures it does not hold."""
        return self._left_out + self._room.left_out + self._unwritten

    def facts(self) -> dict[str, int]:
        """What verdict.json says of it."""
        return {"kept": self.kept, "left_out": self.left_out}

    def add(self, worker: int, clock_offset: float, taken: Mapping[str, Any]) -> None:
        """Write what `Failing.take` gave on a worker, by its number, whose clock is so many seconds ahead."""
        self._left_out += taken["left_out"]
        lines: list[str] = []
        for exchange in taken["kept"]:
            kind = exchange["method"], exchange["name"], exchange["reason"]
            if not self._room.takes(kind):
                continue
            at = exchange["at"] - clock_offset
            whole = {"at": round(at, 3), "second": round(at - self._started, 3), "worker": worker}
            whole |= {name: value for name, value in exchange.items() if name != "at"}
            lines.append(json.dumps(whole, ensure_ascii=False) + "\n")
            kinds = {(each["method"], each["name"], each["reason"]) for each in self.first}
            if len(self.first) < SHOWN and kind not in kinds:
                self.first.append(whole)
        if lines and self._unwritten:
            self._unwritten += len(lines)
        elif lines and self._path is not None:
            self._append(self._path, lines)

    def _append(self, path: Path, lines: Sequence[str]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            logger.error("No more failing exchanges are kept: %s cannot be written: %s", path, error.strerror)  # noqa: TRY400
            self._unwritten = len(lines)


def _exchange(failure: Failure, reason: str, secrets: Sequence[str]) -> Exchange:
    """A failure as one line of the file holds it; plain values that travel."""
    response, context = failure.response, failure.context
    also: Mapping[str, Any] = context.get(EXCHANGE) or {}
    request = getattr(response, "request", None)
    found: list[str] = []
    sent = _body(getattr(request, "body", None) or also.get("body"), secrets, found)
    known = [*secrets, *found]
    # Locust's client has the query in this part of its request alone.
    url = str(getattr(request, "url_split", None) or failure.url or also.get("url") or "")
    status = getattr(response, "status_code", None) or getattr(failure.exception, "status_code", None)
    exchange: Exchange = {
        "at": failure.at,
        "scenario": context.get("scenario"),
        "user": context.get("user"),
        "method": failure.request_type,
        "name": failure.name,
        "path": _short(redact_path(url, failure.name, known), PATH_CHARACTERS) if url else None,
        "status": status if isinstance(status, int) else None,
        "outcome": failure.outcome,
        "reason": _short(redact(reason, known), SENTENCE_CHARACTERS),
        "latency_ms": None if failure.latency_ms is None else round(failure.latency_ms, 1),
        "request_body": sent,
        "response_body": _body(_content(response), known, []),
    }
    headers = getattr(response, "headers", None) or {}
    for header, name in HEADERS.items():
        if value := headers.get(header):
            exchange[name] = _short(redact(str(value), known), SENTENCE_CHARACTERS)
    return exchange | _step(context, also, known)


def _step(context: Mapping[str, Any], also: Mapping[str, Any], known: Sequence[str]) -> Exchange:
    """What a step of a socket or a call says of itself."""
    sid = also.get("call_sid") or (context.get("call") or {}).get("call_sid")
    step: Exchange = {"call_sid": sid} if sid else {}
    for name in ("waited_for", "detail"):
        if also.get(name):
            step[name] = _short(redact(str(also[name]), known), SENTENCE_CHARACTERS)
    if also.get("last_messages"):
        step["last_messages"] = [
            _short(json.dumps(redact_value(message, known, []), ensure_ascii=False, default=str), MESSAGE_CHARACTERS)
            for message in list(also["last_messages"])[-MESSAGES:]
        ]
    return step


def _content(response: Any) -> bytes | None:
    """What the client has read of a body, of Locust's and of `requests`: one that broke off is not to be read again."""
    for name in ("_cached_content", "_content"):
        held = getattr(response, name, None)
        if isinstance(held, bytes):
            return held
    return None


def _body(body: Any, secrets: Sequence[str], found: list[str]) -> str | None:
    if not isinstance(body, bytes | str) or not body:
        return None
    return _short(redact_body(body, secrets, found), BODY_CHARACTERS, len(body))


def _short(text: str, most: int, whole: int | None = None) -> str:
    """A text of so many characters at most, which any encoding takes; one that was cut says so."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= most else f"{clean[:most]}… (cut, of {len(clean) if whole is None else whole})"
