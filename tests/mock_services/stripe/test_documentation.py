"""What `docs/stripe.md` says of the stub is so."""

import pytest
from pydantic import ValidationError

from mock_services.stripe.app import build
from mock_services.stripe.settings import StripeSettings
from tests.mock_services.stripe.support import AT_ONCE
from tests.support.doubles import serving
from tests.support.pages import listed_operations, listed_settings, page, run_example, unset_settings

PAGE = page("stripe")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(StripeSettings)


def test_every_operation_is_listed() -> None:
    assert listed_operations(PAGE, "/v1/") == [operation.name for operation in build().operations]


def test_the_example_runs() -> None:
    with serving("vendors", **AT_ONCE) as address:
        assert run_example(PAGE, {"127.0.0.1:8020": address}) == ("complete active\n", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", "sk_live_51"),
        ("STRIPE_WEBHOOK_URL", "127.0.0.1"),
        ("STRIPE_WEBHOOK_SECRET", "secret"),
        ("STRIPE_API_VERSION", "newest"),
        ("STRIPE_LATENCY_MS", "fast"),
        ("STRIPE_WEBHOOK_WORKERS", "0"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        StripeSettings()
    assert refused.value.errors()[0]["loc"] == (name,)
