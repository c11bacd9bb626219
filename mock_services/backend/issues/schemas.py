"""Requests and answers of the issue endpoints."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, EmailStr

from mock_services.backend.schemas import Page, Paging


class IssueType(StrEnum):
    """What an issue is about."""

    BUG = "bug"
    FEATURE_REQUEST = "feature_request"
    IMPROVEMENT = "improvement"
    QUESTION = "question"
    OTHER = "other"


class IssuePriority(StrEnum):
    """How pressing an issue is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class IssueStatus(StrEnum):
    """How far an issue has come."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


class IssuePath(BaseModel):
    """The path of an issue."""

    issue_id: UUID


class IssueQuery(Paging):
    """Which issues."""

    status: IssueStatus | None = None
    priority: IssuePriority | None = None
    type: IssueType | None = None
    search: str | None = None
    assigned_to_me: bool = False


class IssueCreate(BaseModel):
    """A new issue."""

    title: str
    description: str
    type: IssueType = IssueType.BUG
    priority: IssuePriority = IssuePriority.MEDIUM
    reporter_email: EmailStr | None = None
    reporter_name: str | None = None


class IssueUpdate(BaseModel):
    """Any subset of what may change of an issue; null changes nothing."""

    title: str | None = None
    description: str | None = None
    type: IssueType | None = None
    status: IssueStatus | None = None
    priority: IssuePriority | None = None
    assigned_to_id: UUID | None = None
    resolution: str | None = None


class CommentCreate(BaseModel):
    """A new comment."""

    content: str
    author_name: str | None = None
    author_email: EmailStr | None = None


class CommentView(BaseModel):
    """A comment."""

    content: str
    id: UUID
    issue_id: UUID
    user_id: UUID | None = None
    author_name: str | None = None
    author_email: str | None = None
    created_at: datetime
    updated_at: datetime


class IssueView(BaseModel):
    """An issue with its comments. It has no tenant where its reporter was not recognised."""

    title: str
    description: str
    type: IssueType
    priority: IssuePriority
    id: UUID
    tenant_id: UUID | None = None
    status: IssueStatus
    reporter_email: str | None = None
    reporter_name: str | None = None
    reporter_user_id: UUID | None = None
    assigned_to_id: UUID | None = None
    resolved_by_id: UUID | None = None
    resolution: str | None = None
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    comments: list[CommentView] = []


class IssuePage(Page):
    """One page of issues, newest first."""

    items: list[IssueView]


class IssueSummary(BaseModel):
    """How many issues there are, in all and of each kind."""

    total: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_priority: dict[str, int]
