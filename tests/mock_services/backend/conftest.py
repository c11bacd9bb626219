"""A backend inside the test's own process, and callers of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.post_office import PostOffice
from tests.mock_services.backend.support import SECRET, Founder, Member


@pytest.fixture
def settings() -> Settings:
    """The platform and no more, with limits out of the way; tests of the lab's extensions switch them on."""
    return Settings(
        bcrypt_rounds=4,
        rate_limit_requests=0,
        jwt_secret=SECRET,
        seed="tests",
        dialable_tenants=True,
        extensions=False,
    )


@pytest.fixture
def backend(settings: Settings) -> Backend:
    return Backend(settings)


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(backend)
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
        yield client


@pytest.fixture
def founder(client: httpx.AsyncClient) -> Founder:
    return Founder(client)


@pytest.fixture
async def member(founder: Founder) -> Member:
    return await founder.found()


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """Where the mails go of a backend that is told so."""
    office = PostOffice()
    await office.open()
    yield office
    await office.close()
