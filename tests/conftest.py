"""What every test may use, and how tests are shared out to the processes that run them."""

from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
SLOW_FIRST = ("scripts", "locust", "compose", "docs", "grafana")
"""Folders whose tests run real processes for seconds: begun last, one of them would have the others wait for it."""

# How long an example takes here is for the other tests to say, and the machine; what it has to find is not changed.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture
def anyio_backend() -> str:
    """Run `anyio` tests on asyncio, the loop that the doubles run on."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; `--dist loadfile` keeps each in one process, with its fixtures."""
    items.sort(key=_begins)


def _begins(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)
