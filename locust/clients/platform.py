"""The platform's API as one virtual user calls it: a method an operation, each with its name and its content check.

Every method returns the parsed body, or None when the request was counted as failed. Paths, fields and answers are
those that the real platform was seen to accept and give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from clients import checks
from clients.calendar import CalendarApi
from clients.checks import both, fields, identified, listing, plain_list, same
from clients.conversations import ConversationsApi
from clients.governor import Governor
from clients.mailing import MailingApi
from clients.session import Answer, Body, CountedHttp, Form, Session
from utils.accounts import Account


class PlatformApi:
    """What a user does on the platform; one attribute an area of the API."""

    def __init__(
        self,
        http: CountedHttp,
        account: Account,
        address: str,
        governor: Governor | None = None,
        run_id: str = "",
        held: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Take Locust's HTTP client, the user's account (with its tokens), the address it claims, and its run.

        `held` is told of the seconds for which the governor held the user back.
        """
        self.account = account
        self.session = Session(http, address, login=self._login, governor=governor, run_id=run_id, held=held)
        if account.access_token:
            self.session.adopt(account.access_token, account.refresh_token)
        self.auth = AuthApi(self.session, account)
        self.crm = CrmApi(self.session)
        self.mailing = MailingApi(self.session)
        self.calendar = CalendarApi(self.session)
        self.conversations = ConversationsApi(self.session)
        self.telephony = TelephonyApi(self.session)

    def _login(self, session: Session) -> Answer:
        return self.auth.login_answer()


class AuthApi:
    """Signing in and out, and the user's own profile."""

    def __init__(self, session: Session, account: Account) -> None:
        self._session = session
        self._account = account

    def login_answer(self) -> Answer:
        """Log in with the account's password and go on with the tokens that come back."""
        answer = self._session.send(
            "POST",
            "/api/auth/login",
            body={"email": self._account.email, "password": self._account.password},
            check=fields(checks.TOKENS),
            authorised=False,
        )
        if answer.ok:
            self._session.adopt(answer.body["access_token"], answer.body["refresh_token"])
        return answer

    def login(self) -> Body | None:
        """Log in; the body holds the tokens."""
        return self.login_answer().content

    def login_refused(self, wrong_password: str) -> bool:
        """Log in with a wrong password, which the platform must refuse with 401: then it counts as a success."""
        return self._session.send(
            "POST",
            "/api/auth/login",
            name="/api/auth/login [wrong password]",
            body={"email": self._account.email, "password": wrong_password},
            expected=401,
            authorised=False,
        ).ok

    def register(self, person: Mapping[str, str]) -> Body | None:
        """Register a colleague by the organisation's access code; the body is the new user."""
        check = both(fields(checks.USER), identified, same(email=person["email"], username=person["username"]))
        return self._session.send(
            "POST", "/api/auth/register", body=dict(person), check=check, authorised=False
        ).content

    def me(self) -> Body | None:
        """Read the user that the token belongs to: its validation, as pages of the platform do it."""
        check = both(fields(checks.USER), same(email=self._account.email))
        return self._session.send("GET", "/api/auth/me", check=check).content

    def refresh(self) -> bool:
        """Exchange the refresh token for a new pair before it is due."""
        return self._session.renew()

    def update_profile(self, changes: Mapping[str, str]) -> Body | None:
        """Change the user's own names (an extension: the platform of today has no such operation)."""
        check = both(fields(checks.USER), same(**changes))
        return self._session.send("PATCH", "/api/users/me", body=dict(changes), check=check).content

    def logout(self) -> bool:
        """Log out, which revokes the refresh token; the platform wants it in the body."""
        tokens = self._session.tokens
        if tokens is None:
            return False
        return self._session.send(
            "POST", "/api/auth/logout", body={"refresh_token": tokens.refresh}, check=fields({"detail": str})
        ).ok


