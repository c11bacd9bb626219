"""Issues: `/api/issues`, open to all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import AccessDenied, AuthenticationRequired, BadRequest
from mock_services.backend.issues.schemas import (
    CommentCreate,
    CommentView,
    IssueCreate,
    IssuePage,
    IssuePath,
    IssueQuery,
    IssueSummary,
    IssueUpdate,
    IssueView,
)
from mock_services.backend.issues.state import IssueStore
from mock_services.backend.routes import Area
from mock_services.core.operations import Exchange, Operation, json_response

COUNTED = ("status", "type", "priority")


class Issues:
    """The issue endpoints. A caller with a good token is recognised, any other is anonymous; none is turned away."""

    def __init__(self, issues: IssueStore, access: Access, defects: Defects) -> None:
        self._issues = issues
        self._access = access
        self._unrecognised = Defect.ISSUES_UNRECOGNISED in defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("issues", "/api/issues")
        one: dict[str, Any] = {"path_params": IssuePath, "refuses": (404,)}
        return (
            area("GET", "", self.list, query=IssueQuery, gives=IssuePage),
            area("POST", "", self.create, body=IssueCreate, gives=IssueView),
            area("GET", "/stats/summary", self.summary, gives=IssueSummary),
            area("GET", "/{issue_id}", self.show, gives=IssueView, **one),
            area("PUT", "/{issue_id}", self.update, body=IssueUpdate, gives=IssueView, **one | {"refuses": (403, 404)}),
            area("GET", "/{issue_id}/comments", self.comments, gives=list[CommentView], **one),
            area("POST", "/{issue_id}/comments", self.comment, body=CommentCreate, gives=CommentView, **one),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List issues, newest first."""
        query: IssueQuery = exchange.query
        user = await self._caller(exchange)
        found = self._issues.visible_to(user)
        for name in COUNTED:
            wanted = getattr(query, name)
            if wanted is not None:
                found = [issue for issue in found if issue[name] == wanted]
        if query.search:
            term = query.search.lower()
            found = [issue for issue in found if term in f"{issue['title']}\n{issue['description']}".lower()]
        if query.assigned_to_me:
            found = [issue for issue in found if user is not None and issue["assigned_to_id"] == user.id]
        return json_response(query.of("items", found))

    async def create(self, exchange: Exchange) -> Response:
        """Report an issue."""
        return json_response(self._issues.add(await self._caller(exchange), exchange.body.model_dump()))

    async def summary(self, exchange: Exchange) -> Response:
        """Count issues."""
        issues = self._issues.visible_to(await self._caller(exchange))
        counts = {f"by_{name}": dict(Counter(issue[name] for issue in issues)) for name in COUNTED}
        return json_response({"total": len(issues), **counts})

    async def show(self, exchange: Exchange) -> Response:
        """Show an issue with its comments."""
        return json_response(self._issues.find(await self._caller(exchange), exchange.path.issue_id))

    async def update(self, exchange: Exchange) -> Response:
        """Change an issue; this takes a caller who is recognised."""
        if self._unrecognised:
            raise DefectShown(Defect.ISSUES_UNRECOGNISED, "the caller of an update is never recognised")
        user = await self._caller(exchange)
        if user is None:
            raise AccessDenied("an issue is changed by somebody with a good token only")
        issue = self._issues.find(user, exchange.path.issue_id)
        self._issues.change(user, issue, exchange.body.model_dump(exclude_none=True))
        return json_response(issue)

    async def comments(self, exchange: Exchange) -> Response:
        """List the comments on an issue, oldest first."""
        return json_response(self._issues.find(await self._caller(exchange), exchange.path.issue_id)["comments"])

    async def comment(self, exchange: Exchange) -> Response:
        """Comment on an issue."""
        user = await self._caller(exchange)
        issue = self._issues.find(user, exchange.path.issue_id)
        return json_response(self._issues.comment(user, issue, exchange.body.model_dump()))

    async def _caller(self, exchange: Exchange) -> User | None:
        if self._unrecognised:
            return None
        try:
            return await self._access.active_user(exchange)
        except (AccessDenied, AuthenticationRequired, BadRequest):
            return None  # whoever cannot be recognised is anonymous: these endpoints are open to all
