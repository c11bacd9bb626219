"""Accounts, lines and the clean-up, against a small target over real sockets."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from configs.settings import Settings, load_settings
from tests.support.platform_target import Request, Target, running_target
from tests.support.unkind_target import unkind_target
from utils.account_desk import Desk, Grant
from utils.accounts import CALLS_AT_ONCE, VOICE_SOCKETS, Account
from utils.capabilities import Capabilities
from utils.cleanup import Cleanup, CleanupReport
from utils.identity import mail_domain
from utils.numbers import NumberInventory
from utils.plain_http import PlainHttp, Refused, SetupError
from utils.provisioning import Borrowed, Provisioner, read_capabilities
from utils.sms import SMS

RUN = "20250101-120000-ab12"
OPERATIONS = {
    "/api/auth/login": ["post"],
    "/api/crm/contacts/search": ["get"],
    "/api/crm/contacts/{contact_id}": ["delete"],
    "/api/organizations/{org_id}/users": ["get"],
    "/api/organizations/{org_id}/users/{user_id}": ["delete"],
}
SID = "AC1ab00000000000000000000000000001"


@pytest.fixture
def target() -> Iterator[Target]:
    with running_target() as started:
        platform(started)
        yield started


def platform(target: Target, ids: Iterator[str] | None = None) -> None:
    """The operations that accounts are made with; organisations get these ids, one after the other."""
    serial = itertools.count(1)
    ids = ids or (f"{n:07d}-0000-4000-8000-000000000000" for n in itertools.count(1))

    def tokens() -> dict[str, str]:
        return {"access_token": f"a{next(serial)}", "refresh_token": f"r{next(serial)}", "token_type": "bearer"}

    def organisation(request: Request) -> tuple[int, Any]:
        made = {"id": next(ids), "name": request.body["name"], "access_code": "code-" + request.body["subdomain"]}
        return 200, {"organization": made, "admin_user": {}, **tokens()}

    def line(request: Request) -> tuple[int, Any]:
        return 200, {**request.body, "verification_status": "verified"}

    paths: dict[str, Any] = {path: {method: {} for method in methods} for path, methods in OPERATIONS.items()}
    target.on("GET /openapi.json", (200, {"paths": paths}))
    target.on("POST /api/organizations/register", organisation)
    target.on("POST /api/auth/register/token", lambda _: (200, tokens()))
    target.on("POST /api/auth/login", lambda _: (200, tokens()))
    target.on("POST /api/telephony/setup", line)
    target.on(f"POST /2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json", (201, {"sid": "PN1"}))
    target.on(f"GET /2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json", (200, {"incoming_phone_numbers": []}))
    target.on(f"DELETE /2010-04-01/Accounts/{SID}/IncomingPhoneNumbers/PN1.json", (204, ""))
    target.on("GET /api/crm/contacts/search", (200, {"items": []}))
    target.on(r"GET /api/organizations/[^/]+/users", (200, []))


def provisioner(target: Target, **options: Any) -> Provisioner:
    numbers = NumberInventory(target.url, SID, "token")
    return Provisioner(PlainHttp(target.url, RUN), RUN, "Memorial Gardens", numbers, **options)


def settings_for(target: Target, **changes: Any) -> Settings:
    load_settings.cache_clear()
    return load_settings().model_copy(update={"base_url": target.url, "twilio_url": target.url, **changes})


def test_plain_users_share_one_organisation_and_administrators_have_their_own(target: Target) -> None:
    maker = provisioner(target)
    users = [maker.make("user") for _ in range(3)]
    admins = [maker.make("org_admin") for _ in range(2)]
    assert {user.access_code for user in users} == {maker.shared_organisation().access_code}
    assert len({account.email for account in users + admins}) == 5
    assert len({admin.organisation_id for admin in admins} | {users[0].organisation_id}) == 3
    assert all(account.access_token and account.refresh_token for account in users + admins)
    sent = [r.body for r in target.requests if r.path == "/api/auth/register/token"]
    assert all(body["email"].endswith("@" + mail_domain(RUN)) and len(body["password"]) >= 8 for body in sent)


def test_five_members_share_a_line_and_the_sixth_opens_another(target: Target) -> None:
    maker = provisioner(target)
    members = [maker.make("line") for _ in range(CALLS_AT_ONCE + 1)]
    assert [member.number for member in members] == ["+15550000001"] * CALLS_AT_ONCE + ["+15550000002"]
    assert len({member.email for member in members}) == CALLS_AT_ONCE + 1
    registered = [r.form for r in target.requests if r.path.endswith("IncomingPhoneNumbers.json")]
    assert [form["PhoneNumber"] for form in registered] == ["+15550000001", "+15550000002"]
    assert registered[0]["VoiceUrl"] == target.url + "/api/telephony/webhook/incoming-call"
    assert registered[0]["StatusCallback"] == target.url + "/api/telephony/webhook/call-status"


def test_organisations_are_registered_until_one_can_be_called_and_the_others_are_used_too(target: Target) -> None:
    ids = iter(["abcdef12-x", "1234a678-x", "7654321f-x", "ffffffff-x"])
    platform(target, ids)
    maker = provisioner(target)
    assert maker.make("line").number == "+15557654321"
    maker.make("org_admin")
    maker.make("user")
    assert target.operations().count("POST /api/organizations/register") == 3


def test_a_number_that_is_not_verified_is_refused(target: Target) -> None:
    target.on("POST /api/telephony/setup", lambda r: (200, {**r.body, "verification_status": "pending"}))
    with pytest.raises(SetupError, match="did not verify"):
        provisioner(target).make("line")


def test_a_run_whose_names_are_taken_chooses_others(target: Target) -> None:
    register = target.rules["POST /api/organizations/register"]

    def first_is_taken(request: Request) -> Any:
        return (400, {}) if request.body["admin_email"] == f"admin-1@{mail_domain(RUN)}" else register(request)

    target.on("POST /api/organizations/register", first_is_taken)
    maker = provisioner(target)
    maker.make("user")
    assert maker.mark.startswith(RUN + "-")
    assert maker.organisations[0].admin.email.endswith("@" + mail_domain(maker.mark))


def test_a_borrowed_account_is_logged_in_anew_for_each_user(target: Target) -> None:
    maker = provisioner(target, borrowed=Borrowed("me@example.com", "word"))
    one, other = maker.make("user"), maker.make("user")
    assert one.email == other.email == "me@example.com"
    assert one.refresh_token != other.refresh_token
    assert "POST /api/auth/register/token" not in target.operations()
    target.on("POST /api/auth/login", (401, {}))
    with pytest.raises(SetupError, match=r"refuses the account me@example\.com with 401") as caught:
        maker.make("user")
    assert "word" not in str(caught.value)


def test_being_told_to_wait_is_obeyed_and_addresses_change(target: Target) -> None:
    replies: Iterator[Any] = iter(
        [(429, {}, {"Retry-After": "0"}), (429, {}, {"Retry-After": "0"}), (200, {"fine": True})]
    )
    target.on("GET /limited", lambda _: next(replies))
    http = PlainHttp(target.url, RUN)
    assert http.call("GET", "/limited") == {"fine": True}
    target.on("GET /plain", (200, {}))
    for _ in range(120):
        http.call("GET", "/plain")
    addresses = [request.headers["X-Forwarded-For"] for request in target.requests]
    assert len(set(addresses)) == 2
    assert max(addresses.count(address) for address in addresses) <= 119
    target.on("GET /limited", (429, {}, {"Retry-After": "0"}))
    with pytest.raises(Refused, match="429"):
        http.call("GET", "/limited")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ((404, {}), "is no Thanotopolis platform"),
        ((200, {"paths": {}}), "is no Thanotopolis platform"),
        ((200, "<html>"), "is no JSON"),
    ],
)
def test_another_service_is_told_from_a_platform(target: Target, reply: Any, sentence: str) -> None:
    target.on("GET /openapi.json", reply)
    with pytest.raises(SetupError, match=sentence):
        read_capabilities(PlainHttp(target.url, RUN))


def test_a_target_that_is_down_is_named_with_what_to_do() -> None:
    with running_target() as gone:
        url = gone.url
    with pytest.raises(SetupError) as caught:
        read_capabilities(PlainHttp(url, RUN))
    assert str(caught.value) == (
        f"The target {url} does not answer (connection refused): start it,"
        " or set LOAD_TEST_BASE_URL or --host to a platform that runs."
    )


def test_a_first_look_that_hangs_ends_in_time_and_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("utils.provisioning.FIRST_LOOK_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as hole, caplog.at_level("INFO"):
        url = f"http://127.0.0.1:{hole.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(SetupError, match=f"^The target {url} does not answer .timed out.: start it, or set "):
            read_capabilities(PlainHttp(url, "r1"))
    assert time.monotonic() - began < 5
    assert f"Asking {url} what it offers (/openapi.json)" in caplog.text


def test_a_clean_up_of_a_target_that_hangs_ends_in_its_time() -> None:
    offered = Capabilities(["POST /api/auth/login", "GET /api/conversations/search", "DELETE /api/conversations/{id}"])
    people = [Account("user", f"p{number}@example.com", "x", access_token="t") for number in range(20)]
    with socket.create_server(("127.0.0.1", 0)) as hole:
        http = PlainHttp(f"http://127.0.0.1:{hole.getsockname()[1]}", "r1")
        began = time.monotonic()
        report = Cleanup(http, "r1", offered, None, limit_s=1).sweep([], None, people)
    assert time.monotonic() - began < 8
    assert report.failed
    assert len(report.left) == 20


@pytest.mark.parametrize(
    ("breaking", "requests", "left"),
    [({1}, 4, 0), ({1, 3, 5}, 6, 0), ({2, 3}, 4, 1)],
)
def test_a_connection_that_breaks_in_the_clean_up_is_no_silence(breaking: set[int], requests: int, left: int) -> None:
    with unkind_target(breaking) as target:
        report = clean_up_after_people(target.url)
    assert report.silent == ""
    assert len(report.left) == left
    assert target.received.total() == requests


def test_a_target_that_answers_nothing_of_the_clean_up_has_stopped_answering() -> None:
    with unkind_target(range(1, 100)) as target:
        report = clean_up_after_people(target.url)
    assert report.silent == f"{target.url} does not answer (the connection broke)"
    assert len(report.left) == 3
    assert clean_up_after_people(target.url).silent == f"{target.url} does not answer (connection refused)"


def clean_up_after_people(url: str) -> CleanupReport:
    """Have three people's conversations removed, one after the other."""
    offered = Capabilities(["GET /api/conversations/search", "DELETE /api/conversations/{id}"])
    cleanup = Cleanup(PlainHttp(url, "r1"), "r1", offered, None)
    for number in range(3):
        report = cleanup.sweep([], None, [Account("user", f"p{number}@example.com", "x", access_token="t")])
    return report


