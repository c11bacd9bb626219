"""The state of the stub: its account, and the voice agent's open sessions with what they have counted."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any
from uuid import UUID

from mock_services.core.randomness import Randomness
from mock_services.deepgram.errors import InvalidAuth, TooManyRequests
from mock_services.deepgram.protocol import AgentSession
from mock_services.deepgram.settings import DeepgramSettings
from mock_services.deepgram.tally import AgentTally


class Account:
    """Who may use the stub, and the ids and random values of each request."""

    def __init__(self, settings: DeepgramSettings) -> None:
        self.settings = settings
        self._randomness = Randomness(settings.seed)
        self._key = settings.api_key.encode()

    def new_request_id(self) -> str:
        """Give the id under which the next request is known."""
        return str(self.new_id("request"))

    def new_id(self, kind: str) -> UUID:
        """Draw an id."""
        return self._randomness.uuid(f"deepgram {kind}")

    def random(self, request_id: str) -> Random:
        """Give the random values of one request."""
        return self._randomness.fresh(f"deepgram session {request_id}")

    def authenticate(self, authorization: str, subprotocols: Sequence[str], request_id: str) -> str | None:
        """Check `Authorization: Token <key>` (or `Bearer`), or the subprotocols `token, <key>` that browsers use.

        Gives the subprotocol to accept; raises `InvalidAuth`.
        """
        scheme, _, key = authorization.partition(" ")
        chosen = None
        if not authorization and len(subprotocols) == 2:
            scheme, key = subprotocols
            chosen = scheme
        if scheme.lower() in ("token", "bearer") and hmac.compare_digest(key.strip().encode(), self._key):
            return chosen
        raise InvalidAuth(request_id)

    def reset(self) -> None:
        """Begin the random values anew."""
        self._randomness = Randomness(self.settings.seed)


class VoiceAgents:
    """Opens the voice agent's sessions."""

    def __init__(self, account: Account) -> None:
        self.settings = account.settings
        self.tally = AgentTally()
        self.open_sessions = 0
        self._account = account

    @contextmanager
    def session(self, request_id: str, now: float) -> Iterator[AgentSession]:
        """Hold one of the places for sessions; raises `TooManyRequests` where all are taken."""
        if self.open_sessions >= self.settings.max_sessions:
            raise TooManyRequests(request_id)
        self.open_sessions += 1
        self.tally.sessions += 1
        try:
            yield AgentSession(
                request_id,
                self.settings.timing,
                self._account.random(request_id),
                self.tally,
                now,
                lenient=self.settings.lenient,
                script=self.settings.script,
            )
        finally:
            self.open_sessions -= 1

    def count_lateness(self, ms: float) -> None:
        """Count how late something was sent; into the distribution that the last reset began."""
        self.tally.lateness_ms.add(ms)

    def reset(self) -> None:
        """Forget what was counted. Open sessions go on, and count from here."""
        self.tally.clear()

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`: the vendor's delays as they are set, and what was counted."""
        timing = self.settings.timing
        delays = {name: getattr(timing, name) for name in type(timing).__dataclass_fields__}
        return {
            "open_sessions": self.open_sessions,
            "max_sessions": self.settings.max_sessions,
            "seed": self.settings.seed,
            "delays": {**delays, "turn_ms": timing.turn_ms},
            **self.tally.summary(),
        }
