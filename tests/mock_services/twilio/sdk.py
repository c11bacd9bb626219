"""Twilio's own SDK, sent to the double."""

# mypy: allow-untyped-calls
# Twilio's SDK has few annotations.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.mock_services.twilio.lab import ACCOUNT, TOKEN, Double


class ToTheDouble(TwilioHttpClient):
    """The SDK's client, sent to the double instead of to api.twilio.com."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override] # passed on as they are
        return super().request(method, url.replace("https://api.twilio.com", self._url), *arguments, **options)


def client(double: Double, token: str = TOKEN, username: str = ACCOUNT) -> Any:
    """Twilio's client of the account, whose `username` may be an API key."""
    # Any: the SDK declares every attribute as possibly absent.
    return Client(username, token, ACCOUNT, http_client=ToTheDouble(double.url))


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[int, int | None]:
    """Make a call that is refused, and give its status and Twilio's code."""
    with pytest.raises(TwilioRestException) as refusal:
        call(**parameters)
    return refusal.value.status, refusal.value.code
