"""The ElevenLabs stub as a process without delays, and ElevenLabs' own SDK pointed at it."""

from collections.abc import Iterator

import pytest
from elevenlabs.client import ElevenLabs

from tests.mock_services.elevenlabs.support import AT_ONCE, sdk
from tests.support.doubles import serving


@pytest.fixture(scope="session")
def stub() -> Iterator[str]:
    """Run the stub; give its address."""
    with serving("elevenlabs", ELEVENLABS_EXTRA_VOICES="cloned1,cloned2", **AT_ONCE) as address:
        yield address


@pytest.fixture(scope="session")
def client(stub: str) -> Iterator[ElevenLabs]:
    """Give the SDK's client."""
    with sdk(stub) as elevenlabs:
        yield elevenlabs
