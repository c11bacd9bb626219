"""What the account holds: its phone numbers and its calls, bounded, and as Twilio shows them over REST."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from mock_services.twilio.errors import NumberNotAvailableError, TooManyNumbersError

API_VERSION = "2010-04-01"
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
FINAL_STATUSES = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
_NATIONAL = re.compile(r"^\+1(\d{3})(\d{3})(\d{4})$")


def new_sid(prefix: str) -> str:
    """Make a SID. It comes from the system, not from the lab's seed: a target remembers the SIDs of earlier runs."""
    return prefix + secrets.token_hex(16)


def formatted(number: str) -> str:
    """Give a North American number in its national form, and any other as it is."""
    found = _NATIONAL.match(number)
    return f"({found[1]}) {found[2]}-{found[3]}" if found else number


def date(moment: datetime | None) -> str | None:
    """Give a moment as Twilio's REST and callbacks write it (RFC 2822)."""
    return format_datetime(moment) if moment else None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Number:
    """A phone number of the account, with the webhooks that it calls."""

    phone_number: str
    friendly_name: str = ""
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    sms_url: str = ""
    sms_method: str = "POST"
    sid: str = field(default_factory=lambda: new_sid("PN"))
    date_created: datetime = field(default_factory=_now)
    date_updated: datetime = field(default_factory=_now)

    def resource(self, account_sid: str) -> dict[str, Any]:
        """Give the number as an IncomingPhoneNumber."""
        uri = f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{self.sid}"
        return {
            "account_sid": account_sid,
            "address_requirements": "none",
            "address_sid": None,
            "api_version": API_VERSION,
            "beta": False,
            "bundle_sid": None,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "identity_sid": None,
            "origin": "twilio",
            "sms_application_sid": "",
            "sms_fallback_method": "POST",
            "sms_fallback_url": "",
            "status": "in-use",
            "trunk_sid": None,
            "type": "local",
            "uri": f"{uri}.json",
            "voice_application_sid": "",
            "voice_caller_id_lookup": False,
            "voice_receive_mode": "voice",
            "subresource_uris": {"assigned_add_ons": f"{uri}/AssignedAddOns.json"},
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "friendly_name": self.friendly_name or formatted(self.phone_number),
            "date_created": date(self.date_created),
            "date_updated": date(self.date_updated),
        }

    def change(self, values: dict[str, str]) -> None:
        """Set the fields that `values` names."""
        for name, value in values.items():
            setattr(self, name, value)
        self.date_updated = _now()


@dataclass(slots=True)
class CallRecord:
    """A call as the account knows it. `status` goes from (queued and) ringing over in-progress to a final one."""

    caller: str
    called: str
    phone_number_sid: str | None
    direction: str = "inbound"
    status: str = "ringing"
    parent_call_sid: str | None = None
    answered_by: str | None = None
    queue_time_ms: int = 0
    sid: str = field(default_factory=lambda: new_sid("CA"))
    date_created: datetime = field(default_factory=_now)
    date_updated: datetime = field(default_factory=_now)
    start_time: datetime | None = None
    end_time: datetime | None = None

    def ring(self) -> None:
        """Note that the called party's telephone rings."""
        self.status = "ringing"
        self.date_updated = _now()

    def answer(self) -> None:
        """Note that the call was answered."""
        self.status = "in-progress"
        self.start_time = self.date_updated = _now()

    def end(self, status: str) -> None:
        """Note that the call is over; what has ended already is left as it is."""
        if not self.is_over:
            self.status = status
            self.end_time = self.date_updated = _now()

    @property
    def is_over(self) -> bool:
        """Whether the call has a final status."""
        return self.status in FINAL_STATUSES

    @property
    def duration(self) -> int:
        """Whole seconds from answer to end, as billed: begun ones count; 0 for a call that was not answered."""
        if self.start_time is None or self.end_time is None:
            return 0
        return max(1, round((self.end_time - self.start_time).total_seconds()))

    def resource(self, account_sid: str) -> dict[str, Any]:
        """Give the call as Twilio's Call resource."""
        uri = f"/{API_VERSION}/Accounts/{account_sid}/Calls/{self.sid}"
        return {
            "account_sid": account_sid,
            "annotation": None,
            "answered_by": self.answered_by,
            "api_version": API_VERSION,
            "caller_name": "",
            "date_created": date(self.date_created),
            "date_updated": date(self.date_updated),
            "direction": self.direction,
            "duration": str(self.duration) if self.end_time else None,
            "end_time": date(self.end_time),
            "forwarded_from": None,
            "from": self.caller,
            "from_formatted": formatted(self.caller),
            "group_sid": None,
            "parent_call_sid": self.parent_call_sid,
            "phone_number_sid": self.phone_number_sid,
            "price": None,
            "price_unit": "USD",
            "queue_time": str(self.queue_time_ms),
            "sid": self.sid,
            "start_time": date(self.start_time),
            "status": self.status,
            "subresource_uris": {
                name: f"{uri}/{path}.json"
                for name, path in (
                    ("notifications", "Notifications"),
                    ("recordings", "Recordings"),
                    ("payments", "Payments"),
                    ("events", "Events"),
                    ("siprec", "Siprec"),
                    ("streams", "Streams"),
                    ("transcriptions", "Transcriptions"),
                    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
                    ("user_defined_messages", "UserDefinedMessages"),
                )
            },
            "to": self.called,
            "to_formatted": formatted(self.called),
            "trunk_sid": "",
            "uri": f"{uri}.json",
        }


class Account:
    """The one account of the double. Numbers are found by SID and by themselves; of ended calls the newest are kept."""

    def __init__(self, sid: str, max_numbers: int, max_calls_kept: int) -> None:
        self.sid = sid
        self.numbers: dict[str, Number] = {}
        self.calls: dict[str, CallRecord] = {}
        self._by_phone: dict[str, Number] = {}
        self._max_numbers = max_numbers
        self._max_calls = max_calls_kept

    def buy(self, number: Number) -> None:
        """Add `number`; raise `TwilioError` if it is taken already or the account is full."""
        if number.phone_number in self._by_phone:
            raise NumberNotAvailableError(f"{number.phone_number} is not available: it is owned already")
        if len(self.numbers) >= self._max_numbers:
            raise TooManyNumbersError(
                f"the account holds {self._max_numbers} numbers; TWILIO_MAX_NUMBERS allows no more"
            )
        self.numbers[number.sid] = number
        self._by_phone[number.phone_number] = number

    def release(self, number: Number) -> None:
        """Give `number` back."""
        del self.numbers[number.sid]
        del self._by_phone[number.phone_number]

    def number(self, phone_number: str) -> Number | None:
        """Find a number by its digits."""
        return self._by_phone.get(phone_number)

    def add_call(self, call: CallRecord) -> None:
        """List a call, and forget the oldest ended one if there are too many."""
        if len(self.calls) >= self._max_calls:
            ended = next((sid for sid, each in self.calls.items() if each.status in FINAL_STATUSES), None)
            if ended is not None:
                del self.calls[ended]
        self.calls[call.sid] = call

    def forget_call(self, call: CallRecord) -> None:
        """Remove a call from the list."""
        del self.calls[call.sid]

    def newest_calls(self) -> Iterator[CallRecord]:
        """Go through the calls, the newest first, as Twilio lists them."""
        return reversed(self.calls.values())

    def clear(self) -> None:
        """Forget all numbers and all ended calls."""
        self.numbers.clear()
        self._by_phone.clear()
        self.calls = {sid: call for sid, call in self.calls.items() if call.status not in FINAL_STATUSES}