def test_the_twilio_double_is_checked_before_a_run_with_calls(target: Target) -> None:
    numbers = f"GET /2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json"
    assert not Desk(settings_for(target), target.url, RUN, calls=True).offered.offers(SMS)
    target.on(f"GET /2010-04-01/Accounts/{SID}/Messages.json", (200, {"messages": []}))
    assert Desk(settings_for(target), target.url, RUN, calls=True).offered.offers(SMS, "POST /api/auth/login")
    target.on(numbers, (401, {}))
    with pytest.raises(SetupError, match="refuses the credentials"):
        Desk(settings_for(target), target.url, RUN, calls=True)
    target.on(numbers, (404, {}))
    with pytest.raises(SetupError, match="is no Twilio double"):
        Desk(settings_for(target), target.url, RUN, calls=True)
    Desk(settings_for(target), target.url, RUN, calls=False)


def test_the_desk_prepares_what_is_planned_and_makes_more_when_asked(target: Target) -> None:
    desk = Desk(settings_for(target), target.url, RUN, calls=False)
    desk.prepare({"user": 2})
    assert target.operations().count("POST /api/auth/register/token") == 2
    grants = [desk.lend("CrmUser", "user") for _ in range(3)]
    assert target.operations().count("POST /api/auth/register/token") == 3
    assert [grant.number for grant in grants] == [1, 2, 3]
    assert len({grant.account.email for grant in grants}) == len({grant.serial for grant in grants}) == 3
    assert desk.lend("AuthUser", "user").number == 1
    desk.give_back(grants[0].serial, "newer", "newest")
    again = desk.lend("CrmUser", "user")
    assert (again.account.email, again.account.access_token, again.number) == (grants[0].account.email, "newer", 4)
    travelled = Grant.from_message(json.loads(json.dumps(again.to_message())))
    assert travelled.account == again.account
    assert travelled.offered.offers("POST /api/auth/login")


