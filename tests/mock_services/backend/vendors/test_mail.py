"""A mail goes to SendGrid as the platform sends it, and what is not accepted is never taken for sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mock_services.backend.defects import Defect
from mock_services.backend.vendors.mail import Mail, Mailer, MailRefused
from mock_services.core.reckoning import Reckoning
from tests.mock_services.backend.post_office import PostOffice

pytestmark = pytest.mark.anyio

MAIL = Mail(
    to="ada@example.com", to_name="Ada Rose", subject="Hello", text="Hi", html="<p>Hi</p>", sender_name="Ida Stone"
)


@pytest.fixture
async def mailer(office: PostOffice) -> AsyncIterator[Mailer]:
    mailer = Mailer(f"{office.url}/", "SG.key", "office@example.com", 5.0)
    yield mailer
    await mailer.close()


async def test_a_mail_has_the_shape_that_the_platform_gives_it(office: PostOffice, mailer: Mailer) -> None:
    assert await mailer.send(MAIL, "run-7") == "m1"
    (letter,) = office.letters
    assert letter.path == "/sendgrid/v3/mail/send"
    assert letter.headers["authorization"] == "Bearer SG.key"
    assert letter.headers["x-lab-run-id"] == "run-7"
    assert letter.body == {
        "from": {"email": "office@example.com", "name": "Ida Stone"},
        "subject": "Hello",
        "personalizations": [{"to": [{"email": "ada@example.com", "name": "Ada Rose"}]}],
        "content": [{"type": "text/plain", "value": "Hi"}, {"type": "text/html", "value": "<p>Hi</p>"}],
    }


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_anything_but_202_is_a_refusal(office: PostOffice, mailer: Mailer, status: int) -> None:
    office.status = status
    with pytest.raises(MailRefused, match=f'SendGrid answered {status} where 202 accepts a mail: .*"not today"'):
        await mailer.send(MAIL)


async def test_what_was_taken_is_reckoned_by_its_id_and_what_may_have_been_taken_as_possible(
    office: PostOffice,
) -> None:
    reckoning = Reckoning()
    mailer = Mailer(office.url, "SG.key", "office@example.com", 5.0, reckoning)
    await mailer.send(MAIL, "run-7")
    for status in (400, 0, 503):
        office.status = status
        with pytest.raises(MailRefused):
            await mailer.send(MAIL, "run-7")
    await mailer.close()
    assert reckoning.facts("run-7")["kinds"] == {"mail": {"count": 1, "ids": {"m1": 1}, "unnamed": 0, "uncertain": 2}}


async def test_a_mail_goes_twice_only_with_the_defect(office: PostOffice) -> None:
    reckoning = Reckoning()
    defects = frozenset({Defect.MAIL_SENT_TWICE})
    mailer = Mailer(office.url, "SG.key", "office@example.com", 5.0, reckoning, defects)
    assert await mailer.send(MAIL, "run-7") == "m2"
    await mailer.close()
    assert [letter.body["subject"] for letter in office.letters] == ["Hello", "Hello"]
    assert reckoning.facts("run-7")["kinds"]["mail"]["count"] == 1, "it believes that it sent one"


async def test_a_lost_connection_is_a_refusal_and_the_next_mail_goes(office: PostOffice, mailer: Mailer) -> None:
    office.status = 0
    with pytest.raises(MailRefused, match="cannot be reached"):
        await mailer.send(MAIL)
    office.status = 202
    assert await mailer.send(MAIL) == "m2"


async def test_nobody_listening_is_a_refusal() -> None:
    office = PostOffice()
    await office.open()
    await office.close()
    mailer = Mailer(office.url, "SG.key", "office@example.com", 5.0)
    with pytest.raises(MailRefused, match="cannot be reached"):
        await mailer.send(MAIL)
    await mailer.close()


async def test_closing_ends_the_connections_and_a_later_mail_opens_new_ones(office: PostOffice, mailer: Mailer) -> None:
    await mailer.close()
    await mailer.send(MAIL)
    await mailer.close()
    assert await mailer.send(MAIL) == "m2"
