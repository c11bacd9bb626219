"""The tables of templates, campaigns and their recipients, one set a tenant."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from mock_services.backend.crm.state import Row
from mock_services.backend.errors import BadRequest, ResourceNotFound
from mock_services.backend.store import Ids, Rows, now
from mock_services.core.randomness import Randomness


@dataclass(slots=True, eq=False)
class Recipient:
    """One mail of a campaign. `status` is `pending`, then `sent` or `failed`, and `error` says why it failed."""

    id: uuid.UUID
    campaign_id: uuid.UUID
    contact_id: uuid.UUID
    email_address: str
    tracking_id: str
    status: str = "pending"
    error: str | None = None
    sent_at: datetime | None = None
    opened_at: datetime | None = None
    open_count: int = 0
    clicked_at: datetime | None = None
    click_count: int = 0
    unsubscribed_at: datetime | None = None

    def settle(self, error: str | None) -> None:
        """Note that the mail was sent, or the error that it failed with."""
        self.error = error
        self.status = "sent" if error is None else "failed"
        self.sent_at = now() if error is None else None

    def open(self) -> None:
        """Count that the mail was opened."""
        self.open_count += 1
        self.opened_at = self.opened_at or now()

    def click(self) -> None:
        """Count that a link of the mail was followed."""
        self.click_count += 1
        self.clicked_at = self.clicked_at or now()


@dataclass(slots=True, eq=False)
class Campaign:
    """A mail to many. `status` is `sending`, then `sent`, or `partial` where any of its mails failed."""

    id: uuid.UUID
    name: str
    subject: str
    created_at: datetime
    status: str = "sending"
    sent_at: datetime | None = None
    recipients: list[Recipient] = field(default_factory=list)

    def settle(self) -> None:
        """Note that all mails were tried."""
        self.sent_at = now()
        self.status = "sent" if all(each.status == "sent" for each in self.recipients) else "partial"


class TenantMail:
    """One tenant's templates and campaigns, oldest first."""

    def __init__(self) -> None:
        self.templates: dict[uuid.UUID, Row] = {}
        self.campaigns: dict[uuid.UUID, Campaign] = {}
        self.recipients: dict[uuid.UUID, Recipient] = {}

    def refuse_taken_name(self, name: str, owner: Row | None = None) -> None:
        """Raise `BadRequest` if a template other than `owner` has this name."""
        if any(row["name"] == name and row is not owner for row in self.templates.values()):
            raise BadRequest(f"the tenant has a template {name!r}")


class Mailing:
    """All tenants' mail. A template, a campaign and each of its recipients count as rows of the store."""

    def __init__(self, rows: Rows, randomness: Randomness) -> None:
        self._rows = rows
        self._ids = Ids(randomness)
        self.clear()

    def clear(self) -> None:
        """Forget all mail."""
        self._tenants: dict[uuid.UUID, TenantMail] = {}
        self._tracked: dict[str, Recipient] = {}
        self._newest: dict[uuid.UUID, Recipient] = {}

    def of(self, tenant_id: uuid.UUID) -> TenantMail:
        """Give a tenant's tables."""
        tables = self._tenants.get(tenant_id)
        if tables is None:
            tables = self._tenants[tenant_id] = TenantMail()
        return tables

    def template(self, tenant_id: uuid.UUID, template_id: uuid.UUID) -> Row:
        """Find a tenant's template; raise `ResourceNotFound`."""
        row = self.of(tenant_id).templates.get(template_id)
        if row is None:
            raise ResourceNotFound(f"the tenant has no template {template_id}")
        return row

    def add_template(self, tenant_id: uuid.UUID, user_id: uuid.UUID, values: Row) -> Row:
        """Add a template; raise `BadRequest` if the tenant has one of this name."""
        tables = self.of(tenant_id)
        tables.refuse_taken_name(values["name"])
        self._rows.take()
        moment = now()
        row = {
            **values,
            "id": self._ids.new("email_templates"),
            "tenant_id": tenant_id,
            "created_by_user_id": user_id,
            "created_at": moment,
            "updated_at": moment,
        }
        tables.templates[row["id"]] = row
        return row

    def change_template(self, row: Row, values: Row) -> None:
        """Change a template; raise `BadRequest` if the tenant has another of its new name."""
        if "name" in values:
            self.of(row["tenant_id"]).refuse_taken_name(values["name"], row)
        row.update(values, updated_at=now())

    def remove_template(self, row: Row) -> None:
        """Delete a template; its campaigns stay."""
        del self.of(row["tenant_id"]).templates[row["id"]]
        self._rows.give_back()

    def add_campaign(self, template: Row, readers: list[tuple[uuid.UUID, str]]) -> Campaign:
        """Begin a campaign to `readers`, each a contact's id and e-mail."""
        self._rows.take(1 + len(readers))
        moment = now()
        identity = self._ids.new("email_campaigns")
        campaign = Campaign(identity, f"{template['name']} - {moment:%Y-%m-%d %H:%M}", template["subject"], moment)
        tables = self.of(template["tenant_id"])
        tables.campaigns[campaign.id] = campaign
        for contact_id, email in readers:
            tracking_id = self._ids.new("tracking").hex
            recipient = Recipient(self._ids.new("email_recipients"), campaign.id, contact_id, email, tracking_id)
            campaign.recipients.append(recipient)
            tables.recipients[recipient.id] = self._tracked[tracking_id] = self._newest[contact_id] = recipient
        return campaign

    def tracked(self, tracking_id: str) -> Recipient | None:
        """Find the mail in whose links a tracking id stands."""
        return self._tracked.get(tracking_id)

    def newest_to(self, contact_id: uuid.UUID) -> Recipient | None:
        """Find the newest mail to a contact."""
        return self._newest.get(contact_id)
