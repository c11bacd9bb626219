"""Requests and answers of the mail endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, EmailStr, Field

from mock_services.backend.schemas import BigInt, JsonObject, Utc
from mock_services.core.forms import File

Name = Annotated[str, Field(min_length=1, max_length=100)]
Subject = Annotated[str, Field(min_length=1, max_length=255)]
Html = Annotated[str, Field(min_length=1)]


class TemplateCreate(BaseModel):
    """A new template. A placeholder is written `{{name}}`; `variables` names those that it has."""

    name: Name
    subject: Subject
    html_content: Html
    text_content: str | None = None
    variables: list[str] = Field(default_factory=list)


class TemplateUpdate(BaseModel):
    """Any subset of a template's fields; null leaves a field as it is, except `text_content`."""

    name: Name | None = None
    subject: Subject | None = None
    html_content: Html | None = None
    text_content: str | None = None
    variables: list[str] | None = None


class TemplateView(TemplateCreate):
    """A template."""

    id: UUID
    tenant_id: UUID
    created_by_user_id: UUID | None
    created_at: datetime
    updated_at: datetime | None


class TemplatePath(BaseModel):
    """The path of a template."""

    template_id: UUID


class TemplateForm(BaseModel):
    """A template's HTML as a file."""

    file: File


class TemplateQuery(BaseModel):
    """What a template that comes as a file is called, and the subject of its mails."""

    name: str
    subject: str


class TemplateUploaded(BaseModel):
    """A template that came as a file."""

    message: str
    template: TemplateView


class BulkMail(BaseModel):
    """A mail to many. It is sent at once, whatever `schedule_send` says."""

    template_id: UUID
    contact_ids: Annotated[list[UUID], Field(min_length=1)]
    template_variables: JsonObject = Field(default_factory=dict)
    schedule_send: Utc | None = None


class FailedMail(BaseModel):
    """A mail that was not taken."""

    contact_id: UUID
    contact_email: str
    error: str


class BulkResult(BaseModel):
    """What became of a mail to many; `email_ids` are those of the recipients it was sent to."""

    total_recipients: int
    successful_sends: int
    failed_sends: int
    errors: list[FailedMail]
    email_ids: list[UUID]


class TrialMail(BaseModel):
    """A mail that tries the way to the vendor: `simple`, or rendered from a `template`."""

    to_email: EmailStr
    test_type: str = "simple"


class TrialMailSent(BaseModel):
    """A test mail that was taken."""

    success: bool
    message: str
    status_code: int
    message_id: str
    test_type: str


class CampaignView(BaseModel):
    """A mail to many in numbers; the rates are in per cent of what was sent."""

    id: UUID
    name: str
    subject: str
    status: str
    recipient_count: int
    sent_count: int
    opened_count: int
    clicked_count: int
    bounced_count: int
    unsubscribed_count: int
    created_at: datetime
    sent_at: datetime | None
    open_rate: float
    click_rate: float


class CampaignQuery(BaseModel):
    """Which campaigns."""

    skip: Annotated[BigInt, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class CampaignPage(BaseModel):
    """Campaigns, newest first."""

    campaigns: list[CampaignView]
    total: int
    skip: int
    limit: int


class RecipientView(BaseModel):
    """One mail of a campaign, and what its reader did with it."""

    id: UUID
    campaign_id: UUID
    contact_id: UUID
    email_address: str
    status: str
    error: str | None
    sent_at: datetime | None
    opened_at: datetime | None
    open_count: int
    clicked_at: datetime | None
    click_count: int
    unsubscribed_at: datetime | None


class CampaignAnalytics(BaseModel):
    """A campaign and each of its mails."""

    campaign: CampaignView
    recipients: list[RecipientView]


class CampaignPath(BaseModel):
    """The path of a campaign; any text may stand there."""

    campaign_id: str


class RecipientPath(BaseModel):
    """The path of a mail of a campaign; any text may stand there."""

    recipient_id: str


class TrackingPath(BaseModel):
    """What stands in a mail's links; any text may."""

    tracking_id: str


class ClickQuery(BaseModel):
    """Where a link of a mail leads."""

    url: str


class ReaderPath(BaseModel):
    """The path of a contact who reads mails; any text may stand there."""

    contact_id: str


class UnsubscribeQuery(BaseModel):
    """Why somebody wants no more mails."""

    reason: str = "user_request"


class Resubscribed(BaseModel):
    """Who wants mails again."""

    message: str
    contact_email: str | None
