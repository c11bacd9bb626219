"""The SendGrid stub as a process without delays."""

from collections.abc import Iterator

import pytest

from tests.mock_services.sendgrid.support import AT_ONCE
from tests.support.doubles import serving


@pytest.fixture(scope="session")
def stub() -> Iterator[str]:
    with serving("sendgrid", **AT_ONCE) as address:
        yield address