def test_a_kind_of_account_that_there_is_not_is_refused_without_a_registration(target: Target) -> None:
    desk = Desk(settings_for(target), target.url, RUN, calls=False)
    wrong: Any = "plain"
    for _ in range(2):
        with pytest.raises(SetupError, match=r"^An account could not be made: there is no .* kind 'plain'\.$"):
            desk.lend("MyUser", wrong)
    assert [operation for operation in target.operations() if operation.startswith("POST")] == []


@pytest.mark.parametrize("reply", [(200, {"access": "?"}), (200, []), (500, {}), (200, "no json")])
def test_an_answer_no_platform_gives_is_a_sentence_and_no_traceback(target: Target, reply: Any) -> None:
    desk = Desk(settings_for(target), target.url, RUN, calls=False)
    target.on("POST /api/organizations/register", reply)
    with pytest.raises(SetupError, match=r"^[A-Z].*\.$"):
        desk.prepare({"user": 1})


def cleaned(target: Target, tmp_path: Path, contacts: dict[str, str], **options: Any) -> tuple[Desk, dict[str, Any]]:
    """Run a desk over a target that holds these contacts (id to address) and give the note of its clean-up."""
    held = dict(contacts)

    def search(request: Request) -> tuple[int, Any]:
        # As a target would that ignores the term: everything comes back.
        assert request.query["search_fields"] == "contact_email"
        return 200, {"items": [{"id": key, "contact_email": email} for key, email in held.items()]}

    def delete(_: Request, contact: str) -> tuple[int, Any]:
        return (200, {"message": "gone"}) if held.pop(contact, None) else (404, {})

    target.on("GET /api/crm/contacts/search", search)
    target.on("DELETE /api/crm/contacts/([^/]+)", delete)
    desk = Desk(settings_for(target, **options), target.url, RUN, calls=True)
    desk.prepare({"user": 1, "line": 1})
    desk.clean_up(tmp_path / "run" / "cleanup.json")
    assert target.rules["GET /api/crm/contacts/search"] is search
    note: dict[str, Any] = json.loads((tmp_path / "run" / "cleanup.json").read_text())
    note["held"] = held
    return desk, note


