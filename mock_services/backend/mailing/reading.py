"""What readers of mails do: they open them, follow their links, and want no more of them, or some again."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse, RedirectResponse, Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.crm.state import Contact, Crm
from mock_services.backend.defects import Defects
from mock_services.backend.errors import ResourceNotFound
from mock_services.backend.mailing.ids import identity, unknown
from mock_services.backend.mailing.schemas import ClickQuery, ReaderPath, Resubscribed, TrackingPath, UnsubscribeQuery
from mock_services.backend.mailing.state import Mailing
from mock_services.backend.routes import Area
from mock_services.backend.store import now
from mock_services.core.operations import Exchange, Operation, json_response

PICTURE = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00"
    b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""One transparent pixel, 43 bytes."""


class Reading:
    """The endpoints behind a mail's links, which need no token, and the one that takes unsubscribing back."""

    def __init__(self, mailing: Mailing, crm: Crm, access: Access, defects: Defects) -> None:
        self._mailing = mailing
        self._crm = crm
        self._access = access
        self._defects = defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("mail", "/api/crm")
        token = area.by(self._access.token)
        click = area(
            "GET", "/email-tracking/click/{tracking_id}", self.click, path_params=TrackingPath, query=ClickQuery
        )
        reader = ReaderPath
        return (
            area("GET", "/email-tracking/open/{tracking_id}", self.open, path_params=TrackingPath),
            dataclasses.replace(click, responses={302: None, 422: click.responses[422]}),
            area(
                "GET",
                "/unsubscribe/{contact_id}",
                self.unsubscribe,
                path_params=reader,
                query=UnsubscribeQuery,
                refuses=(404,),
            ),
            token(
                "POST",
                "/resubscribe/{contact_id}",
                self.resubscribe,
                path_params=reader,
                gives=Resubscribed,
                refuses=(404,),
            ),
        )

    async def open(self, exchange: Exchange) -> Response:
        """Give the picture of a mail, whatever the id; a known mail counts as opened."""
        recipient = self._mailing.tracked(exchange.path.tracking_id)
        if recipient is not None:
            recipient.open()
        return Response(PICTURE, media_type="image/gif", headers={"cache-control": "no-store"})

    async def click(self, exchange: Exchange) -> Response:
        """Send a reader on to where a link leads, whatever the id; a known mail counts as clicked."""
        recipient = self._mailing.tracked(exchange.path.tracking_id)
        if recipient is not None:
            recipient.click()
        return RedirectResponse(exchange.query.url, 302)

    async def unsubscribe(self, exchange: Exchange) -> Response:
        """Send a contact no more mails."""
        contact = self._contact(exchange.path.contact_id)
        moment = now()
        values = {"is_unsubscribed": True, "unsubscribed_at": moment, "unsubscribe_reason": exchange.query.reason}
        self._crm.change_contact(contact.row["tenant_id"], contact, values)
        recipient = self._mailing.newest_to(contact.row["id"])
        if recipient is not None:
            recipient.unsubscribed_at = moment
        return HTMLResponse(
            "<!DOCTYPE html><html><head><title>Unsubscribed</title></head><body>"
            f"<p>{escape(contact.row['contact_email'] or 'You')} will get no more mails.</p></body></html>"
        )

    async def resubscribe(self, exchange: Exchange) -> Response:
        """Send a contact mails again."""
        contact = self._contact(exchange.path.contact_id, exchange.principal.tenant.id)
        values = {"is_unsubscribed": False, "unsubscribed_at": None, "unsubscribe_reason": None}
        self._crm.change_contact(contact.row["tenant_id"], contact, values)
        return json_response(
            {"message": "Contact resubscribed successfully", "contact_email": contact.row["contact_email"]}
        )

    def _contact(self, contact_id: str, tenant_id: uuid.UUID | None = None) -> Contact:
        """Find a contact, of one tenant if it is named."""
        try:
            contact = self._crm.contact_of_any_tenant(identity(contact_id))
        except ResourceNotFound as missing:
            raise unknown(str(missing), self._defects) from None
        if tenant_id not in (None, contact.row["tenant_id"]):
            raise unknown(f"the tenant has no contact {contact_id!r}", self._defects)
        return contact
