"""SendGrid's own SDK: every operation that the stub has, answered, and refused as an error class of the SDK."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from python_http_client import exceptions  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import Mail  # type: ignore[import-untyped]

from mock_services.sendgrid.app import build
from tests.mock_services.sendgrid.support import AT_ONCE, KEY, mail
from tests.support.doubles import serving

CALLS: dict[str, Callable[[Any], Any]] = {
    "POST /v3/mail/send": lambda sdk: sdk.send(Mail("a@example.com", "b@example.com", "Hi", "Hello")),
    "GET /v3/scopes": lambda sdk: sdk.client.scopes.get(),
}


def client(address: str, key: str = KEY) -> Any:
    return SendGridAPIClient(key, host=f"http://{address}")


def test_every_operation_is_answered(stub: str) -> None:
    assert set(CALLS) == {operation.name for operation in build().operations}
    for ask in CALLS.values():
        assert ask(client(stub)).status_code in (200, 202)


@pytest.mark.parametrize("operation", CALLS)
def test_nothing_is_open_to_a_stranger(stub: str, operation: str) -> None:
    with pytest.raises(exceptions.UnauthorizedError):
        CALLS[operation](client(stub, f"{KEY[:-1]}x"))


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        (lambda api: api.mail.send.post(request_body=mail(subject=None)), exceptions.BadRequestsError),
        (lambda api: api.mail.send.post(request_body={"from": {"email": "nobody"}}), exceptions.BadRequestsError),
        (lambda api: api.mail.nowhere.post(request_body={}), exceptions.NotFoundError),
        (lambda api: api.mail.send.get(), exceptions.MethodNotAllowedError),
        (
            lambda api: api.mail.send.post(request_body="<mail/>", request_headers={"Content-Type": "text/xml"}),
            exceptions.UnsupportedMediaTypeError,
        ),
    ],
)
def test_a_refusal_is_an_error_of_the_sdk(stub: str, ask: Callable[[Any], Any], kind: type[Exception]) -> None:
    with pytest.raises(kind) as refused:
        ask(client(stub).client)
    error: Any = refused.value
    assert all(set(each) == {"message", "field", "help"} and each["message"] for each in error.to_dict["errors"])


def test_too_much_is_an_error_of_the_sdk() -> None:
    limits = {"SENDGRID_REQUESTS_PER_SECOND": "2", "SENDGRID_MAX_BODY_MIB": "1"}
    with serving("sendgrid", **{**AT_ONCE, **limits}) as address:
        with pytest.raises(exceptions.PayloadTooLargeError):
            client(address).send(Mail("a@example.com", "b@example.com", "Hi", "x" * (1 << 20)))
        with pytest.raises(exceptions.TooManyRequestsError) as refused:
            for _ in range(10):
                client(address).send(Mail("a@example.com", "b@example.com", "Hi", "Hello"))
        assert refused.value.headers["X-RateLimit-Remaining"] == "0"


def test_many_mails_at_once_are_all_kept(stub: str) -> None:
    def send(number: int) -> int:
        letter = Mail("a@example.com", f"crowd-{number}@example.com", "Crowd", "Hello")
        status: int = client(stub).send(letter).status_code
        return status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(send, range(60))) == {202}
    found = httpx.get(f"http://{stub}/__lab/messages", params={"contains": "Crowd", "limit": "100"}).json()["messages"]
    assert len(found) == 60