def test_what_a_run_made_is_removed_and_nothing_else(target: Target, tmp_path: Path) -> None:
    ours = {f"c{n}": f"jo.{n}@{mail_domain(RUN)}" for n in range(5)}
    others = {"o1": "real@customer.example", "o2": f"x@{mail_domain('20250101-120000-ab13')}", "o3": ""}
    admin = {"id": "u0", "email": f"admin-1@{mail_domain(RUN)}", "is_active": True}
    people = [admin, {"id": "u1", "email": "p@x", "is_active": True}, {"id": "u2", "email": "q@x", "is_active": False}]
    target.on(r"GET /api/organizations/0000001-[^/]+/users", (200, people))
    target.rules = dict(reversed(target.rules.items()))  # the newest rule first
    target.on(r"DELETE /api/organizations/[^/]+/users/(.*)", (200, {"detail": "done"}))
    _, note = cleaned(target, tmp_path, {**ours, **others})
    assert note["held"] == others
    assert note["removed"] == {"contacts": 5, "numbers": 1, "users": 1}
    assert [operation for operation in target.operations() if "/users/" in operation] == [
        "DELETE /api/organizations/0000001-0000-4000-8000-000000000000/users/u1"
    ]
    assert len(note["left"]) == 1
    assert "organisations with their administrators, which cannot be deleted" in note["left"][0]


