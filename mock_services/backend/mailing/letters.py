"""Writes the mails of a campaign: placeholders filled in, links that count, and a way to get no more of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from mock_services.backend.crm.state import Row
from mock_services.backend.mailing.state import Recipient
from mock_services.backend.vendors.mail import Mail

PLACEHOLDER = re.compile(r"{{\s*(\w+)\s*}}")
LINK = re.compile(r'href="(https?://[^"]*)"')
TAG = re.compile(r"<[^<>]*>")


def placeholders(text: str) -> list[str]:
    """Give the names of a text's placeholders, each once, in their order."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def fill(text: str, values: Mapping[str, Any], *, html: bool = False) -> str:
    """Put values in the place of their placeholders, escaped in HTML; a placeholder without a value stays."""

    def value(found: re.Match[str]) -> str:
        given = values.get(found[1])
        if given is None:
            return found[0]
        return escape(str(given)) if html else str(given)

    return PLACEHOLDER.sub(value, text)


class CampaignLetters:
    """Writes mails whose links lead to `frontend`, the origin of the platform's pages."""

    def __init__(self, frontend: str) -> None:
        self._crm = f"{frontend.rstrip('/')}/api/crm"

    def write(self, template: Row, recipient: Recipient, values: Mapping[str, Any], sender: str, name: str) -> Mail:
        """Write a recipient's mail: links are counted on their way, and a picture tells when it is opened."""
        unsubscribe = f"{self._crm}/unsubscribe/{recipient.contact_id}"
        click = f"{self._crm}/email-tracking/click/{recipient.tracking_id}?url="
        html = fill(template["html_content"], values, html=True)
        plain = fill(template["text_content"], values) if template["text_content"] else unescape(TAG.sub(" ", html))
        tracked = LINK.sub(lambda link: f'href="{click}{quote(unescape(link[1]), safe="")}"', html)
        return Mail(
            to=recipient.email_address,
            to_name=name or None,
            sender_name=sender,
            subject=" ".join(fill(template["subject"], values).split()),
            text=f"{plain.strip()}\n\nNo more mails: {unsubscribe}",
            html=f'{tracked}<p><a href="{unsubscribe}">No more mails</a></p>'
            f'<img src="{self._crm}/email-tracking/open/{recipient.tracking_id}" width="1" height="1" alt="">',
        )
