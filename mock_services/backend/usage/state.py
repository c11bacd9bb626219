"""The table of usage records: the newest of all organisations."""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mock_services.backend.store import Ids, now
from mock_services.core.randomness import Randomness


class UsageType(StrEnum):
    """What was used."""

    STT_WORDS = "stt_words"
    TTS_WORDS = "tts_words"
    TELEPHONY_MINUTES = "telephony_minutes"


PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """Something that an organisation used. `amount` is in words or minutes, `usage_type` says which."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    user_id: uuid.UUID | None
    usage_type: str
    amount: int
    cost_cents: int | None
    service_provider: str
    resource_type: str
    resource_id: str
    usage_date: datetime


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which records: those that have all that is named, from `start` on and before `end`."""

    tenant_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None
    usage_type: str | None = None
    service_provider: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __call__(self, record: UsageRecord) -> bool:
        """Say whether a record is meant."""
        return (
            self.tenant_id in (None, record.tenant_id)
            and self.user_id in (None, record.user_id)
            and self.usage_type in (None, record.usage_type)
            and self.service_provider in (None, record.service_provider)
            and (self.start is None or record.usage_date >= self.start)
            and (self.end is None or record.usage_date < self.end)
        )


class Usage:
    """All usage records, oldest first. Of more than `max_records` the oldest is dropped."""

    def __init__(self, randomness: Randomness, max_records: int) -> None:
        self._ids = Ids(randomness)
        self._records: deque[UsageRecord] = deque(maxlen=max_records)

    def __len__(self) -> int:
        return len(self._records)

    def clear(self) -> None:
        """Forget all usage."""
        self._records.clear()

    def find(self, wanted: UsageFilter) -> list[UsageRecord]:
        """Give the records that are meant, newest first."""
        return [record for record in reversed(self._records) if wanted(record)]

    def by_tenant(self, wanted: UsageFilter) -> dict[uuid.UUID, list[UsageRecord]]:
        """Give the records that are meant by tenant, newest first."""
        found: dict[uuid.UUID, list[UsageRecord]] = {}
        for record in self.find(wanted):
            found.setdefault(record.tenant_id, []).append(record)
        return found

    def add(
        self,
        tenant_id: uuid.UUID,
        usage_type: UsageType,
        amount: int,
        *,
        provider: str,
        resource: tuple[str, str],
        cost_cents: int | None = None,
        user_id: uuid.UUID | None = None,
    ) -> None:
        """Record that something was used; `resource` is the kind and the id of what it was used for."""
        identity = self._ids.new("usage_records")
        self._records.append(
            UsageRecord(identity, tenant_id, user_id, usage_type, amount, cost_cents, provider, *resource, now())
        )

    def add_call(
        self, tenant_id: uuid.UUID, call_id: uuid.UUID, *, heard: int, said: int, seconds: int, cents: int
    ) -> None:
        """Record a call of the voice agent: the words it heard and said, and the minutes it took."""
        resource = ("phone_call", str(call_id))
        minutes = -(-seconds // 60)
        self.add(tenant_id, UsageType.STT_WORDS, heard, provider="deepgram", resource=resource)
        self.add(tenant_id, UsageType.TTS_WORDS, said, provider="deepgram", resource=resource)
        self.add(
            tenant_id, UsageType.TELEPHONY_MINUTES, minutes, provider="twilio", resource=resource, cost_cents=cents
        )


def totals(records: Iterable[UsageRecord]) -> dict[str, int]:
    """Add records up: words, calls and cents."""
    amounts: Counter[str] = Counter()
    calls = cents = 0
    for record in records:
        amounts[record.usage_type] += record.amount
        calls += record.usage_type == UsageType.TELEPHONY_MINUTES
        cents += record.cost_cents or 0
    return {
        "total_tts_words": amounts[UsageType.TTS_WORDS],
        "total_stt_words": amounts[UsageType.STT_WORDS],
        "total_phone_calls": calls,
        "total_cost_cents": cents,
    }


def stats(records: list[UsageRecord], period: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Add a period's records up, and apart by user and by service too."""
    by_user: dict[str, Counter[str]] = {}
    by_service: dict[str, Counter[str]] = {}
    for record in records:
        by_service.setdefault(record.service_provider, Counter())[record.usage_type] += record.amount
        if record.user_id is not None:
            by_user.setdefault(str(record.user_id), Counter())[record.usage_type] += record.amount
    return {
        "period": period,
        "start_date": start,
        "end_date": end,
        **totals(records),
        "breakdown_by_user": by_user,
        "breakdown_by_service": by_service,
    }


def span(period: str, start: datetime | None = None, end: datetime | None = None) -> tuple[datetime, datetime]:
    """Give a period's bounds, where they are not given: it ends now."""
    last = end or now()
    try:
        return start or last - PERIODS[period], last
    except OverflowError:
        return last, last  # nothing was used before the first year
