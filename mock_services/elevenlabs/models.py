"""The state of the stub: who is let in, what of the subscription is used, who speaks now, what was counted."""

from __future__ import annotations

import hmac
import math
import time
from collections import Counter
from typing import Any

from mock_services.core.durations import Milliseconds
from mock_services.core.latency import Delay, jittered
from mock_services.core.randomness import Randomness
from mock_services.elevenlabs.catalogue import Catalogue, Model
from mock_services.elevenlabs.errors import (
    ElevenLabsError,
    InvalidApiKey,
    NeedsAuthorization,
    QuotaExceeded,
    TextTooLong,
    TooManyConcurrentRequests,
)
from mock_services.elevenlabs.settings import ElevenLabsSettings

MONTH_S = 30 * 86_400
CREATED = 1_714_204_800


class ElevenLabsState:
    """Everything that requests share; `reset` puts it back to its start. Who speaks meanwhile goes on."""

    def __init__(self, settings: ElevenLabsSettings) -> None:
        self.settings = settings
        self.catalogue = Catalogue(settings.extra_voices)
        self.speaking = 0
        self._key = settings.api_key.encode()
        self.reset()

    def reset(self) -> None:
        """Forget what was used and counted, and begin the random values anew."""
        self.randomness = Randomness(self.settings.seed)
        self.characters = 0
        self.credits = 0
        self.sockets = 0
        self.most_speaking = self.speaking
        self.socket_errors: Counter[str] = Counter()
        self.first_byte_ms = Milliseconds()
        self.lateness_ms = Milliseconds()

    def count_socket_error(self, refusal: ElevenLabsError) -> None:
        """Count what ended a socket: the journal, which counts other refusals, has no status for it."""
        self.socket_errors[refusal.word] += 1

    def authenticate(self, key: str, authorization: str = "") -> None:
        """Check the key, alone or as `Bearer <key>`; raises `NeedsAuthorization` or `InvalidApiKey`."""
        if not key and authorization.lower().startswith("bearer "):
            key = authorization[7:].strip()
        if not key:
            raise NeedsAuthorization
        if not hmac.compare_digest(key.encode("utf-8", "replace"), self._key):
            raise InvalidApiKey

    def spend(self, text: str, model: Model) -> int:
        """Take the credits that a text costs and give how many; raises `TextTooLong` or `QuotaExceeded`."""
        if len(text) > model.longest:
            raise TextTooLong(len(text), model.longest)
        cost = math.ceil(len(text) * model.cost)
        left = self.settings.character_limit - self.credits
        if cost > left:
            raise QuotaExceeded(self.settings.character_limit, left, cost)
        self.credits += cost
        self.characters += len(text)
        return cost

    def begin_speaking(self) -> None:
        """Take one of the places for those who speak; raises `TooManyConcurrentRequests`."""
        if self.speaking >= self.settings.max_concurrent:
            raise TooManyConcurrentRequests(self.settings.max_concurrent)
        self.speaking += 1
        self.most_speaking = max(self.most_speaking, self.speaking)

    def end_speaking(self) -> None:
        """Give the place back."""
        self.speaking -= 1

    def draw_s(self, delay: Delay) -> float:
        """Draw how long one answer takes, in seconds."""
        return delay.draw_s(self.randomness.stream("elevenlabs delays"))

    def first_byte_s(self) -> float:
        """Draw how long one text takes to its first audio, and count it."""
        drawn = self.draw_s(self.settings.first_byte_ms)
        self.first_byte_ms.add(drawn * 1000)
        return drawn

    def gap_s(self, mean_s: float) -> float:
        """Draw how long after one piece of a stream the next is made, `mean_s` on average."""
        return jittered(mean_s, self.settings.jitter, self.randomness.stream("elevenlabs gaps"))

    def new_id(self, what: str, digits: int = 20) -> str:
        """Give a new id."""
        return self.randomness.hex(f"elevenlabs {what}", digits)

    def subscription(self) -> dict[str, Any]:
        """Give what `GET /v1/user/subscription` and `GET /v1/user` tell of the subscription."""
        settings = self.settings
        return {
            "tier": settings.tier,
            "character_count": self.credits,
            "character_limit": settings.character_limit,
            "max_character_limit_extension": None,
            "max_credit_limit_extension": 0,
            "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False,
            "next_character_count_reset_unix": int(time.time()) // MONTH_S * MONTH_S + MONTH_S,
            "voice_slots_used": len(settings.extra_voices),
            "professional_voice_slots_used": 0,
            "professional_voice_slots_used_in_workspace": 0,
            "voice_limit": 660,
            "max_voice_add_edits": None,
            "voice_add_edit_counter": 0,
            "professional_voice_limit": 3,
            "can_extend_voice_limit": False,
            "can_use_instant_voice_cloning": True,
            "can_use_professional_voice_cloning": True,
            "currency": "usd",
            "current_overage": {"amount": "0", "currency": "usd"},
            "status": "active",
            "billing_period": "monthly_period",
            "character_refresh_period": "monthly_period",
        }

    def user(self) -> dict[str, Any]:
        """Give what `GET /v1/user` tells."""
        return {
            "user_id": "lab",
            "workspace_id": "1ab00000000000000000000000000000",
            "subscription": self.subscription(),
            "is_new_user": False,
            "can_use_delayed_payment_methods": False,
            "is_onboarding_completed": True,
            "is_onboarding_checklist_completed": True,
            "show_compliance_terms": False,
            "first_name": "Lab",
            "is_api_key_hashed": True,
            "xi_api_key": None,
            "xi_api_key_preview": f"…{self.settings.api_key[-4:]}",
            "created_at": CREATED,
            "seat_type": "workspace_admin",
        }

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`: the delays as they are set, and what was counted."""
        settings = self.settings
        return {
            "elevenlabs": {
                "seed": settings.seed,
                "delays": {
                    "first_byte_ms": str(settings.first_byte_ms),
                    "speed": settings.speed,
                    "jitter": settings.jitter,
                    "lookup_ms": str(settings.lookup_ms),
                    "characters_per_second": settings.characters_per_second,
                },
                "limits": {"max_concurrent": settings.max_concurrent, "character_limit": settings.character_limit},
                "speaking": self.speaking,
                "most_speaking": self.most_speaking,
                "sockets": self.sockets,
                "characters": self.characters,
                "credits": self.credits,
                "socket_errors": dict(self.socket_errors),
                "first_byte_ms": self.first_byte_ms.summary(),
                "lateness_ms": self.lateness_ms.summary(),
            }
        }
