"""Mail through SendGrid's API: `POST /v3/mail/send`, as the platform sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mock_services.backend.defects import Defect, Defects
from mock_services.backend.vendors.connection import Connection, Unreachable
from mock_services.core.reckoning import Reckoning

__all__ = ["Mail", "MailRefused", "Mailer"]

ACCEPTED = 202
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
    """Sends mails over connections that it keeps."""

    def __init__(
        self,
        url: str,
        key: str,
        sender: str,
        timeout_s: float,
        reckoning: Reckoning | None = None,
        defects: Defects = frozenset(),
    ) -> None:
        self._sendgrid = Connection("SendGrid", url, {"Authorization": f"Bearer {key}"}, timeout_s)
        self._sender = sender
        self._reckoning = reckoning or Reckoning()
        self._defects = defects

    async def send(self, mail: Mail, run_id: str = "") -> str:
        """Send a mail and give its message id; raise `MailRefused`. `run_id` is the load run that it is sent for."""
        recipient = {"email": mail.to} | ({"name": mail.to_name} if mail.to_name else {})
        content = {
            "from": {"email": self._sender, "name": mail.sender_name},
            "subject": mail.subject,
            "personalizations": [{"to": [recipient]}],
            "content": [{"type": "text/plain", "value": mail.text}, {"type": "text/html", "value": mail.html}],
        }
        if Defect.MAIL_SENT_TWICE in self._defects:
            await self._give(content, run_id)
        message_id = await self._give(content, run_id)
        self._reckoning.note(run_id, "mail", message_id)
        return message_id

    async def _give(self, content: dict[str, Any], run_id: str) -> str:
        try:
            answer = await self._sendgrid.request("POST", "/v3/mail/send", run_id=run_id, json=content)
        except Unreachable as failure:
            self._reckoning.note(run_id, "mail", certain=False)  # it may have been taken all the same
            raise MailRefused(str(failure)) from failure
        if answer.status_code != ACCEPTED:
            if answer.is_server_error:
                self._reckoning.note(run_id, "mail", certain=False)  # likewise
            shown = answer.text[:SHOWN_OF_A_REFUSAL]
            raise MailRefused(f"SendGrid answered {answer.status_code} where 202 accepts a mail: {shown}")
        message_id: str = answer.headers.get("x-message-id", "")
        return message_id

    async def close(self) -> None:
        """End the kept connections."""
        await self._sendgrid.close()
