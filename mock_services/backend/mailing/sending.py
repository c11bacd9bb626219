"""Sends mails: `POST /api/crm/bulk-email` and `POST /api/crm/test-email`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.schemas import InteractionType
from mock_services.backend.crm.state import Contact, Crm, Row
from mock_services.backend.errors import BadRequest, VendorFailed
from mock_services.backend.mailing.letters import CampaignLetters, fill
from mock_services.backend.mailing.schemas import BulkMail, BulkResult, TrialMail, TrialMailSent
from mock_services.backend.mailing.state import Mailing, Recipient
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.backend.vendors.mail import ACCEPTED, Mail, Mailer, MailRefused
from mock_services.core.operations import Exchange, Operation, json_response

log = logging.getLogger(__name__)

LONGEST_SUBJECT = 255
FILLED = ("business_name", "contact_name", "contact_email", "contact_role", "phone", "city", "state")
TEST_TEXTS = {
    "simple": "This mail shows that {{organization_name}} can send mails.",
    "template": "Dear {{user_name}}, this mail was written from a template of {{organization_name}}.",
}


class Sending:
    """The endpoints that send. Mails go one after the other, each its own request to the vendor."""

    def __init__(self, mailing: Mailing, crm: Crm, access: Access, mailer: Mailer, letters: CampaignLetters) -> None:
        self._mailing = mailing
        self._crm = crm
        self._access = access
        self._mailer = mailer
        self._letters = letters

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("mail", "/api/crm", self._access.token)
        return (
            area("POST", "/bulk-email", self.send_to_many, body=BulkMail, gives=BulkResult, refuses=(400, 404)),
            area("POST", "/test-email", self.try_out, body=TrialMail, gives=TrialMailSent),
        )

    async def send_to_many(self, exchange: Exchange) -> Response:
        """Mail a template to contacts. The answer is the same whether all mails were taken or none."""
        user: User = exchange.principal
        given: BulkMail = exchange.body
        template = dict(self._mailing.template(user.tenant.id, given.template_id))
        contacts = self._readers(user, given)
        readers = [(contact.row["id"], contact.row["contact_email"]) for contact in contacts]
        campaign = self._mailing.add_campaign(template, readers)
        run_id = exchange.run_id
        for contact, recipient in zip(contacts, campaign.recipients, strict=True):
            values = _values(user, contact.row, given.template_variables)
            name = contact.row["contact_name"] or ""
            mail = self._letters.write(template, recipient, values, user.tenant.name, name)
            recipient.settle(await self._send(mail, run_id))
            if recipient.error is None:
                self._note(user, recipient, mail)
        campaign.settle()
        failed = [each for each in campaign.recipients if each.error is not None]
        return json_response(
            {
                "total_recipients": len(campaign.recipients),
                "successful_sends": len(campaign.recipients) - len(failed),
                "failed_sends": len(failed),
                "errors": [
                    {"contact_id": each.contact_id, "contact_email": each.email_address, "error": each.error}
                    for each in failed
                ],
                "email_ids": [each.id for each in campaign.recipients if each.error is None],
            }
        )

    async def try_out(self, exchange: Exchange) -> Response:
        """Send one mail to see whether the vendor takes it."""
        user: User = exchange.principal
        given: TrialMail = exchange.body
        text = fill(TEST_TEXTS.get(given.test_type, TEST_TEXTS["simple"]), _values(user, {}, {}))
        mail = Mail(
            to=given.to_email,
            subject=f"A test from {' '.join(user.tenant.name.split())}",
            text=text,
            html=f"<html><body><p>{fill(text, {}, html=True)}</p></body></html>",
            sender_name=user.tenant.name,
        )
        try:
            message_id = await self._mailer.send(mail, exchange.run_id)
        except MailRefused as refusal:
            raise VendorFailed(str(refusal)) from refusal
        return json_response(
            {
                "success": True,
                "message": f"Test email sent to {given.to_email}",
                "status_code": ACCEPTED,
                "message_id": message_id,
                "test_type": given.test_type,
            }
        )

    def _readers(self, user: User, given: BulkMail) -> list[Contact]:
        """Give the contacts that a mail can go to: known, with an e-mail, and not unsubscribed."""
        known = self._crm.of(user.tenant.id).contacts
        found = (known[contact_id] for contact_id in dict.fromkeys(given.contact_ids) if contact_id in known)
        readers = [each for each in found if each.row["contact_email"] and not each.row["is_unsubscribed"]]
        if not readers:
            raise BadRequest("none of the contacts has an e-mail and wants mails")
        return readers

    async def _send(self, mail: Mail, run_id: str) -> str | None:
        """Send a mail; give the error that it failed with."""
        try:
            await self._mailer.send(mail, run_id)
        except MailRefused as refusal:
            log.warning("a mail of a campaign was not sent: %s", refusal)
            return str(refusal)
        return None

    def _note(self, user: User, recipient: Recipient, mail: Mail) -> None:
        """Note the mail among its reader's interactions, unless they were deleted while it was sent."""
        if recipient.contact_id not in self._crm.of(user.tenant.id).contacts:
            return
        values: Row = {
            "contact_id": recipient.contact_id,
            "interaction_type": InteractionType.EMAIL,
            "content": mail.text,
            "interaction_date": now(),
            "subject": mail.subject[:LONGEST_SUBJECT],
            "interaction_metadata": {"campaign_id": str(recipient.campaign_id), "recipient_id": str(recipient.id)},
        }
        self._crm.add_interaction(user.tenant.id, user.id, user.name, values)


def _values(user: User, contact: Row, given: dict[str, Any]) -> dict[str, Any]:
    """Give what placeholders stand for; what the request gives comes first."""
    known = {name: contact.get(name) for name in FILLED}
    return {**known, "organization_name": user.tenant.name, "user_name": user.name, **given}
