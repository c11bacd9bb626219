"""Campaigns in numbers: `/api/crm/email-campaigns` and `/api/crm/email-recipients`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.defects import Defects
from mock_services.backend.mailing.ids import identity, unknown
from mock_services.backend.mailing.schemas import (
    CampaignAnalytics,
    CampaignPage,
    CampaignPath,
    CampaignQuery,
    RecipientPath,
    RecipientView,
)
from mock_services.backend.mailing.state import Campaign, Mailing, Recipient
from mock_services.backend.routes import Area
from mock_services.core.operations import Exchange, Operation, json_response


class Campaigns:
    """The endpoints that count. Any valid token of the tenant will do."""

    def __init__(self, mailing: Mailing, access: Access, defects: Defects) -> None:
        self._mailing = mailing
        self._access = access
        self._defects = defects

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("mail", "/api/crm", self._access.token)
        return (
            area("GET", "/email-campaigns", self.list, query=CampaignQuery, gives=CampaignPage),
            area(
                "GET",
                "/email-campaigns/{campaign_id}/analytics",
                self.campaign,
                path_params=CampaignPath,
                gives=CampaignAnalytics,
                refuses=(404,),
            ),
            area(
                "GET",
                "/email-recipients/{recipient_id}/analytics",
                self.recipient,
                path_params=RecipientPath,
                gives=RecipientView,
                refuses=(404,),
            ),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List campaigns, newest first."""
        query: CampaignQuery = exchange.query
        campaigns = self._mailing.of(exchange.principal.tenant.id).campaigns
        start = min(query.skip, len(campaigns))
        shown = islice(reversed(campaigns.values()), start, start + query.limit)
        return json_response(
            {
                "campaigns": [_campaign_view(each) for each in shown],
                "total": len(campaigns),
                "skip": query.skip,
                "limit": query.limit,
            }
        )

    async def campaign(self, exchange: Exchange) -> Response:
        """Show a campaign and each of its mails."""
        campaigns = self._mailing.of(exchange.principal.tenant.id).campaigns
        campaign = campaigns.get(identity(exchange.path.campaign_id))
        if campaign is None:
            raise unknown(f"the tenant has no campaign {exchange.path.campaign_id!r}", self._defects)
        recipients = [_recipient_view(each) for each in campaign.recipients]
        return json_response({"campaign": _campaign_view(campaign), "recipients": recipients})

    async def recipient(self, exchange: Exchange) -> Response:
        """Show one mail of a campaign."""
        recipients = self._mailing.of(exchange.principal.tenant.id).recipients
        recipient = recipients.get(identity(exchange.path.recipient_id))
        if recipient is None:
            raise unknown(f"the tenant has sent no mail {exchange.path.recipient_id!r}", self._defects)
        return json_response(_recipient_view(recipient))


def _campaign_view(campaign: Campaign) -> dict[str, Any]:
    recipients = campaign.recipients
    sent = sum(each.status == "sent" for each in recipients)
    opened = sum(each.open_count > 0 for each in recipients)
    clicked = sum(each.click_count > 0 for each in recipients)
    return {
        "id": campaign.id,
        "name": campaign.name,
        "subject": campaign.subject,
        "status": campaign.status,
        "recipient_count": len(recipients),
        "sent_count": sent,
        "opened_count": opened,
        "clicked_count": clicked,
        "bounced_count": 0,
        "unsubscribed_count": sum(each.unsubscribed_at is not None for each in recipients),
        "created_at": campaign.created_at,
        "sent_at": campaign.sent_at,
        "open_rate": _per_cent(opened, sent),
        "click_rate": _per_cent(clicked, sent),
    }


def _per_cent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _recipient_view(recipient: Recipient) -> dict[str, Any]:
    return {name: getattr(recipient, name) for name in RecipientView.model_fields}
