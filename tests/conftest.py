"""What every test may use, and how tests are shared out to the processes that run them."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SLOW_FIRST = ("scripts", "locust", "compose", "docs", "grafana")
"""Folders whose tests run real processes for seconds: begun last, one of them would have the others wait for it."""
EACH_ALONE = "scripts/test_smoke.py"
"""A file of runs of the whole lab, which share nothing: together they would be the last to end by far."""


@pytest.fixture
def anyio_backend() -> str:
    """Run `anyio` tests on asyncio, the loop that the doubles run on."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, with their fixtures."""
    items.sort(key=_begins)
    for item in items:
        file = item.path.relative_to(TESTS).as_posix()
        item.add_marker(pytest.mark.xdist_group(item.nodeid if file == EACH_ALONE else file))


def _begins(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)
