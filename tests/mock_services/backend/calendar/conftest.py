"""A backend whose mails go to a post office of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import SECRET


@pytest.fixture
def settings(office: PostOffice) -> Settings:
    """The platform and no more; tests of extensions and defects change what they need."""
    return Settings.model_validate(
        {
            "bcrypt_rounds": 4,
            "rate_limit_requests": 0,
            "jwt_secret": SECRET,
            "seed": "tests",
            "extensions": False,
            "sendgrid_api_url": office.url,
            "frontend_url": "http://garden.example.com",
        }
    )


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    yield backend
    await backend.mailer.close()