def test_what_cannot_be_removed_is_listed(target: Target, tmp_path: Path) -> None:
    target.on(r"GET /api/organizations/0000001-[^/]+/users", (500, {}))
    target.on(f"DELETE /2010-04-01/Accounts/{SID}/IncomingPhoneNumbers/PN1.json", (500, {}))
    target.rules = dict(reversed(target.rules.items()))
    _, note = cleaned(target, tmp_path, {})
    assert any("was answered with 500" in line for line in note["left"])
    assert any("the number +15550000002 in the Twilio double" in line for line in note["left"])


def test_a_borrowed_accounts_other_contacts_are_left_alone(target: Target, tmp_path: Path) -> None:
    mine = {"o1": "real@customer.example"}
    options = {"user_email": "me@example.com", "user_password": SecretStr("word")}
    _, note = cleaned(target, tmp_path, {"c1": f"a@{mail_domain(RUN)}", **mine}, **options)
    assert note["held"] == mine


def test_no_more_users_may_call_than_a_process_of_the_platform_takes_calls(target: Target) -> None:
    desk = Desk(settings_for(target), target.url, RUN, calls=True)
    grants = [desk.lend("TelephonyUser", "line") for _ in range(VOICE_SOCKETS + 3)]
    assert [grant.may_call for grant in grants] == [True] * VOICE_SOCKETS + [False] * 3
    assert len({grant.account.number for grant in grants if grant.may_call}) == VOICE_SOCKETS // CALLS_AT_ONCE
    desk.give_back(grants[7].serial, "a", "r")
    again = Grant.from_message(desk.lend("TelephonyUser", "line").to_message())
    assert again.may_call
    assert not desk.lend("CrmUser", "user").may_call


def test_the_calls_of_a_worker_that_is_lost_can_be_others(target: Target) -> None:
    desk = Desk(settings_for(target), target.url, RUN, calls=True)
    lost = {desk.lend("TelephonyUser", "line", "lost").account.email for _ in range(2)}
    for _ in range(VOICE_SOCKETS - 2):
        desk.lend("TelephonyUser", "line", "here")
    assert not desk.lend("TelephonyUser", "line", "here").may_call
    desk.forget("lost")
    grants = [desk.lend("TelephonyUser", "line", "here") for _ in range(3)]
    assert [grant.may_call for grant in grants] == [True, True, False]
    assert not {grant.account.email for grant in grants} & lost, "whoever is gone may come back"


def test_a_run_without_calls_registers_no_organisations_to_find_one_that_can_be_called(target: Target) -> None:
    platform(target, iter(["abcdef12-x", "1234a678-x"]))
    target.on("POST /api/telephony/setup", lambda r: (200, {**r.body, "verification_status": "pending"}))
    maker = Provisioner(PlainHttp(target.url, RUN), RUN, "Memorial Gardens")
    members = [maker.make("line") for _ in range(CALLS_AT_ONCE)]
    assert target.operations().count("POST /api/organizations/register") == 1
    assert len({member.number for member in members}) == 1
    assert members[0].number.startswith("+1555")
