"""Over which URL a target checks signatures: the real backend, as itself and behind what a proxy makes of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from locallab.doctor import telephony
from locallab.doctor.findings import Level

from configs.settings import Settings
from mock_services.backend.telephony.signature import is_signed
from tests.support.doubles import serving
from tests.support.platform_target import Request, Target

TOKEN = "1ab0000000000000000000000000abcd"
WEBHOOK = f"POST {telephony.PATH}"


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with serving("backend", BACKEND_DIALABLE_TENANTS="true") as address:
        yield f"http://{address}"


def seeing(fake: Target, url: str) -> None:
    """Have a target check signatures over a URL of its own, as one behind a proxy does."""

    def answer(request: Request) -> tuple[int, Any]:
        signature = request.headers["X-Twilio-Signature"]
        if is_signed(TOKEN, url, request.form.items(), signature):
            return 200, {"status": "error", "message": f"Call not found: {request.form['CallSid']}"}
        return 200, {"status": "error", "message": "403: Invalid webhook signature"}

    fake.on(WEBHOOK, answer)


def test_the_backend_takes_the_url_that_it_is_reached_at_and_no_call_is_made(backend: str) -> None:
    found = telephony.signature_url(backend, TOKEN)
    assert found.level is Level.OK, found
    served = httpx.get(f"{backend}/__lab/metrics").json()["requests"]
    assert [name for name in served if "telephony" in name] == [WEBHOOK]
    assert httpx.get(f"{backend}/__lab/metrics").json()["calls"] == 0


def test_another_token_is_a_problem(backend: str) -> None:
    found = telephony.signature_url(backend, "f" * 32)
    assert found.level is Level.PROBLEM
    assert "TWILIO_AUTH_TOKEN" in found.todo


def test_a_target_that_sees_the_url_before_its_proxy_names_it(fake: Target) -> None:
    seeing(fake, fake.url.replace("http://", "https://") + telephony.PATH)
    found = telephony.signature_url(fake.url, TOKEN)
    assert found.level is Level.PROBLEM
    assert f"over {fake.url.replace('http://', 'https://')}" in found.says
    assert "X-Forwarded-Proto" in found.todo


def test_a_target_that_sees_another_host_name(fake: Target) -> None:
    seeing(fake, fake.url.replace("127.0.0.1", "localhost") + telephony.PATH)
    found = telephony.signature_url(fake.url, TOKEN)
    assert found.level is Level.PROBLEM
    assert f"LOAD_TEST_BASE_URL={fake.url.replace('127.0.0.1', 'localhost')} " in found.todo


@pytest.mark.parametrize("answer", [(500, {}), (404, {}), (200, "<html>"), (200, ["what"])])
def test_a_target_that_answers_otherwise_is_said(fake: Target, answer: tuple[int, Any]) -> None:
    fake.on(WEBHOOK, answer)
    assert telephony.signature_url(fake.url, TOKEN).level is Level.WARNING


def test_a_target_that_is_gone() -> None:
    assert telephony.signature_url("http://127.0.0.1:9", TOKEN).level is Level.PROBLEM


def test_the_twilio_doubles_account() -> None:
    with serving("twilio") as address:
        assert telephony.double(Settings(), f"http://{address}").level is Level.OK
        stranger = Settings.model_validate({"TWILIO_AUTH_TOKEN": "e" * 32})
        found = telephony.double(stranger, f"http://{address}")
    assert found.level is Level.PROBLEM
    assert "TWILIO_AUTH_TOKEN" in found.todo
    assert telephony.double(Settings(), "http://127.0.0.1:9").level is Level.PROBLEM
