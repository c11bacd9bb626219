"""A backend whose text messages go to the lab's own Twilio, and whose calls the lab's own OpenAI summarises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from mock_services.backend.app import Backend
from mock_services.backend.settings import Settings
from tests.mock_services.backend.telephony.support import Stub
from tests.support.doubles import serving


@pytest.fixture(scope="session")
def twilio_process() -> Iterator[str]:
    with serving("twilio") as address:
        yield address


@pytest.fixture(scope="session")
def openai_process() -> Iterator[str]:
    with serving("openai", OPENAI_FIRST_TOKEN_MS="0", OPENAI_TOKENS_PER_SECOND="0") as address:
        yield address


@pytest.fixture
def twilio(twilio_process: str) -> Stub:
    httpx.post(f"http://{twilio_process}/__lab/reset")
    return Stub(twilio_process)


@pytest.fixture
def openai(openai_process: str) -> Stub:
    httpx.post(f"http://{openai_process}/__lab/reset")
    return Stub(openai_process)


@pytest.fixture
def settings(settings: Settings, twilio_process: str, openai_process: str) -> Settings:
    """The platform and no more; tests of extensions and defects change what they need."""
    return settings.model_copy(
        update={
            "twilio_api_url": f"http://{twilio_process}",
            "openai_base_url": f"http://{openai_process}/v1",
            "openai_retries": 0,
        }
    )


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    backend = Backend(settings)
    yield backend
    await backend.twilio.close()
    await backend.openai.close()
