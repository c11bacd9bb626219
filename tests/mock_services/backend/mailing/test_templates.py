"""Section 2 of the contract: templates of mails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.mailing.letters import fill, placeholders
from mock_services.backend.mailing.schemas import TemplateView
from tests.mock_services.backend.mailing.support import TEMPLATE
from tests.mock_services.backend.support import Founder, Member

pytestmark = pytest.mark.anyio

TEMPLATES = "/api/crm/email-templates"


async def test_a_template_is_created_read_changed_and_deleted(member: Member, template: dict[str, Any]) -> None:
    assert set(template) == set(TemplateView.model_fields)
    assert template["text_content"] is None
    path = f"{TEMPLATES}/{template['id']}"
    assert (await member.call("GET", path)).json() == template
    assert (await member.call("GET", TEMPLATES)).json() == [template]
    change = {"subject": "Hello", "name": None, "text_content": None, "other": 1}
    changed = (await member.call("PATCH", path, json=change)).json()
    assert (changed["subject"], changed["name"], changed["variables"]) == ("Hello", "Spring", TEMPLATE["variables"])
    assert changed["updated_at"] > template["updated_at"]
    gone = await member.call("DELETE", path)
    assert (gone.status_code, gone.json()) == (200, {"message": "Email template deleted successfully"})
    for method in ("GET", "DELETE", "PATCH"):
        assert (await member.call(method, path, json={})).status_code == 404
    assert (await member.call("POST", TEMPLATES, json=TEMPLATE)).status_code == 200  # its name is free again


async def test_a_name_is_given_once_in_a_tenant(founder: Founder, member: Member, template: dict[str, Any]) -> None:
    assert (await member.call("POST", TEMPLATES, json=TEMPLATE)).status_code == 400
    other = (await member.call("POST", TEMPLATES, json=TEMPLATE | {"name": "Autumn"})).json()
    assert (await member.call("PATCH", f"{TEMPLATES}/{other['id']}", json={"name": "Spring"})).status_code == 400
    assert (await member.call("PATCH", f"{TEMPLATES}/{other['id']}", json={"name": "Autumn"})).status_code == 200
    stranger = await founder.found()
    assert (await stranger.call("POST", TEMPLATES, json=TEMPLATE)).status_code == 200
    assert (await stranger.call("GET", f"{TEMPLATES}/{template['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "body.name"),
        ({"name": "a" * 101}, "body.name"),
        ({"subject": ""}, "body.subject"),
        ({"subject": "a" * 256}, "body.subject"),
        ({"html_content": ""}, "body.html_content"),
        ({"variables": "a"}, "body.variables"),
    ],
)
async def test_a_template_that_does_not_fit_is_refused(
    member: Member, template: dict[str, Any], change: dict[str, Any], place: str
) -> None:
    path = f"{TEMPLATES}/{template['id']}"
    for method, where, body in (("POST", TEMPLATES, TEMPLATE | change), ("PATCH", path, change)):
        answer = await member.call(method, where, json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith(place)


@pytest.mark.parametrize("name", ["spring.html", "SPRING.HTM"])
async def test_a_template_may_come_as_a_file(member: Member, name: str) -> None:
    html = "<p>{{ a }} {{b}} {{a}} {{ c d }} é</p>"
    query = {"name": "Spring", "subject": "Hi"}
    answer = await member.call("POST", f"{TEMPLATES}/upload", params=query, files={"file": (name, html)})
    assert answer.status_code == 200
    template = answer.json()["template"]
    assert (template["html_content"], template["variables"]) == (html, ["a", "b"])
    assert (await member.call("GET", f"{TEMPLATES}/{template['id']}")).json() == template


@pytest.mark.parametrize(
    ("query", "file", "status"),
    [
        ({"name": "S", "subject": "Hi"}, ("spring.txt", b"x"), 400),
        ({"name": "S", "subject": "Hi"}, ("spring.html", b"\xff"), 400),
        ({"name": "S", "subject": "Hi"}, ("spring.html", b""), 400),
        ({"name": "", "subject": "Hi"}, ("spring.html", b"x"), 400),
        ({"name": "S", "subject": "a" * 256}, ("spring.html", b"x"), 400),
        ({"name": "Spring", "subject": "Hi"}, ("spring.html", b"x"), 400),
        ({"name": "S"}, ("spring.html", b"x"), 422),
    ],
)
async def test_a_file_that_is_no_template_is_refused(
    member: Member, template: dict[str, Any], query: dict[str, str], file: tuple[str, bytes], status: int
) -> None:
    answer = await member.call("POST", f"{TEMPLATES}/upload", params=query, files={"file": file})
    assert answer.status_code == status
    assert (await member.call("GET", TEMPLATES)).json() == [template]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(st.characters(exclude_characters="{}"))))
def test_placeholders_are_found_and_filled_and_others_stay(values: dict[str, str]) -> None:
    text = "{{0}} " + " ".join(f"{{{{ {name} }}}}" for name in values)
    assert placeholders(text) == ["0", *values]
    assert fill(text, values) == "{{0}} " + " ".join(values.values())
    assert placeholders(fill(text, dict.fromkeys(values, "<&>"), html=True)) == ["0"]
