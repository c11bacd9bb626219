"""A real InfluxDB and a real HTTP target for the tests that run Locust."""

from collections.abc import Iterator

import pytest

from tests.support.http_target import running_target
from tests.support.influx import Influx, running_influx


@pytest.fixture(scope="session")
def influx() -> Iterator[Influx]:
    with running_influx() as server:
        yield server


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    with running_target() as (url, _):
        yield url