class CrmApi:
    """Contacts, and what was done with them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def dashboard(self) -> Body | None:
        """The tenant's figures."""
        stats = fields({"total_contacts": int, "contacts_by_status": dict, "recent_interactions": list})

        def check(body: Any) -> str | None:
            return fields({"stats": dict, "recent_contacts": list})(body) or stats(body["stats"])

        return self._session.send("GET", "/api/crm/dashboard", check=check).content

    def contacts(self, page: int = 1, page_size: int = 20) -> Body | None:
        """A page of the contact list, newest first."""
        return self._page("/api/crm/contacts", None, {"page": page, "page_size": page_size}, fields(checks.CONTACT))

    def contacts_by_status(self, status: str, page_size: int = 20) -> Body | None:
        """The contact list filtered by status: nothing else may come back."""
        check = both(fields(checks.CONTACT), same(status=status))
        return self._page("/api/crm/contacts", "[filter]", {"status": status, "page_size": page_size}, check)

    def search(self, term: str, names: Sequence[str], page_size: int = 20, least: int = 0) -> Body | None:
        """Search contacts for a term in the named fields.

        A hit that does not match is a failure, and so are fewer hits than `least`.
        """
        check = both(
            listing("items", "page_size", page_size, both(fields(checks.CONTACT), checks.containing(term, names))),
            lambda body: "a contact was not found" if len(body["items"]) < least else None,
        )
        params = {"search_term": term, "search_fields": ",".join(names), "page_size": page_size}
        return self._session.send("GET", "/api/crm/contacts/search", params=params, check=check).content

    def _page(self, path: str, label: str | None, params: Mapping[str, Any], each: checks.Check) -> Body | None:
        check = listing("items", "page_size", params["page_size"], each)
        name = f"{path} {label}" if label else path
        return self._session.send("GET", path, name=name, params=params, check=check).content

    def contact(self, contact_id: str) -> Body | None:
        """One contact."""
        check = both(fields(checks.CONTACT), same(id=contact_id))
        return self._session.send(
            "GET", f"/api/crm/contacts/{contact_id}", name="/api/crm/contacts/{id}", check=check
        ).content

    def create_contact(self, contact: Mapping[str, Any]) -> Body | None:
        """Create a contact; what was sent must come back."""
        check = both(fields(checks.CONTACT), identified, same(**contact))
        return self._session.send("POST", "/api/crm/contacts", body=dict(contact), check=check).content

    def update_contact(self, contact_id: str, changes: Mapping[str, Any]) -> Body | None:
        """Change some fields of a contact."""
        check = both(fields(checks.CONTACT), same(id=contact_id, **changes))
        return self._session.send(
            "PATCH",
            f"/api/crm/contacts/{contact_id}",
            name="/api/crm/contacts/{id}",
            body=dict(changes),
            check=check,
        ).content

    def delete_contact(self, contact_id: str) -> bool:
        """Delete a contact."""
        return self._session.send(
            "DELETE",
            f"/api/crm/contacts/{contact_id}",
            name="/api/crm/contacts/{id}",
            check=fields({"message": str}),
        ).ok

    def create_interaction(self, interaction: Mapping[str, Any]) -> Body | None:
        """Note what was done with a contact."""
        expected = {name: interaction[name] for name in ("contact_id", "interaction_type", "content")}
        check = both(fields(checks.INTERACTION), identified, same(**expected))
        return self._session.send("POST", "/api/crm/interactions", body=dict(interaction), check=check).content

    def import_contacts(self, file: Form, field_mapping: str, rows: int) -> list[str] | None:
        """Import contacts from a CSV file; every row must be taken. Gives the new contacts' ids."""
        check = both(
            fields({"created_contacts": list}), same(total_rows=rows, successful_imports=rows, failed_imports=0)
        )
        params = {"field_mapping": field_mapping}
        answer = self._session.send("POST", "/api/crm/contacts/import", params=params, body=file, check=check)
        return cast("list[str]", answer.body["created_contacts"]) if answer.ok else None

    def interactions(self, contact_id: str) -> list[Body] | None:
        """What was done with a contact, newest first."""
        check = plain_list(both(fields(checks.INTERACTION), same(contact_id=contact_id)))
        answer = self._session.send(
            "GET",
            f"/api/crm/contacts/{contact_id}/interactions",
            name="/api/crm/contacts/{id}/interactions",
            check=check,
        )
        return answer.rows


class TelephonyApi:
    """The organisation's line, its calls and what was said in them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def config(self, number: str) -> Body | None:
        """The line's settings; the number must be the organisation's own."""
        check = both(fields(checks.LINE_CONFIG), same(organization_phone_number=number))
        return self._session.send("GET", "/api/telephony/config", check=check).content

    def calls(self, page: int = 1, per_page: int = 20) -> Body | None:
        """A page of the calls, newest first."""
        check = listing("calls", "per_page", per_page, fields(checks.CALL))
        params = {"page": page, "per_page": per_page}
        return self._session.send("GET", "/api/telephony/calls", params=params, check=check).content

    def calls_by_status(self, status: str, per_page: int = 20) -> Body | None:
        """The calls with one status."""
        check = listing("calls", "per_page", per_page, both(fields(checks.CALL), same(status=status)))
        params = {"status": status, "per_page": per_page}
        return self._session.send(
            "GET", "/api/telephony/calls", name="/api/telephony/calls [filter]", params=params, check=check
        ).content

    def call(self, call_id: str) -> Body | None:
        """One call, by the id of its row (a CallSid is refused)."""
        return self._of_call(call_id, "", both(fields(checks.CALL), same(id=call_id)))

    def messages(self, call_id: str) -> Body | None:
        """What was said and noted in a call."""
        return self._of_call(
            call_id, "/messages", both(fields({"messages": list, "total": int}), same(call_id=call_id))
        )

    def transcript(self, call_id: str) -> Body | None:
        """The call's transcript as text."""
        return self._of_call(call_id, "/messages/transcript", both(fields({"transcript": str}), same(call_id=call_id)))

    def summary(self, call_id: str) -> Body | None:
        """The call's summary; it is null until there is one."""
        return self._of_call(
            call_id, "/messages/summary", both(fields({"summary": (str, type(None))}), same(call_id=call_id))
        )

    def analytics(self, period: str) -> Body | None:
        """Figures of a period's calls (an extension: the platform of today has no such operation)."""
        return self._session.send(
            "GET", "/api/telephony/analytics", params={"period": period}, check=fields({})
        ).content

    def _of_call(self, call_id: str, part: str, check: checks.Check) -> Body | None:
        return self._session.send(
            "GET",
            f"/api/telephony/calls/{call_id}{part}",
            name="/api/telephony/calls/{id}" + part,
            check=check,
        ).content

    def setup(self, number: str) -> Body | None:
        """Give the organisation a line; it is pending until its number is verified."""
        check = both(fields(checks.LINE_CONFIG), same(organization_phone_number=number))
        return self._session.send(
            "POST", "/api/telephony/setup", body={"organization_phone_number": number}, check=check
        ).content

    def initiate_verification(self) -> Body | None:
        """Have a code sent to the line's number by SMS."""
        return self._session.send(
            "POST", "/api/telephony/verify/initiate", check=fields({"success": bool, "message": str})
        ).content

    def confirm_verification(self, code: str) -> Body | None:
        """Give the code back; a wrong one is a 200 with `success: false`, and so a failure."""
        return self._session.send(
            "POST",
            "/api/telephony/verify/confirm",
            body={"verification_code": code},
            check=fields({"success": bool, "message": str}),
        ).content
