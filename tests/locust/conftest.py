"""A target whose answers a test can change, and runs of the CRM scenario against it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crm_runs import Runs, crm_target
from tests.support.platform_target import Target


@pytest.fixture
def target() -> Iterator[Target]:
    with crm_target() as started:
        yield started


@pytest.fixture
def runs(target: Target, tmp_path: Path) -> Runs:
    return Runs(target, tmp_path)
