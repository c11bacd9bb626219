"""Templates and mails to many contacts at once, as one virtual user sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clients import checks
from clients.checks import both, every, fields, identified, same
from clients.session import Body, Session

TEMPLATE: dict[str, checks.Kind] = {"id": str, "name": str, "subject": str, "html_content": str}
SENT: dict[str, checks.Kind] = {"total_recipients": int, "successful_sends": int, "failed_sends": int}
CAMPAIGN: dict[str, checks.Kind] = {"id": str, "name": str, "status": str, "sent_count": int}


class MailingApi:
    """Mail templates, and the campaigns that are sent with them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create_template(self, template: Mapping[str, Any]) -> Body | None:
        """Keep a template; what was sent must come back."""
        check = both(fields(TEMPLATE), identified, same(**template))
        return self._session.send("POST", "/api/crm/email-templates", body=dict(template), check=check).content

    def send(self, template_id: str, contact_ids: Sequence[str]) -> Body | None:
        """Mail contacts. The platform answers 200 also when no mail went out: each must."""
        body = {"template_id": template_id, "contact_ids": list(contact_ids)}
        count = len(contact_ids)
        check = both(fields(SENT), same(total_recipients=count, successful_sends=count, failed_sends=0))
        return self._session.send("POST", "/api/crm/bulk-email", body=body, check=check).content

    def delete_template(self, template_id: str) -> bool:
        """Delete a template; the campaigns that it was used for stay."""
        return self._session.send(
            "DELETE",
            f"/api/crm/email-templates/{template_id}",
            name="/api/crm/email-templates/{id}",
            check=fields({"message": str}),
        ).ok

    def campaigns(self, limit: int = 10) -> Body | None:
        """The newest mails to many, in numbers."""
        check = both(
            fields({"campaigns": list, "total": int}),
            same(limit=limit),
            lambda body: every(body["campaigns"], fields(CAMPAIGN)),
        )
        params = {"skip": 0, "limit": limit}
        return self._session.send("GET", "/api/crm/email-campaigns", params=params, check=check).content
