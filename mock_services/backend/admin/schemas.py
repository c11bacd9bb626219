"""Requests and answers of the administrators' endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from mock_services.backend.accounts.schemas import Organization, UserView
from mock_services.backend.schemas import BigInt, JsonObject, Page, Paging
from mock_services.backend.usage.schemas import OrganizationUsage, RecordView, Stats


class UserListQuery(Paging):
    """Which users, and which page of them."""

    tenant_id: UUID | None = None
    role: str | None = None
    is_active: bool | None = None


class UserPage(Page):
    """One page of users."""

    users: list[UserView]


class MetricQuery(BaseModel):
    """Which metrics, of the last hours."""

    metric_type: str | None = None
    hours: Annotated[int, Field(ge=1, le=168)] = 24


class MetricCreate(BaseModel):
    """A number to write down."""

    metric_type: str
    value: BigInt
    tenant_id: UUID | None = None


MetricData = JsonObject | None
"""What else is known of a number."""


class MetricView(BaseModel):
    """A number that was written down."""

    id: UUID
    metric_type: str
    value: int
    tenant_id: UUID | None
    additional_data: dict[str, Any] | None
    created_at: datetime


class AdminDashboard(BaseModel):
    """The platform in numbers; for an admin, the own organisation."""

    total_users: int
    total_conversations: int
    total_phone_calls: int
    active_ws_connections: int
    db_connection_pool_size: int
    recent_usage: list[RecordView]
    system_metrics: list[MetricView]
    tenant_stats: list[dict[str, Any]]
    overall_usage_stats: Stats
    usage_by_organization: list[OrganizationUsage]


class AdminOrganization(Organization):
    """An organisation and how many users it has."""

    user_count: int


class OrganizationPath(BaseModel):
    """The path of any organisation."""

    org_id: UUID


class OrganizationToggled(BaseModel):
    """An organisation that was switched on or off."""

    message: str
    organization_id: UUID
    is_active: bool


class ConfigurationPath(BaseModel):
    """The path of any telephony configuration."""

    config_id: UUID


class OpenSockets(BaseModel):
    """How many sockets are open."""

    total_connections: int
    connections: dict[str, int]
