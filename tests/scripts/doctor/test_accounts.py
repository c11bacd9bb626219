"""Whether users would get accounts, and that looking leaves none behind."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from locallab.doctor.accounts import REGISTER, accounts
from locallab.doctor.findings import Level

from tests.support.doubles import serving
from tests.support.platform_target import Target
from utils.plain_http import PlainHttp
from utils.provisioning import Borrowed, Provisioner


@pytest.fixture(scope="module")
def backend() -> Iterator[PlainHttp]:
    with serving("backend", BACKEND_BCRYPT_ROUNDS="4") as address:
        yield PlainHttp(f"http://{address}", "r")


def test_a_target_that_takes_registrations_is_left_as_it_was(backend: PlainHttp) -> None:
    before = httpx.get(f"{backend.base_url}/__lab/metrics").json()["rows"]
    assert accounts(backend, None, "Office").level is Level.OK
    assert httpx.get(f"{backend.base_url}/__lab/metrics").json()["rows"] == before


def test_an_account_logs_in_and_out(backend: PlainHttp) -> None:
    made = Provisioner(backend, "r", "Office").make("user")
    found = accounts(backend, Borrowed(made.email, made.password), "Office")
    assert found.level is Level.OK
    assert "log in and out" in found.says


def test_a_wrong_password_is_a_problem_that_is_not_shown(backend: PlainHttp) -> None:
    found = accounts(backend, Borrowed("nobody@example.com", "a-secret"), "Office")
    assert found.level is Level.PROBLEM
    assert "nobody@example.com with 401" in found.says
    assert "a-secret" not in found.says + found.todo
    assert "LOAD_TEST_USER_PASSWORD" in found.todo


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_target_without_registration_needs_an_account(fake: Target, status: int) -> None:
    fake.on(f"POST {REGISTER}", (status, {}))
    found = accounts(PlainHttp(fake.url, "r"), None, "Office")
    assert found.level is Level.PROBLEM
    assert "LOAD_TEST_USER_EMAIL" in found.todo


def test_a_login_without_tokens_is_a_problem(fake: Target) -> None:
    fake.on("POST /api/auth/login", (200, {"welcome": True}))
    assert accounts(PlainHttp(fake.url, "r"), Borrowed("a@b.co", "x"), "Office").level is Level.PROBLEM
