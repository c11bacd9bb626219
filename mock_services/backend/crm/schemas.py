"""Requests and answers of the CRM endpoints."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, EmailStr, Field

from mock_services.backend.schemas import BigInt, JsonObject, Utc
from mock_services.core.forms import File

Text20 = Annotated[str, Field(max_length=20)]
Text50 = Annotated[str, Field(max_length=50)]
Text100 = Annotated[str, Field(max_length=100)]
Text255 = Annotated[str, Field(max_length=255)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
YES_NO = frozenset({"yes", "no", "true", "false"})


class ContactStatus(StrEnum):
    """How far a contact has come."""

    LEAD = "lead"
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    INACTIVE = "inactive"
    QUALIFIED = "qualified"
    CLOSED_WON = "closed_won"
    CLOSED_LOST = "closed_lost"


class InteractionType(StrEnum):
    """What kind of contact there was."""

    PHONE_CALL = "phone_call"
    EMAIL = "email"
    MEETING = "meeting"
    NOTE = "note"
    TASK = "task"
    FOLLOW_UP = "follow_up"


def _date_or_nothing(text: str | None) -> str | None:
    """Keep a date; the platform stores null where it cannot read one."""
    try:
        return text and str(datetime.fromisoformat(text).date())
    except ValueError:
        return None


def _yes_no_or_nothing(text: str | None) -> str | None:
    """Keep a yes or a no; the platform stores null for anything else."""
    return text if text is not None and text.lower() in YES_NO else None


DateText = Annotated[str | None, AfterValidator(_date_or_nothing)]


class ContactFields(BaseModel):
    """The fields of a contact that may be absent."""

    city: Text100 | None = None
    state: Text50 | None = None
    contact_email: EmailStr | None = None
    contact_role: Text100 | None = None
    phone: Text20 | None = None
    website: Text255 | None = None
    address: str | None = None
    notes: str | None = None
    stripe_customer_id: str | None = None
    unsubscribed_at: Utc | None = None
    unsubscribe_reason: str | None = None
    ethnic_orientation: Text100 | None = None
    preferred_language: Text50 | None = None
    secondary_language: Text50 | None = None
    family_name: Text255 | None = None
    relationship_to_deceased: Text100 | None = None
    deceased_name: Text255 | None = None
    date_of_birth: DateText = None
    date_of_death: DateText = None
    service_type: Text100 | None = None
    service_date: DateText = None
    service_location: Text255 | None = None
    plot_number: Text50 | None = None
    plot_type: Text100 | None = None
    contract_amount_cents: BigInt | None = None
    amount_paid_cents: BigInt | None = None
    balance_due_cents: BigInt | None = None
    payment_plan: Annotated[Text100 | None, AfterValidator(_yes_no_or_nothing)] = None
    payment_status: Text50 | None = None
    special_requests: str | None = None
    religious_preferences: Text255 | None = None
    veteran_status: Annotated[Text20 | None, AfterValidator(_yes_no_or_nothing)] = None


class ContactCreate(ContactFields):
    """A new contact."""

    business_name: Name
    contact_name: Name
    status: ContactStatus = ContactStatus.LEAD
    custom_fields: JsonObject = Field(default_factory=dict)
    is_unsubscribed: bool = False


NEEDED = ("business_name", "status", "custom_fields", "is_unsubscribed")
"""The fields that the platform's own answer cannot do without: they may not become null."""


class ContactUpdate(ContactFields):
    """Any subset of a contact's fields. Those in `NEEDED` may be left out, but not be null."""

    business_name: Name | None = None
    contact_name: Name | None = None
    status: ContactStatus | None = None
    custom_fields: JsonObject | None = None
    is_unsubscribed: bool | None = None


class ContactRow(ContactFields):
    """A contact as a line of a file gives it: an e-mail address will do for a name."""

    business_name: Name
    contact_name: Name | None = None
    status: ContactStatus = ContactStatus.LEAD
    custom_fields: JsonObject = Field(default_factory=dict)
    is_unsubscribed: bool = False


