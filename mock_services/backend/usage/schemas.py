"""Requests and answers of the usage endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mock_services.backend.schemas import Page, Paging, Utc
from mock_services.backend.usage.state import UsageRecord

Period = Annotated[str, Field(pattern="^(day|week|month)$")]


class SpanQuery(BaseModel):
    """A period of time: one that ends now, or one between two moments."""

    period: Period = "month"
    start_date: Utc | None = None
    end_date: Utc | None = None


class StatsQuery(SpanQuery):
    """Whose usage, and when."""

    tenant_id: UUID | None = None
    user_id: UUID | None = None


class RecordsQuery(Paging):
    """Which records of usage, and which page of them."""

    tenant_id: UUID | None = None
    user_id: UUID | None = None
    usage_type: str | None = None
    service_provider: str | None = None
    start_date: Utc | None = None
    end_date: Utc | None = None


class RecordView(BaseModel):
    """Something that an organisation used."""

    id: UUID
    tenant_id: UUID
    usage_type: str
    amount: str
    cost_per_unit: str | None
    cost_cents: int | None
    cost_currency: str
    resource_type: str | None
    resource_id: str | None
    usage_metadata: dict[str, Any] | None
    usage_date: datetime
    created_at: datetime


class RecordPage(Page):
    """One page of records, newest first."""

    records: list[RecordView]


class Stats(BaseModel):
    """Usage of a period, added up."""

    period: str
    start_date: datetime
    end_date: datetime
    total_tts_words: int
    total_stt_words: int
    total_phone_calls: int
    total_cost_cents: int
    breakdown_by_user: dict[str, dict[str, int]]
    breakdown_by_service: dict[str, dict[str, int]]


class OrganizationUsage(BaseModel):
    """One organisation's usage of a period, added up."""

    tenant_id: UUID
    tenant_name: str
    total_tts_words: int
    total_stt_words: int
    total_phone_calls: int
    total_cost_cents: int


def record_view(record: UsageRecord) -> dict[str, Any]:
    """Give a `RecordView`."""
    return {
        "id": record.id,
        "tenant_id": record.tenant_id,
        "usage_type": record.usage_type,
        "amount": str(record.amount),
        "cost_per_unit": None,
        "cost_cents": record.cost_cents,
        "cost_currency": "USD",
        "resource_type": record.resource_type,
        "resource_id": record.resource_id,
        "usage_metadata": {"service_provider": record.service_provider},
        "usage_date": record.usage_date,
        "created_at": record.usage_date,
    }
