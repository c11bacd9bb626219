"""What `docs/sendgrid.md` says of the stub is so."""

import pytest
from pydantic import ValidationError

from mock_services.sendgrid.app import build
from mock_services.sendgrid.settings import SendGridSettings
from tests.mock_services.sendgrid.support import AT_ONCE
from tests.support.doubles import serving
from tests.support.pages import listed_operations, listed_settings, page, run_example, unset_settings

PAGE = page("sendgrid")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(SendGridSettings)


def test_every_operation_is_listed() -> None:
    assert listed_operations(PAGE, "/v3/") == [operation.name for operation in build().operations]


def test_the_example_runs() -> None:
    with serving("vendors", **AT_ONCE) as address:
        assert run_example(PAGE, {"127.0.0.1:8020": address}) == ("202\nYour visit\n", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDGRID_API_KEY", "a key"),
        ("SENDGRID_LATENCY_MS", "fast"),
        ("SENDGRID_MAX_MESSAGES", "0"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        SendGridSettings()
    assert refused.value.errors()[0]["loc"] == (name,)
