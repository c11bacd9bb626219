"""Why a request or a step of a call failed, in few enough words to be counted by.

`outcome` is the word that the metrics count under where it is known better than from a status or a socket error.
"""

from __future__ import annotations


class RequestFailure(Exception):
    """A request that the suite counts as failed; its text comes from a bounded set."""

    outcome: str | None = None


class StatusFailure(RequestFailure):
    """The status is not the one that this request should get."""

    def __init__(self, status: int, expected: int) -> None:
        super().__init__(f"status {status}, expected {expected}")


class ContentFailure(RequestFailure):
    """The status is right and the body is not: the 200 with an error inside."""

    outcome = "content"


class AccountFailure(RequestFailure):
    """A virtual user could not be given an account, so it could not start."""


class CallFailure(RequestFailure):
    """A step of a call failed; the text is the Twilio double's reason, or the phone's own."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.outcome = CALL_OUTCOMES.get(reason, "content")


CALL_OUTCOMES = {
    "webhook-timeout": "timeout",
    "turn-timeout": "timeout",
    "agent-talked-on": "timeout",
    "no-agent-audio": "timeout",
    "no-event": "timeout",
    "webhook-refused": "connection",
    "control-unreachable": "lab",
    "control-lost": "lab",
    "stream-handshake": "socket",
    "stream-lost": "socket",
    "webhook-http-error": "http_5xx",
}
"""Reasons that say more than "the answer was wrong"."""
