"""Ports and an environment for the lab's commands."""

import os
from collections.abc import Iterator

import pytest

from tests.support.commands import LAB_PORTS, free


@pytest.fixture
def offset() -> int:
    """Give an offset at which all of the lab's ports are free."""
    return next(at for at in range(2000, 40_000, 100) if all(free(port + at) for port in LAB_PORTS))


@pytest.fixture
def environment(offset: int) -> dict[str, str]:
    """Give this process's environment with the lab's ports moved and none of its settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAB_", "LOAD_TEST_", "INFLUX_", "TWILIO_"))}
    return {**kept, "LAB_PORT_OFFSET": str(offset)}


@pytest.fixture
def nothing_left(offset: int) -> Iterator[None]:
    """Fail the test where, after it, one of its lab's ports is still taken."""
    yield
    assert [port for port in LAB_PORTS if not free(port + offset)] == []
