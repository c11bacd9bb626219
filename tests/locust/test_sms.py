"""Reading a verification code as a person does: from the newest SMS to the number."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.platform_target import Request, Target, running_target
from utils.sms import Inbox, UnansweredError

SID = "AC1ab00000000000000000000000000001"


@pytest.fixture
def double() -> Iterator[Target]:
    with running_target() as started:
        yield started


def holds(double: Target, *bodies: str) -> None:
    def messages(request: Request) -> Any:
        assert request.query == {"To": "+12025550142", "PageSize": "1"}
        assert request.headers["Authorization"].startswith("Basic ")
        return 200, {"messages": [{"body": body} for body in bodies]}

    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", messages)


def inbox(double: Target) -> Inbox:
    return Inbox(double.url, SID, "token")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("Your verification code is 123456. It is valid for 10 minutes.", "123456"),
        ("Call +12025550142 about order 1234567, code 654321", "654321"),
        ("No code here, 12345 is too short", None),
    ],
)
def test_the_code_is_the_six_digits_that_stand_alone(double: Target, body: str, code: str | None) -> None:
    holds(double, body, "an older one: 999999")
    assert inbox(double).newest_code("+12025550142") == code


def test_without_a_message_there_is_no_code(double: Target) -> None:
    holds(double)
    assert inbox(double).newest_code("+12025550142") is None


@pytest.mark.parametrize(
    "reply", [(404, {}), (503, {}), (200, "no json"), (200, {}), (200, {"messages": [{}]}), (200, [])]
)
def test_an_answer_that_is_not_the_doubles_tells_of_no_code(double: Target, reply: Any) -> None:
    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", reply)
    with pytest.raises(UnansweredError):
        inbox(double).newest_code("+12025550142")


@pytest.mark.parametrize(
    ("reply", "there"), [((200, {"messages": []}), True), ((404, {}), False), ((200, []), False), ((200, "?"), False)]
)
def test_a_double_without_messages_is_told_from_one_without_any_yet(double: Target, reply: Any, there: bool) -> None:
    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", reply)
    assert inbox(double).available() is there


def test_a_code_that_does_not_come_is_waited_for_only_so_long(double: Target) -> None:
    holds(double)
    assert inbox(double).wait_for_code("+12025550142", 0.3) is None


def test_a_code_is_read_as_soon_as_it_has_come(double: Target) -> None:
    answers: Iterator[Any] = iter([(200, {"messages": []}), (200, {"messages": [{"body": "code 222333"}]})])
    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", lambda _: next(answers))
    assert inbox(double).wait_for_code("+12025550142", 5.0) == "222333"


def test_a_code_that_is_not_seen_while_the_double_was_away_is_not_known_to_be_missing(double: Target) -> None:
    answers: Iterator[Any] = iter([(200, {"messages": []}), (503, {}), *[(200, {"messages": []})] * 9])
    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", lambda _: next(answers))
    with pytest.raises(UnansweredError, match="503"):
        inbox(double).wait_for_code("+12025550142", 0.8)


def test_a_double_that_has_died_is_told_from_a_code_that_does_not_come() -> None:
    with running_target() as gone:
        url = gone.url
    with pytest.raises(UnansweredError):
        Inbox(url, SID, "token").wait_for_code("+12025550142", 0.3)


def test_a_double_that_was_away_and_has_the_code_after_all_is_no_matter(double: Target) -> None:
    answers: Iterator[Any] = iter([(503, {}), (200, {"messages": [{"body": "code 222333"}]})])
    double.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", lambda _: next(answers))
    assert inbox(double).wait_for_code("+12025550142", 5.0) == "222333"
