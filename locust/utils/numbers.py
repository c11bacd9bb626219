"""The Twilio double before a run: its callers' scripts, and which webhook a number's calls go to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

from utils.plain_http import MALFORMED, SetupError, new_session, reason

WEBHOOK = "/api/telephony/webhook/"
TIMEOUT_S = 10.0


class NumberInventory:
    """Twilio's own REST for incoming phone numbers, spoken to the double, and its list of scripts."""

    def __init__(self, twilio_url: str, account_sid: str, auth_token: str) -> None:
        """Take the double's origin and the credentials that it accepts."""
        self._url = twilio_url
        self._numbers = f"{twilio_url}/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers"
        self._session = new_session()
        self._session.auth = (account_sid, auth_token)

    def check(self) -> None:
        """Raise SetupError with what to do when the double is not there or refuses the credentials."""
        response = self._send("GET", self._numbers + ".json")
        if response.status_code in (401, 403):
            raise SetupError(
                f"The Twilio double at {self._url} refuses the credentials:"
                " give it and the suite the same TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
            )
        if response.status_code != 200:
            raise SetupError(
                f"{self._url} answers, but is no Twilio double (its number list gives {response.status_code}):"
                " set LAB_TWILIO_URL to one."
            )

    def check_script(self, name: str) -> None:
        """Raise SetupError with the names that there are when the double has no script or mix of this name."""
        response = self._send("GET", f"{self._url}/__lab/scripts")
        try:
            offered = response.json()["scripts"] if response.ok else [name]
        except (*MALFORMED, ValueError):
            offered = [name]  # it lists none: a call with a name that it does not know says so
        if name not in offered:
            raise SetupError(
                f"LAB_CALLER_SCRIPT holds {name!r}, but takes one of the scripts of the Twilio double at {self._url}:"
                f" {', '.join(map(str, offered))}."
            )

    def register(self, number: str, base_url: str, name: str) -> str:
        """Send a number's calls to the target's webhooks; give the number's sid."""
        response = self._send(
            "POST",
            self._numbers + ".json",
            {
                "PhoneNumber": number,
                "FriendlyName": name,
                "VoiceUrl": base_url + WEBHOOK + "incoming-call",
                "VoiceMethod": "POST",
                "StatusCallback": base_url + WEBHOOK + "call-status",
                "StatusCallbackMethod": "POST",
            },
        )
        sid = response.json().get("sid") if response.ok else None
        if not isinstance(sid, str):
            raise SetupError(f"The Twilio double would not register {number}: it answered {response.status_code}.")
        return sid

    def named(self, name: str) -> tuple[str, str]:
        """Sid and number of the one that was registered under a name; two empty texts when there is none."""
        response = self._send("GET", f"{self._numbers}.json?FriendlyName={quote(name)}")
        listed: list[dict[str, str]] = response.json().get("incoming_phone_numbers", []) if response.ok else []
        found: dict[str, str] = next((item for item in listed if item.get("friendly_name") == name), {})
        return found.get("sid", ""), found.get("phone_number", "")

    def remove(self, sid: str, within_s: float = TIMEOUT_S) -> bool:
        """Delete a number; False when it is still there."""
        answer = self._send("DELETE", f"{self._numbers}/{sid}.json", within_s=min(TIMEOUT_S, within_s))
        return answer.status_code in (204, 404)

    def _send(
        self, method: str, url: str, form: dict[str, Any] | None = None, within_s: float = TIMEOUT_S
    ) -> requests.Response:
        try:
            return self._session.request(method, url, data=form, timeout=within_s)
        except requests.RequestException as error:
            raise SetupError(
                f"The Twilio double at {self._url} does not answer ({reason(error)}): start it, set LAB_TWILIO_URL,"
                " or set SIMULATE_EXTERNAL_SERVICES=false for a run without calls."
            ) from error
