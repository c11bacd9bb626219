"""The Stripe stub as a process without delays, and Stripe's own SDK pointed at it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mock_services.stripe.support import ACACIA, AT_ONCE, client
from tests.support.doubles import serving


@pytest.fixture(scope="session")
def stub() -> Iterator[str]:
    with serving("stripe", **AT_ONCE) as address:
        yield address


@pytest.fixture(scope="session")
def sdk(stub: str) -> Any:
    """The SDK at the API version that it was made for, which is later than basil.

    It is `Any` to the type checker, since tests give it what its types forbid.
    """
    return client(stub)


@pytest.fixture(scope="session")
def old_sdk(stub: str) -> Any:
    """The SDK at the last API version before basil, which is the platform's."""
    return client(stub, stripe_version=ACACIA)
