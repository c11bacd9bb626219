"""The platform's own defects, each a switch: off by default, named in `BACKEND_DEFECTS` by whoever wants to see them.

With its switch off, the same request is answered sensibly. Each area looks at the switches that are its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel

from mock_services.core.operations import InvalidRequest, ServiceError


class Defect(StrEnum):
    """A defect by its name; `description` says what the platform does with it."""

    description: str

    def __new__(cls, name: str, description: str) -> Self:
        """Make a member that is its name and knows its description."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.description = description
        return member

    CRM_POISON_CONTACT = (
        "crm-poison-contact",
        "a contact with a date, a veteran status or a payment plan is stored, and every answer that holds it is 500",
    )
    CRM_IMPORT_TYPED_COLUMNS = (
        "crm-import-typed-columns",
        "a line of an import with a date, a number or a yes or no fails with what the database says of it",
    )
    CRM_UNKNOWN_ID = (
        "crm-unknown-id",
        "an unknown campaign, recipient or contact is 500 instead of 404 in analytics, unsubscribe and resubscribe",
    )
    NULL_IN_REQUIRED_FIELD = (
        "null-in-required-field",
        "null for a field of a contact or an event that needs a value is 500 instead of 422",
    )
    ADMIN_ANY_TENANT = (
        "admin-any-tenant",
        "an admin changes users of any tenant through /api/admin/users, and may make anyone a super_admin",
    )
    CALENDAR_CONTACT_EVENT = (
        "calendar-contact-event",
        "an event with a contact is stored, every answer that holds it is 500, and its contact cannot be deleted",
    )
    CALENDAR_ATTENDEE_WITHOUT_ID = (
        "calendar-attendee-without-id",
        "an attendee without the id that its type needs is stored, answered with 500, and spoils its event's list",
    )
    CALENDAR_MIXED_TIMES = (
        "calendar-mixed-times",
        "an event with one time that has an offset and one that has none is 500",
    )
    CALENDAR_UNKNOWN_USER = (
        "calendar-unknown-user",
        "an event for a user that the tenant does not have is 500 instead of 400",
    )
    TELEPHONY_CONFIG_UPDATE = (
        "telephony-config-update",
        "every change of an organisation's telephony configuration is 500, and nothing changes",
    )
    TELEPHONY_TWO_ATTEMPTS = (
        "telephony-two-attempts",
        "a second code does not take the place of the first, and while both are good, confirming either is 500",
    )
    TELEPHONY_SIMULATED_CALL = (
        "telephony-simulated-call",
        "a simulated call that the organisation cannot take is 500 instead of 400",
    )
    TELEPHONY_NUMBERS = (
        "telephony-numbers",
        "to find, to list and to buy numbers is always 500: found without asking Twilio, bought all the same",
    )
    AGENT_TALKS_ON = (
        "agent-talks-on",
        "when a caller interrupts the agent, all that it has sent is still played: Twilio is sent no clear",
    )
    CONVERSATION_SOCKET_FALLS_SILENT = (
        "conversation-socket-falls-silent",
        "a conversation socket gets no more messages of others 300 s after it connected, but stays open",
    )
    CONVERSATION_SOCKET_OPEN_TO_ALL = (
        "conversation-socket-open-to-all",
        "any user may join any conversation's sockets, of any tenant, also one that does not exist",
    )
    SECURE_SOCKET_MUTE = (
        "secure-socket-mute",
        "the secure conversation socket answers every message, also a ping, with an error",
    )
    SECURE_SOCKET_CLEAN_UP = (
        "secure-socket-clean-up",
        "the clean-up of secure conversation sockets crashes: after 10 conversations a user may join none any more",
    )
    STT_ONE_TRANSCRIPTION = (
        "stt-one-transcription",
        "a streaming-stt socket hears nothing any more once a transcription on it was stopped",
    )
    ISSUES_UNRECOGNISED = (
        "issues-unrecognised",
        "whoever calls the issues is never recognised: every issue is anonymous, and every change of one is 500",
    )
    SMS_NOT_SENT = (
        "sms-not-sent",
        "a text message counts as sent without Twilio being asked (the lab's own: reconciliation must name it)",
    )
    MAIL_SENT_TWICE = (
        "mail-sent-twice",
        "SendGrid is given every mail twice (the lab's own: reconciliation must name it)",
    )


Defects = frozenset[Defect]


class DefectShown(ServiceError):
    """500, as the platform words an exception that it did not foresee."""

    status = 500

    def __init__(self, defect: Defect, reason: str) -> None:
        super().__init__(f"{defect}: {reason}")

    def body(self) -> dict[str, Any]:
        """Give the body of the platform's last resort."""
        return {"detail": "Internal server error", "type": "internal_error"}


def read_defects(given: object) -> object:
    """Read a comma list of names; raise `ValueError` for a name that is none."""
    if not isinstance(given, str):
        return given
    known = {str(defect): defect for defect in Defect}
    names = [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no defect; it takes a comma list of {', '.join(known)}")
    return frozenset(known[name] for name in names)


def refuse_null(given: BaseModel, names: Iterable[str], defects: Defects) -> None:
    """Refuse null for fields that may be left out but not be emptied: 422, or 500 where that defect is on."""
    for name in names:
        if name in given.model_fields_set and getattr(given, name) is None:
            if Defect.NULL_IN_REQUIRED_FIELD in defects:
                raise DefectShown(Defect.NULL_IN_REQUIRED_FIELD, f"{name} is null")
            raise InvalidRequest(
                [{"loc": ("body", name), "type": "value_error", "msg": f"{name} may be left out, but not be null"}]
            )
