"""What the doctor says of a target: a real backend, and servers that answer as a target should not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme
from locallab.doctor import target
from locallab.doctor.findings import Level

from configs.settings import new_run_id
from tests.support.doubles import serving
from tests.support.platform_target import Target
from tests.support.tls_target import running_tls_target
from utils.plain_http import NoJson, PlainHttp

HEALTH = "GET /health"


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with serving("backend", BACKEND_RATE_LIMIT_REQUESTS="20") as address:
        yield f"http://{address}"


def asker(url: str) -> target.Asker:
    return target.Asker(url, new_run_id())


def look(fake: Target) -> target.Look:
    seen = target.health(fake.url, asker(fake.url))[1]
    assert seen is not None
    return seen


def test_a_backend_is_well(backend: str) -> None:
    found, seen = target.health(backend, asker(backend))
    assert [each.level for each in found] == [Level.OK]
    assert seen is not None
    assert target.clock(seen).level is Level.OK


def test_a_target_that_is_down_is_a_problem_and_nothing_more_is_asked_of_it() -> None:
    (found,), seen = target.health("http://127.0.0.1:9", asker("http://127.0.0.1:9"))
    assert found.level is Level.PROBLEM
    assert "connection refused" in found.says
    assert "--target" in found.todo
    assert seen is None


def test_a_target_that_is_not_well_is_a_problem(fake: Target) -> None:
    fake.on(HEALTH, (503, {"detail": "starting"}))
    (found,), _ = target.health(fake.url, asker(fake.url))
    assert found.level is Level.PROBLEM
    assert "503" in found.says


def test_a_limit_that_is_used_up_already_is_a_problem(fake: Target) -> None:
    fake.on(HEALTH, (429, {}, {"Retry-After": "17"}))
    (found,), seen = target.health(fake.url, asker(fake.url))
    assert (found.check, found.level, seen) == ("rate limit", Level.PROBLEM, None)
    assert "17 s" in found.todo


@pytest.mark.parametrize(("shift_s", "level"), [(0, "ok"), (30, "warning"), (-30, "warning"), (400, "problem")])
def test_a_clock_that_is_off(fake: Target, shift_s: int, level: str) -> None:
    fake.on(HEALTH, lambda _: (200, {}, {"Date": formatdate(time.time() + shift_s, usegmt=True)}))
    found = target.clock(look(fake))
    assert found.level == level
    if shift_s:
        assert ("clock is +" if shift_s > 0 else "clock is -") in found.says
        assert "NTP" in found.todo


def test_a_date_that_cannot_be_read_is_said(fake: Target) -> None:
    fake.on(HEALTH, (200, {}, {"Date": "tomorrow"}))
    assert target.clock(look(fake)).level is Level.WARNING


def test_a_backend_offers_what_every_area_needs(backend: str) -> None:
    found, capabilities = target.offers(PlainHttp(backend, new_run_id()))
    assert found.level is Level.OK
    assert capabilities is not None


def test_an_area_that_the_target_lacks_is_named(fake: Target) -> None:
    fake.on("GET /openapi.json", (200, {"paths": {"/api/auth/login": {"post": {}}}}))
    found, _ = target.offers(PlainHttp(fake.url, "r"))
    assert found.level is Level.WARNING
    assert "accounts, CRM, calendar, telephony, conversations" in found.says


def test_another_service_is_no_target(fake: Target) -> None:
    fake.on("GET /openapi.json", (200, {"paths": {}}))
    found, capabilities = target.offers(PlainHttp(fake.url, "r"))
    assert (found.level, capabilities) == (Level.PROBLEM, None)
    assert "no Thanotopolis platform" in found.says


def announce(fake: Target, *, together: bool, left: int = 50) -> None:
    """Have the target announce a limit of 60, of which `left` are left, for each client or for all of them."""
    counted: dict[str, int] = {}

    def answer(request: object) -> tuple[int, object, dict[str, str]]:
        client = "all" if together else fake.requests[-1].headers["X-Forwarded-For"]
        counted[client] = counted.get(client, 0) + 1
        return 200, {}, {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": str(left - counted[client])}

    fake.on(HEALTH, answer)


def test_an_announced_limit_of_each_client_is_said(fake: Target) -> None:
    announce(fake, together=False)
    found = target.rate_limit(look(fake), asker(fake.url))
    assert (found.level, "60 requests, 48 of them left" in found.says) == (Level.OK, True)


def test_a_limit_that_all_users_would_share_is_a_problem(fake: Target) -> None:
    announce(fake, together=True)
    found = target.rate_limit(look(fake), asker(fake.url))
    assert found.level is Level.PROBLEM
    assert "X-Forwarded-For" in found.todo


def test_a_limit_that_is_nearly_used_up_is_said(fake: Target) -> None:
    announce(fake, together=False, left=5)
    assert target.rate_limit(look(fake), asker(fake.url)).level is Level.WARNING


def test_a_burst_finds_the_limit_of_a_backend_that_announces_none(backend: str) -> None:
    assert "announces no limit" in target.rate_limit(target.Look(200, {}, 0, 0), asker(backend)).says
    found = target.burst(asker(backend), 30)
    assert found.level is Level.OK
    assert "request 21 of one client was refused; another client was answered" in found.says


def test_a_burst_finds_that_clients_are_counted_together(fake: Target) -> None:
    fake.on(HEALTH, lambda _: (429 if len(fake.requests) > 5 else 200, {}))
    found = target.burst(asker(fake.url), 30)
    assert found.level is Level.PROBLEM
    assert found.says == "request 6 of one client was refused, and so was the first of another"


def test_a_backend_opens_sockets(backend: str) -> None:
    assert target.sockets(backend.replace("http", "ws")).level is Level.OK


@pytest.mark.parametrize("status", [200, 400, 404, 502])
def test_a_proxy_that_lets_no_socket_through_is_a_problem(fake: Target, status: int) -> None:
    fake.on(f"GET {target.SOCKET}", (status, {}))
    found = target.sockets(fake.url.replace("http", "ws"))
    assert found.level is Level.PROBLEM
    assert f"answers {status}" in found.says
    assert "Upgrade" in found.todo


def test_sockets_that_are_nowhere_are_a_problem() -> None:
    assert target.sockets("ws://127.0.0.1:9").level is Level.PROBLEM


def test_a_private_authority_is_trusted_once_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    with running_tls_target(authority.issue_cert("localhost")) as url:
        (found,), seen = target.health(url, asker(url))
        assert (found.level, seen) == (Level.PROBLEM, None)
        assert "certificate cannot be verified" in found.says
        assert "SSL_CERT_FILE" in found.todo
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        (found,), seen = target.health(url, asker(url))
        assert (found.level, seen is not None) == (Level.OK, True)
        shown = target.certificate(url)
        assert shown is not None
        assert shown.level is Level.OK
        with pytest.raises(NoJson):  # it answers the suite too
            PlainHttp(url, "r").call("GET", "/")


def test_a_certificate_that_ends_soon_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    soon = datetime.now(UTC) + timedelta(days=3)
    with running_tls_target(authority.issue_cert("localhost", not_after=soon)) as url:
        shown = target.certificate(url)
    assert shown is not None
    assert shown.level is Level.WARNING


def test_plain_http_has_no_certificate() -> None:
    assert target.certificate("http://127.0.0.1:8001") is None
