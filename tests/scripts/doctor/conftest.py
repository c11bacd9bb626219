"""A target that answers as a test has it answer."""

from collections.abc import Iterator

import pytest

from tests.support.platform_target import Target, running_target


@pytest.fixture
def fake() -> Iterator[Target]:
    """Give a target that says it is well, and knows nothing else yet."""
    with running_target() as running:
        running.on("GET /health", (200, {"status": "healthy"}))
        yield running
