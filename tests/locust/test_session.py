"""A user's session: tokens renewed in time, one repeat after a 401, 429s waited out, and every answer judged."""

import base64
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import pytest
from geventhttpclient.useragent import RetriesExceeded

from clients.checks import TOKENS, fields
from clients.failures import ContentFailure, StatusFailure
from clients.governor import LIMIT, PERIOD_S
from clients.platform import PlatformApi
from utils.accounts import Account

START = 1_000_000.0


def token(expires: float, serial: int) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": int(expires), "n": serial}).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


class Response:
    """Locust's response, as far as the session knows it."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        self.content: bytes | None = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.headers: Any = headers or {}
        self.request_meta: Mapping[str, Any] = {"exception": None}
        self.verdict: str | Exception | None = None

    def success(self) -> None:
        self.verdict = "success"

    def failure(self, exc: Exception) -> None:
        self.verdict = exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        assert kind is None


class Target:
    """A platform of two operations whose tokens expire, on a clock of its own."""

    def __init__(self, life: float = 900.0) -> None:
        self.now = START
        self.set_by = 0.0
        self.life = life
        self.serial = 0
        self.valid = {"r0"}
        self.refused: set[str] = set()
        self.sent: list[tuple[str, str, dict[str, str], Any]] = []
        self.responses: list[Response] = []
        self.next: list[Response] = []
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pair(self) -> dict[str, str]:
        self.serial += 1
        refresh = f"r{self.serial}"
        self.valid = {refresh}
        return {
            "access_token": token(self.now + self.life, self.serial),
            "refresh_token": refresh,
            "token_type": "bearer",
        }

    def request(self, method: str, url: str, **options: Any) -> Response:
        assert options["catch_response"] is True
        assert options["allow_redirects"] is False
        body = json.loads(options["data"]) if "data" in options else None
        self.sent.append((method, options["name"], options["headers"], body))
        response = self.next.pop(0) if self.next else self.answer(url, options["headers"], body)
        self.responses.append(response)
        return response

    def answer(self, url: str, headers: dict[str, str], body: Any) -> Response:
        if url == "/api/auth/login":
            good = body["password"] == "right"
            return Response(200, self.pair()) if good else Response(401, {"detail": "Authentication required"})
        if url == "/api/auth/refresh":
            return Response(200, self.pair()) if body["refresh_token"] in self.valid else Response(401, {})
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if not bearer or bearer in self.refused:
            return Response(401, {"detail": "Authentication required"})
        return Response(200, {"detail": "fine"})

    def names(self) -> list[str]:
        return [f"{method} {name}" for method, name, _, _ in self.sent]

    def verdicts(self) -> list[bool]:
        return [response.verdict == "success" for response in self.responses]


def user_of(target: Target, password: str = "right") -> PlatformApi:
    account = Account(
        "user", "a@x.example.com", password, access_token=token(START + target.life, 0), refresh_token="r0"
    )
    api = PlatformApi(target, account, "10.1.2.3")
    api.session._sleep = target.sleep
    api.session._now = lambda: target.now + target.set_by
    api.session._clock = lambda: target.now
    api.session.adopt(account.access_token, account.refresh_token)
    return api


def test_a_request_carries_the_token_and_the_users_own_address() -> None:
    target = Target()
    assert user_of(target).session.send("GET", "/thing/7", name="/thing/{id}").ok
    _, name, headers, _ = target.sent[0]
    assert name == "/thing/{id}"
    assert headers["X-Forwarded-For"] == "10.1.2.3"
    assert "X-Lab-Run-Id" not in headers
    assert headers["Authorization"].startswith("Bearer e30.")


def test_a_request_of_a_run_says_which_it_belongs_to() -> None:
    target = Target()
    PlatformApi(target, Account("user", "a@x.example.com", "right"), "10.1.2.3", run_id="run-7").session.send(
        "GET", "/a"
    )
    _, _, headers, _ = target.sent[0]
    assert headers["X-Lab-Run-Id"] == "run-7"


def test_a_token_is_renewed_before_it_expires_and_the_new_pair_used() -> None:
    target = Target()
    user = user_of(target)
    target.now += 839
    user.session.send("GET", "/thing")
    target.now += 2
    user.session.send("GET", "/thing")
    target.now += 2
    user.session.send("GET", "/thing")
    assert target.names() == ["GET /thing", "POST /api/auth/refresh", "GET /thing", "GET /thing"]
    assert all(target.verdicts())
    assert user.session.tokens is not None
    assert user.session.tokens.refresh == "r1"


def test_a_401_leads_to_one_renewal_and_one_repeat_and_is_counted() -> None:
    target = Target()
    user = user_of(target)
    assert user.session.tokens is not None
    target.refused.add(user.session.tokens.access)
    assert user.session.send("GET", "/thing").ok
    assert target.names() == ["GET /thing", "POST /api/auth/refresh", "GET /thing"]
    assert target.verdicts() == [False, True, True]
    assert str(target.responses[0].verdict) == "status 401, expected 200"


def test_a_second_401_is_not_repeated() -> None:
    target = Target()
    user = user_of(target)
    target.next = [Response(401, {}), Response(200, target.pair()), Response(401, {})]
    assert not user.session.send("GET", "/thing").ok
    assert target.names() == ["GET /thing", "POST /api/auth/refresh", "GET /thing"]


def test_a_refused_refresh_token_leads_to_the_password() -> None:
    target = Target()
    user = user_of(target)
    assert user.session.tokens is not None
    target.refused.add(user.session.tokens.access)
    target.valid = set()
    assert user.session.send("GET", "/thing").ok
    assert target.names() == ["GET /thing", "POST /api/auth/refresh", "POST /api/auth/login", "GET /thing"]
    assert target.verdicts() == [False, False, True, True]


def test_when_nothing_renews_the_token_the_request_is_not_repeated() -> None:
    target = Target()
    user = user_of(target, password="wrong")
    assert user.session.tokens is not None
    target.refused.add(user.session.tokens.access)
    target.valid = set()
    assert not user.session.send("GET", "/thing").ok
    assert target.names() == ["GET /thing", "POST /api/auth/refresh", "POST /api/auth/login"]
    assert not any(target.verdicts())


def test_a_wrong_password_is_a_success_only_where_it_was_meant() -> None:
    target = Target()
    user = user_of(target)
    assert user.auth.login_refused("wrong")
    assert not user.auth.login_refused("right")
    assert target.names() == ["POST /api/auth/login [wrong password]"] * 2
    assert target.verdicts() == [True, False]
    assert user_of(Target(), password="wrong").auth.login() is None


@pytest.mark.parametrize(
    ("header", "waits"), [("7", 7.0), ("60", 60.0), ("soon", 60.0), (None, 60.0), ("99999", 120.0)]
)
def test_a_429_is_counted_and_holds_the_user_back(header: str | None, waits: float) -> None:
    target = Target()
    user = user_of(target)
    target.next = [Response(429, {"detail": "Rate limit exceeded"}, {"retry-after": header} if header else {})]
    assert not user.session.send("GET", "/thing").ok
    assert isinstance(target.responses[0].verdict, StatusFailure)
    assert user.session.send("GET", "/thing").ok
    assert target.slept == [pytest.approx(waits)]


def test_what_the_governor_holds_back_is_told_as_lateness() -> None:
    target = Target()
    told: list[float] = []
    account = Account("user", "a@x.example.com", "right", access_token=token(START + target.life, 0))
    api = PlatformApi(target, account, "10.1.2.3", held=told.append)
    api.session._sleep = target.sleep
    api.session._clock = lambda: target.now
    target.next = [Response(429, {}, {"retry-after": "4"})]
    api.session.send("GET", "/a", authorised=False)
    assert told == []
    api.session.send("GET", "/b", authorised=False)
    assert told == [4.0]


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    target = Target(life=10_000)
    user = user_of(target)
    for _ in range(LIMIT):
        user.session.send("GET", "/thing")
        target.now += 1
    target.set_by = -300
    user.session.send("GET", "/thing")
    assert target.slept == []


def test_a_hasty_user_is_kept_to_the_limit() -> None:
    target = Target(life=10_000)
    user = user_of(target)
    for _ in range(LIMIT + 1):
        user.session.send("GET", "/thing")
    assert target.slept == [pytest.approx(PERIOD_S, abs=2)]


@pytest.mark.parametrize(
    ("response", "check", "reason"),
    [
        (Response(200, "<html>"), None, "no JSON"),
        (Response(200, ""), None, "no JSON"),
        (Response(200, {"success": False}), None, "an error inside a 200"),
        (Response(200, {"access_token": 1}), fields(TOKENS), "access_token is of the wrong kind"),
        (Response(201, {}), None, "status 201, expected 200"),
        (Response(307, ""), None, "status 307, expected 200"),
        (Response(500, {"detail": "Internal server error"}), None, "status 500, expected 200"),
    ],
)
def test_an_answer_that_is_not_right_is_a_failure_with_a_short_reason(
    response: Response, check: Callable[[Any], str | None] | None, reason: str
) -> None:
    target = Target()
    target.next = [response]
    answer = user_of(target).session.send("GET", "/thing", check=check)
    assert not answer.ok
    assert answer.body is None
    assert isinstance(response.verdict, StatusFailure | ContentFailure)
    assert str(response.verdict) == reason


def test_without_an_answer_the_socket_error_stays_the_reason() -> None:
    target = Target()
    target.next = [Response(0, ""), Response(0, "")]
    reset, timed_out = ConnectionResetError(), TimeoutError("timed out")
    target.next[0].request_meta = {"exception": reset}
    target.next[1].request_meta = {"exception": RetriesExceeded("/thing/7", 0, original=timed_out)}
    user = user_of(target)
    assert not user.session.send("GET", "/thing").ok
    assert not user.session.send("GET", "/thing").ok
    assert [response.verdict for response in target.responses] == [reset, timed_out]
