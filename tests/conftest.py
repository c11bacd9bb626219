"""What every test may use, and how tests are shared out to the processes that run them."""

from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
LONGEST = (
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
"""The files of over a hundredth of the whole, the longest first. Most make real runs, which a busy machine spoils."""

# How long an example takes here is for the other tests to say, and the machine; what it has to find is not changed.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture
def anyio_backend() -> str:
    """Run `anyio` tests on asyncio, the loop that the doubles run on."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files, which `--dist loadfile` keeps in one process each, with their fixtures.

    The longest begin before others of their kind, so that none has the other processes wait for it in the end, and all
    others are spread among them, so that the processes do not all have the machine run labs at once.
    """
    gone = [file for file in LONGEST if not (TESTS / file).exists()]
    if gone:
        raise pytest.UsageError(f"tests/conftest.py places what is not there: {', '.join(gone)}")
    others = dict.fromkeys(file for item in items if (file := _file(item)) not in LONGEST)
    places = {file: place / len(files) for files in (LONGEST, tuple(others)) for place, file in enumerate(files)}
    items.sort(key=lambda item: places[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).as_posix()
