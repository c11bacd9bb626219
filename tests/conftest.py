"""What every test may use, and how tests are shared out to the processes that run them."""

from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
LONGEST_FIRST = (
    "scripts/test_smoke.py",
    "locust/test_suite_runs.py",
    "locust/test_reconciliation_runs.py",
    "locust/metrics/test_locust_runs.py",
    "locust/test_profile_runs.py",
    "locust/test_scenarios_run.py",
    "scripts/doctor/test_doctor.py",
    "github/test_load_smoke.py",
    "locust/metrics/test_lost_workers.py",
    "locust/test_stopped_runs.py",
    "mock_services/backend/test_voice_agent.py",
    "docs/test_benches.py",
    "scripts/test_intercept.py",
    "locust/test_intercepted_runs.py",
    "mock_services/backend/test_schemathesis.py",
    "locust/test_runs_through_trouble.py",
    "mock_services/backend/test_barge_in.py",
    "grafana/test_queries.py",
    "locust/test_run_ends.py",
    "mock_services/twilio/test_documentation.py",
    "mock_services/twilio/test_verbs.py",
    "mock_services/twilio/test_calls.py",
    "locust/metrics/test_points_survive.py",
    "scripts/test_lab.py",
    "mock_services/twilio/test_outbound.py",
    "scripts/test_compare.py",
)
"""The files of more than a hundredth of the whole: begun last, one of them would have the other processes wait."""

# How long an example takes here is for the other tests to say, and the machine; what it has to find is not changed.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture
def anyio_backend() -> str:
    """Run `anyio` tests on asyncio, the loop that the doubles run on."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; `--dist loadfile` keeps each in one process, with its fixtures."""
    gone = [file for file in LONGEST_FIRST if not (TESTS / file).exists()]
    if gone:
        raise pytest.UsageError(f"tests/conftest.py begins with what is not there: {', '.join(gone)}")
    items.sort(key=_begins)


def _begins(item: pytest.Item) -> int:
    file = item.path.relative_to(TESTS).as_posix()
    return LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)
