"""What every test may use."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run `anyio` tests on asyncio, the loop that the doubles run on."""
    return "asyncio"
