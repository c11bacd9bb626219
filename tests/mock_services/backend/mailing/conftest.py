"""A backend whose mails go to a post office of the test's own, and a template to send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import HttpUrl

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.mailing.support import TEMPLATE
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import Member


@pytest.fixture
def settings(settings: Settings, office: PostOffice, request: pytest.FixtureRequest) -> Settings:
    mail = {"sendgrid_api_url": HttpUrl(office.url), "frontend_url": HttpUrl("http://garden.example.com")}
    return settings.model_copy(update=mail | getattr(request, "param", {}))


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    yield backend
    await backend.mailer.close()


@pytest.fixture
async def template(member: Member) -> dict[str, Any]:
    answer = await member.call("POST", "/api/crm/email-templates", json=TEMPLATE)
    assert answer.status_code == 200
    row: dict[str, Any] = answer.json()
    return row
