"""Issues: open to all, recognised or not, and never recognised where that defect is on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.issues.schemas import CommentView, IssueView
from mock_services.backend.settings import Settings
from tests.mock_services.backend.support import SECRET, Founder, Member

pytestmark = pytest.mark.anyio

PATH = "/api/issues"
ISSUE = {"title": "The map is upside down", "description": "North is below."}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def report(caller: httpx.AsyncClient | Member, **changes: Any) -> dict[str, Any]:
    send = caller.call if isinstance(caller, Member) else caller.request
    answer = await send("POST", PATH, json=ISSUE | changes)
    assert answer.status_code == 200, answer.text
    issue: dict[str, Any] = answer.json()
    return issue


async def titles(caller: httpx.AsyncClient | Member, **params: Any) -> list[str]:
    send = caller.call if isinstance(caller, Member) else caller.request
    answer = await send("GET", PATH, params=params)
    assert answer.status_code == 200, answer.text
    return [issue["title"] for issue in answer.json()["items"]]


async def test_anybody_reports_reads_and_comments(client: httpx.AsyncClient) -> None:
    issue = await report(client, reporter_email="ada@example.com", type="question")
    assert set(issue) == set(IssueView.model_fields)
    assert (issue["status"], issue["priority"], issue["type"]) == ("open", "medium", "question")
    assert (issue["tenant_id"], issue["reporter_user_id"], issue["comments"]) == (None, None, [])
    path = f"{PATH}/{issue['id']}"
    assert (await client.get(path)).json() == issue
    comment = (await client.post(f"{path}/comments", json={"content": "Mine too", "author_name": "Bob"})).json()
    assert set(comment) == set(CommentView.model_fields)
    assert (comment["author_name"], comment["user_id"], comment["issue_id"]) == ("Bob", None, issue["id"])
    assert (await client.get(f"{path}/comments")).json() == [comment]
    assert (await client.get(path)).json()["comments"] == [comment]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ...}, "title"),
        ({"description": None}, "description"),
        ({"type": "wish"}, "type"),
        ({"priority": "urgent"}, "priority"),
        ({"reporter_email": "ada"}, "reporter_email"),
    ],
)
async def test_an_issue_is_validated(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (ISSUE | change).items() if value is not ...}
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [f"body.{field}"]


async def test_an_unknown_issue(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("GET", "/comments"), ("POST", "/comments")):
        parts: dict[str, Any] = {"json": {"content": "x"}} if method == "POST" else {}
        assert (await client.request(method, f"{PATH}/{UNKNOWN}{path}", **parts)).status_code == 404
        assert (await client.request(method, f"{PATH}/7{path}", **parts)).status_code == 422
    assert (await client.post(f"{PATH}/{UNKNOWN}/comments", json={})).status_code == 422


async def test_issues_are_listed_in_pages_and_filtered(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await report(client, title=f"T{number}", priority="high" if number % 2 else "low", type="other")
    await report(client, title="Gate", description="The gate squeaks")
    assert await titles(client, page_size=2) == ["Gate", "T4"]
    assert await titles(client, page=3, page_size=2) == ["T1", "T0"]
    assert await titles(client, page=10**18) == []
    assert await titles(client, priority="high") == ["T3", "T1"]
    assert await titles(client, type="bug") == ["Gate"]
    assert await titles(client, status="closed") == []
    assert await titles(client, search="GATE") == ["Gate"]
    assert await titles(client, assigned_to_me="true") == []
    page = (await client.get(PATH, params={"type": "other", "page_size": 2})).json()
    assert (page["total"], page["page"], page["page_size"]) == (5, 1, 2)
    for params in ({"page": 0}, {"page": 10**30}, {"page_size": 101}, {"status": "new"}, {"type": "wish"}):
        assert (await client.get(PATH, params=params)).status_code == 422
    summary = (await client.get(f"{PATH}/stats/summary")).json()
    assert summary == {
        "total": 6,
        "by_status": {"open": 6},
        "by_type": {"other": 5, "bug": 1},
        "by_priority": {"low": 3, "high": 2, "medium": 1},
    }


async def test_a_recognised_caller_reports_for_the_tenant(founder: Founder, client: httpx.AsyncClient) -> None:
    member, other = await founder.found(), await founder.found()
    issue = await report(member)
    assert issue["tenant_id"] == member.organization["id"]
    assert (issue["reporter_email"], issue["reporter_name"]) == (member.user["email"], "Ida Stone")
    await report(client, title="Anonymous")
    assert await titles(member) == ["Anonymous", ISSUE["title"]]
    assert await titles(other) == await titles(client) == ["Anonymous"]
    assert (await client.get(f"{PATH}/{issue['id']}")).status_code == 404
    bad = await client.get(PATH, headers={"Authorization": "Bearer bad"})
    assert (bad.status_code, bad.json()["total"]) == (200, 1)  # nobody is turned away
    comment = await member.call("POST", f"{PATH}/{issue['id']}/comments", json={"content": "Soon"})
    assert (comment.json()["author_email"], comment.json()["user_id"]) == (member.user["email"], member.user["id"])


async def test_an_issue_is_changed_by_somebody(founder: Founder, member: Member, client: httpx.AsyncClient) -> None:
    issue = await report(member)
    path = f"{PATH}/{issue['id']}"
    change = {"status": "resolved", "resolution": "Turned", "assigned_to_id": member.user["id"], "title": None}
    changed = (await member.call("PUT", path, json=change)).json()
    assert (changed["status"], changed["resolution"], changed["title"]) == ("resolved", "Turned", ISSUE["title"])
    assert changed["resolved_by_id"] == member.user["id"]
    assert changed["resolved_at"] == changed["updated_at"] > issue["updated_at"]
    assert await titles(member, assigned_to_me="true") == [ISSUE["title"]]
    again = (await member.call("PUT", path, json={"status": "open"})).json()
    assert (again["resolved_at"], again["resolved_by_id"]) == (None, None)
    assert (await client.put(path, json=change)).status_code == 403
    assert (await (await founder.found()).call("PUT", path, json=change)).status_code == 404
    assert (await member.call("PUT", path, json={"status": "done"})).status_code == 422


class TestUnrecognised:
    """The defect: nobody is ever recognised."""

    @pytest.fixture
    def settings(self) -> Settings:
        defects = frozenset({Defect.ISSUES_UNRECOGNISED})
        return Settings(bcrypt_rounds=4, rate_limit_requests=0, jwt_secret=SECRET, seed="tests", defects=defects)

    async def test_every_issue_is_everybodys_and_none_is_changed(
        self, founder: Founder, client: httpx.AsyncClient
    ) -> None:
        member, other = await founder.found(), await founder.found()
        issue = await report(member)
        assert (issue["tenant_id"], issue["reporter_user_id"], issue["reporter_email"]) == (None, None, None)
        assert await titles(other) == await titles(client) == [ISSUE["title"]]
        answer = await member.call("PUT", f"{PATH}/{issue['id']}", json={"status": "closed"})
        assert (answer.status_code, answer.json()["type"]) == (500, "internal_error")
