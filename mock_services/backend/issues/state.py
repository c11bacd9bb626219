"""The table of issues."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, TypedDict

from mock_services.backend.accounts.state import User
from mock_services.backend.errors import ResourceNotFound
from mock_services.backend.issues.schemas import IssueStatus
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness


class Comment(TypedDict):
    """A comment as the API answers it."""

    id: uuid.UUID
    issue_id: uuid.UUID
    content: str
    user_id: uuid.UUID | None
    author_name: str | None
    author_email: str | None
    created_at: datetime
    updated_at: datetime


class IssueStore:
    """All issues, oldest first, as rows that the API answers."""

    def __init__(self, rows: Rows, randomness: Randomness) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self.clear()

    def clear(self) -> None:
        """Forget every issue."""
        self._issues: dict[uuid.UUID, dict[str, Any]] = {}

    def add(self, reporter: User | None, values: dict[str, Any]) -> dict[str, Any]:
        """Add an issue; without a reporter it is anonymous, and everybody's."""
        self._rows.take()
        moment = now()
        issue = {
            **values,
            "id": self._ids.new("issues"),
            "tenant_id": reporter.tenant.id if reporter else None,
            "status": IssueStatus.OPEN,
            "reporter_user_id": reporter.id if reporter else None,
            "assigned_to_id": None,
            "resolved_by_id": None,
            "resolution": None,
            "created_at": moment,
            "updated_at": moment,
            "resolved_at": None,
            "comments": [],
        }
        if reporter:
            issue["reporter_email"] = values["reporter_email"] or reporter.email
            issue["reporter_name"] = values["reporter_name"] or reporter.name
        self._issues[issue["id"]] = issue
        return issue

    def visible_to(self, user: User | None) -> list[dict[str, Any]]:
        """Give the issues that a caller sees, newest first: the anonymous ones, and those of the own tenant."""
        return [issue for issue in reversed(self._issues.values()) if _sees(user, issue)]

    def find(self, user: User | None, issue_id: uuid.UUID) -> dict[str, Any]:
        """Find an issue that a caller sees; raise `ResourceNotFound`."""
        issue = self._issues.get(issue_id)
        if issue is None or not _sees(user, issue):
            raise ResourceNotFound(f"there is no issue {issue_id} that the caller may see")
        return issue

    def change(self, user: User, issue: dict[str, Any], values: dict[str, Any]) -> None:
        """Change an issue; one that becomes resolved or closed was so by this user, now."""
        before = issue["status"]
        issue.update(values)
        issue["updated_at"] = now()
        ended = {IssueStatus.RESOLVED, IssueStatus.CLOSED}
        if issue["status"] in ended and before not in ended:
            issue["resolved_at"], issue["resolved_by_id"] = issue["updated_at"], user.id
        elif issue["status"] not in ended:
            issue["resolved_at"] = issue["resolved_by_id"] = None

    def comment(self, author: User | None, issue: dict[str, Any], values: dict[str, Any]) -> Comment:
        """Add a comment to an issue."""
        self._rows.take()
        moment = now()
        comment: Comment = {
            "id": self._ids.new("comments"),
            "issue_id": issue["id"],
            "content": values["content"],
            "user_id": author.id if author else None,
            "author_name": values["author_name"] or (author.name if author else None),
            "author_email": values["author_email"] or (author.email if author else None),
            "created_at": moment,
            "updated_at": moment,
        }
        issue["comments"].append(comment)
        issue["updated_at"] = moment
        return comment


def _sees(user: User | None, issue: dict[str, Any]) -> bool:
    if issue["tenant_id"] is None:
        return True
    return user is not None and (user.role == "super_admin" or user.tenant.id == issue["tenant_id"])
