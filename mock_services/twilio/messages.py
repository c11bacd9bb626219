"""The text messages of the account, bounded, and as Twilio shows them over REST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mock_services.twilio.models import API_VERSION, date, new_sid

FINAL_STATUSES = frozenset({"delivered", "canceled"})
PRICE_USD = 0.0079  # of one segment
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")  # each takes two places


def segments(body: str) -> int:
    """Count the SMS that a text is sent in: 160 GSM-7 places or 70 UCS-2 units, in parts 153 or 67 (3GPP TS 23.038)."""
    if set(body) <= _GSM | _GSM_EXTENDED:
        places, whole, part = len(body) + sum(letter in _GSM_EXTENDED for letter in body), 160, 153
    else:
        places, whole, part = len(body.encode("utf-16-be")) // 2, 70, 67
    return 1 if places <= whole else -(-places // part)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Message:
    """A message that the account sends. `status` goes from queued over sent to delivered."""

    sender: str
    recipient: str
    body: str
    status_callback: str = ""
    run_id: str = ""
    status: str = "queued"
    sid: str = field(default_factory=lambda: new_sid("SM"))
    date_created: datetime = field(default_factory=_now)
    date_updated: datetime = field(default_factory=_now)
    date_sent: datetime | None = None

    def advance(self, status: str) -> None:
        """Note how far the message has come."""
        self.status = status
        self.date_updated = _now()
        self.date_sent = self.date_sent or self.date_updated

    def cancel(self) -> None:
        """Send the message no more."""
        self.status = "canceled"
        self.date_updated = _now()

    def redact(self) -> None:
        """Forget what the message says."""
        self.body = ""
        self.date_updated = _now()

    @property
    def is_over(self) -> bool:
        """Whether the message has a final status."""
        return self.status in FINAL_STATUSES

    def resource(self, account_sid: str) -> dict[str, Any]:
        """Give the message as Twilio's Message resource."""
        uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{self.sid}"
        parts = segments(self.body)
        return {
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": date(self.date_created),
            "date_sent": date(self.date_sent),
            "date_updated": date(self.date_updated),
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(parts),
            "price": f"{-PRICE_USD * parts:.5f}" if self.date_sent else None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.recipient,
            "uri": f"{uri}.json",
        }


class MessageLog:
    """The newest `max_kept` messages, also found by who they went to: many people wait for theirs at once."""

    def __init__(self, max_kept: int) -> None:
        self._max_kept = max_kept
        self.by_sid: dict[str, Message] = {}
        self._by_recipient: dict[str, dict[str, Message]] = {}

    def __len__(self) -> int:
        return len(self.by_sid)

    def add(self, message: Message) -> None:
        """Keep a message, and forget the oldest if there are too many."""
        if len(self.by_sid) >= self._max_kept:
            self.remove(next(iter(self.by_sid.values())))
        self.by_sid[message.sid] = message
        self._by_recipient.setdefault(message.recipient, {})[message.sid] = message

    def newest(self, recipient: str = "") -> Iterator[Message]:
        """Go through all messages, or those to one number, the newest first, as Twilio lists them."""
        return reversed((self._by_recipient.get(recipient, {}) if recipient else self.by_sid).values())

    def clear(self) -> None:
        """Forget all messages."""
        self.by_sid.clear()
        self._by_recipient.clear()

    def remove(self, message: Message) -> None:
        """Forget a message."""
        del self.by_sid[message.sid]
        received = self._by_recipient[message.recipient]
        del received[message.sid]
        if not received:
            del self._by_recipient[message.recipient]
