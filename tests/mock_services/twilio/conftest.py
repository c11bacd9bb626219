"""One double and one target for the tests of a module: processes and servers start once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mock_services.twilio.lab import Double, Target, running_double, running_target
from tests.mock_services.twilio.office import Office, running_office
from tests.mock_services.twilio.sdk import client


@pytest.fixture(scope="session")
def shared_double() -> Iterator[Double]:
    with running_double() as double:
        yield double


@pytest.fixture
def double(shared_double: Double) -> Iterator[Double]:
    """The double with nothing in it."""
    shared_double.reset()
    yield shared_double
    assert shared_double.process.poll() is None


@pytest.fixture
def sdk(double: Double) -> Iterator[Any]:
    """Twilio's own SDK, sent to the double."""
    sdk = client(double)
    yield sdk
    sdk.http_client.session.close()


@pytest.fixture(scope="session")
def shared_target() -> Iterator[Target]:
    with running_target() as target:
        yield target


@pytest.fixture
def target(shared_target: Target) -> Target:
    """The target as it starts: it talks, and remembers nothing."""
    fresh = Target(url=shared_target.url)
    vars(shared_target).update(vars(fresh))
    return shared_target


@pytest.fixture(scope="session")
def shared_office() -> Iterator[Office]:
    with running_office() as office:
        yield office


@pytest.fixture
def office(shared_office: Office) -> Iterator[Office]:
    """The office with no documents; whatever the test has it do, every webhook is signed as Twilio signs."""
    vars(shared_office).update(vars(Office(url=shared_office.url)))
    yield shared_office
    assert shared_office.unsigned == []
