"""Mail through SendGrid's API: `POST /v3/mail/send`, as the platform sends it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import httpx

ACCEPTED = 202
RUN_HEADER = "x-lab-run-id"
SHOWN_OF_A_REFUSAL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one person. `sender_name` stands beside the address that all mails come from."""

    to: str
    subject: str
    text: str
    html: str
    sender_name: str
    to_name: str | None = None


class MailRefused(Exception):
    """A mail that SendGrid did not take; the reason is one sentence."""


class Mailer:
    """Sends mails over kept connections, which the first mail opens and `close` ends."""

    def __init__(self, url: str, key: str, sender: str, timeout_s: float) -> None:
        self._url = f"{url.rstrip('/')}/v3/mail/send"
        self._key = key
        self._sender = sender
        self._timeout_s = timeout_s

    async def send(self, mail: Mail, run_id: str = "") -> str:
        """Send a mail and give its message id; raise `MailRefused`. `run_id` is the load run that it is sent for."""
        recipient = {"email": mail.to} | ({"name": mail.to_name} if mail.to_name else {})
        content = {
            "from": {"email": self._sender, "name": mail.sender_name},
            "subject": mail.subject,
            "personalizations": [{"to": [recipient]}],
            "content": [{"type": "text/plain", "value": mail.text}, {"type": "text/html", "value": mail.html}],
        }
        try:
            answer = await self._http.post(self._url, json=content, headers={RUN_HEADER: run_id} if run_id else None)
        except httpx.HTTPError as failure:
            reason = str(failure) or type(failure).__name__
            raise MailRefused(f"SendGrid at {self._url} cannot be reached: {reason}") from failure
        if answer.status_code != ACCEPTED:
            shown = answer.text[:SHOWN_OF_A_REFUSAL]
            raise MailRefused(f"SendGrid answered {answer.status_code} where 202 accepts a mail: {shown}")
        message_id: str = answer.headers.get("x-message-id", "")
        return message_id

    async def close(self) -> None:
        """End the kept connections, if a mail has opened any; the next mail opens new ones."""
        if "_http" in self.__dict__:
            await self._http.aclose()
            del self._http

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        # Vendors are where their setting says: no proxy of the environment stands between.
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"}, timeout=self._timeout_s, trust_env=False
        )
