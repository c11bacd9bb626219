"""Ports and an environment for the lab's commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import LAB_PORTS, free, lab_offset


@pytest.fixture
def offset() -> Iterator[int]:
    """Give an offset at which all of the lab's ports are free, and stay so for others."""
    with lab_offset() as found:
        yield found


@pytest.fixture
def environment(offset: int, tmp_path: Path) -> dict[str, str]:
    """Give this process's environment with ports and directories of the test's own, and none of the lab's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAB_", "LOAD_TEST_", "INFLUX_", "TWILIO_"))}
    own = {"LAB_RESULTS_DIR": str(tmp_path / "results"), "LAB_STATE_DIR": str(tmp_path / "state")}
    return {**kept, **own, "LAB_PORT_OFFSET": str(offset)}


@pytest.fixture
def nothing_left(offset: int) -> Iterator[None]:
    """Fail the test where, after it, one of its lab's ports is still taken."""
    yield
    assert [port for port in LAB_PORTS if not free(port + offset)] == []
