"""Reads the SMS that the target sent, as the person does whose number it went to: from the Twilio double."""

from __future__ import annotations

import re

import gevent
import requests

from utils.plain_http import new_session

SMS = "the Twilio double's messages"
"""The name under which the capability check knows them."""
TIMEOUT_S = 5.0
LOOK_EVERY_S = 0.25
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class UnansweredError(Exception):
    """The Twilio double did not answer, or not as it does: what it was asked is not known."""


class Inbox:
    """The messages of one Twilio account, over Twilio's own REST; not in the statistics."""

    def __init__(self, twilio_url: str, account_sid: str, auth_token: str) -> None:
        """Take the double's origin and the credentials that it accepts."""
        self._url = f"{twilio_url}/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._session = new_session()
        self._session.auth = (account_sid, auth_token)

    def available(self) -> bool:
        """Tell whether the double lists messages at all."""
        try:
            response = self._session.get(self._url, params={"PageSize": "1"}, timeout=TIMEOUT_S)
            return response.ok and isinstance(response.json().get("messages"), list)
        except (requests.RequestException, ValueError, AttributeError):
            return False

    def newest_code(self, number: str) -> str | None:
        """The six digits in the newest message to a number; None without one. Raises `UnansweredError`."""
        try:
            response = self._session.get(self._url, params={"To": number, "PageSize": "1"}, timeout=TIMEOUT_S)
            response.raise_for_status()
            messages = response.json()["messages"]
            found = CODE.search(messages[0]["body"]) if messages else None
        except (requests.RequestException, ValueError, KeyError, TypeError) as failure:
            raise UnansweredError(str(failure)) from failure
        return found.group() if found else None

    def wait_for_code(self, number: str, within_s: float) -> str | None:
        """The code, as soon as it has come; None when it does not within this time.

        Raises `UnansweredError` when it has not been seen and the double did not answer every look: the code may have
        come, and gone with a double that ended.
        """
        unanswered: UnansweredError | None = None
        with gevent.Timeout(within_s, False):  # type: ignore[no-untyped-call]
            while True:
                try:
                    code = self.newest_code(number)
                except UnansweredError as failure:
                    unanswered, code = failure, None
                if code is not None:
                    return code
                gevent.sleep(LOOK_EVERY_S)  # type: ignore[no-untyped-call]
        if unanswered is not None:
            raise unanswered
        return None
