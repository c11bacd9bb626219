"""Twilio's REST API as the platform calls it: text messages, and phone numbers to find, to list and to buy."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from mock_services.backend.defects import Defect, Defects
from mock_services.backend.vendors.connection import Connection, Unreachable
from mock_services.core.reckoning import Reckoning

API_VERSION = "2010-04-01"
SHOWN_OF_A_REFUSAL = 200
MAX_PAGES = 100  # of a list; a list that goes on for ever ends here
REFUSED_ITSELF = frozenset({401, 403, 408, 429})  # the request was good, and yet not taken

Resource = dict[str, Any]


class TwilioFailed(Exception):
    """Twilio did not do what it was asked; `blames_request` says that another request might do better.

    `refused` says that Twilio told so: without an answer, or with a 5xx, it may have done it all the same.
    """

    def __init__(self, sentence: str, *, blames_request: bool = False, refused: bool = False) -> None:
        super().__init__(sentence)
        self.blames_request = blames_request
        self.refused = refused


class TwilioRest:
    """One account's resources, over connections that it keeps."""

    def __init__(
        self,
        url: str,
        account_sid: str,
        auth_token: str,
        timeout_s: float,
        reckoning: Reckoning | None = None,
        defects: Defects = frozenset(),
    ) -> None:
        credentials = b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._twilio = Connection("Twilio", url, {"Authorization": f"Basic {credentials}"}, timeout_s)
        self._account = f"/{API_VERSION}/Accounts/{account_sid}"
        self._reckoning = reckoning or Reckoning()
        self._defects = defects

    async def send_message(self, *, to: str, sender: str, body: str, run_id: str = "") -> str:
        """Send a text message and give its SID; raise `TwilioFailed`."""
        if Defect.SMS_NOT_SENT in self._defects:
            self._reckoning.note(run_id, "sms")
            return ""
        form = {"To": to, "From": sender, "Body": body}
        try:
            message = await self._ask("POST", f"{self._account}/Messages.json", run_id, data=form)
        except TwilioFailed as failure:
            if not failure.refused:
                self._reckoning.note(run_id, "sms", certain=False)
            raise
        sid = str(message.get("sid", ""))
        self._reckoning.note(run_id, "sms", sid)
        return sid

    async def available_numbers(
        self, *, country: str, kind: str, area_code: str | None, limit: int, run_id: str = ""
    ) -> list[Resource]:
        """Find numbers of a `kind` (`Local`, `TollFree`) that can be bought; raise `TwilioFailed`."""
        query = {"PageSize": str(limit)} | ({"AreaCode": area_code} if area_code else {})
        path = f"{self._account}/AvailablePhoneNumbers/{country}/{kind}.json"
        return _listed(await self._ask("GET", path, run_id, params=query), "available_phone_numbers")[:limit]

    async def owned_numbers(self, run_id: str = "") -> list[Resource]:
        """List the account's numbers, page by page; raise `TwilioFailed`."""
        numbers: list[Resource] = []
        path: Any = f"{self._account}/IncomingPhoneNumbers.json?PageSize=1000"
        for _ in range(MAX_PAGES):
            page = await self._ask("GET", path, run_id)
            numbers += _listed(page, "incoming_phone_numbers")
            path = page.get("next_page_uri")
            if not isinstance(path, str) or not path.startswith("/"):
                break
        return numbers

    async def buy_number(self, number: str, *, voice_url: str, status_callback: str, run_id: str = "") -> Resource:
        """Buy a number whose calls and their statuses are posted to these URLs; raise `TwilioFailed`."""
        form = {
            "PhoneNumber": number,
            "VoiceUrl": voice_url,
            "VoiceMethod": "POST",
            "StatusCallback": status_callback,
            "StatusCallbackMethod": "POST",
        }
        return await self._ask("POST", f"{self._account}/IncomingPhoneNumbers.json", run_id, data=form)

    async def close(self) -> None:
        """End the kept connections."""
        await self._twilio.close()

    async def _ask(self, method: str, path: str, run_id: str, **content: Any) -> Resource:
        try:
            answer = await self._twilio.request(method, path, run_id=run_id, **content)
        except Unreachable as failure:
            raise TwilioFailed(str(failure)) from failure
        shown = answer.text[:SHOWN_OF_A_REFUSAL]
        if not answer.is_success:
            blamed = answer.is_client_error and answer.status_code not in REFUSED_ITSELF
            sentence = f"Twilio answered {answer.status_code}: {shown}"
            raise TwilioFailed(sentence, blames_request=blamed, refused=not answer.is_server_error)
        try:
            resource = answer.json()
        except ValueError:
            resource = None
        if not isinstance(resource, dict):
            raise TwilioFailed(f"Twilio's answer is no JSON object: {shown}")
        return resource


def _listed(content: Resource, key: str) -> list[Resource]:
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise TwilioFailed(f"Twilio's list has no {key}")
    return found