class ContactView(ContactFields):
    """A contact."""

    business_name: Name
    contact_name: Text255 | None
    status: ContactStatus
    custom_fields: dict[str, Any]
    is_unsubscribed: bool
    id: UUID
    tenant_id: UUID
    created_by_user_id: UUID | None
    created_at: datetime
    updated_at: datetime | None
    interaction_count: int | None
    last_interaction_date: datetime | None
    billing_status: str | None
    subscription_status: str | None


class ContactPage(BaseModel):
    """One page of contacts, newest first."""

    items: list[ContactView]
    total: int
    page: int
    page_size: int
    total_pages: int


class Paging(BaseModel):
    """Which page."""

    page: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20


class ContactListQuery(Paging):
    """What to list."""

    search: str | None = None
    status: ContactStatus | None = None
    city: str | None = None
    state: str | None = None


class ContactSearchQuery(Paging):
    """What to search for. There is no `q`."""

    search_term: str | None = None
    search_fields: str | None = None
    status: ContactStatus | None = None
    city: str | None = None
    state: str | None = None
    has_email: bool | None = None


class ContactPath(BaseModel):
    """The path of a contact."""

    contact_id: UUID


class ImportForm(BaseModel):
    """A file of contacts."""

    file: File


class ImportQuery(BaseModel):
    """How to read it: `field_mapping` is a JSON object, from a column's header to a contact's field."""

    field_mapping: str
    update_existing: bool = False


class FailedRow(BaseModel):
    """A line that was not imported; `row` counts the lines below the header from 1."""

    row: int
    error: str
    data: dict[str, str | None]


class Imported(BaseModel):
    """What became of the lines of a file."""

    total_rows: int
    successful_imports: int
    failed_imports: int
    errors: list[FailedRow]
    created_contacts: list[UUID]
    updated_contacts: list[UUID]


class InteractionCreate(BaseModel):
    """A new interaction with a contact."""

    contact_id: UUID
    interaction_type: InteractionType
    content: Annotated[str, Field(min_length=1)]
    interaction_date: Utc
    subject: Text255 | None = None
    interaction_metadata: JsonObject = Field(default_factory=dict)


class InteractionView(InteractionCreate):
    """An interaction."""

    id: UUID
    user_id: UUID
    created_at: datetime
    updated_at: datetime | None
    user_name: str | None


class InteractionQuery(BaseModel):
    """Which interactions of a contact."""

    interaction_type: InteractionType | None = None


class CustomFieldType(StrEnum):
    """What a custom field holds."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    EMAIL = "email"
    PHONE = "phone"
    SELECT = "select"
    BOOLEAN = "boolean"
    TEXTAREA = "textarea"


class CustomFieldCreate(BaseModel):
    """A new field of a tenant's contacts."""

    field_name: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$")]
    field_label: Annotated[str, Field(min_length=1, max_length=100)]
    field_type: CustomFieldType
    field_options: JsonObject = Field(default_factory=dict)
    is_required: bool = False
    display_order: Annotated[BigInt, Field(ge=0)] = 0
    is_active: bool = True


class CustomFieldView(CustomFieldCreate):
    """A custom field."""

    id: UUID
    tenant_id: UUID
    created_by_user_id: UUID | None
    created_at: datetime
    updated_at: datetime | None


class CustomFieldQuery(BaseModel):
    """Which custom fields."""

    include_inactive: bool = False


class DashboardStats(BaseModel):
    """The numbers of the dashboard. `contact_growth` counts new contacts by day."""

    total_contacts: int
    contacts_by_status: dict[str, int]
    recent_interactions: list[InteractionView]
    upcoming_tasks: list[InteractionView]
    contact_growth: dict[str, int]
    unsubscribed_contacts: int
    unsubscribe_rate: float


class Dashboard(BaseModel):
    """The CRM's first page."""

    stats: DashboardStats
    recent_contacts: list[ContactView]
    custom_fields: list[CustomFieldView]
