"""The form fields of a voice webhook and of the callbacks that tell of a call's progress."""

from __future__ import annotations

from urllib.parse import quote

Fields = list[tuple[str, str]]

# Enough of the numbering plans for the numbers that a lab calls from; any other country stays empty, as Twilio may.
_COUNTRIES = (("+1", "US"), ("+44", "GB"), ("+49", "DE"), ("+33", "FR"), ("+61", "AU"))
SIP_STATUS = {"completed": "200", "busy": "486", "no-answer": "487", "canceled": "487", "failed": "404"}


def voice_fields(account_sid: str, call_sid: str, caller: str, called: str, status: str, direction: str) -> Fields:
    """Give the fields that every voice webhook has. Geographic ones are present, mostly empty.

    Source: Twilio's "TwiML for Programmable Voice" (request parameters) and a published capture of an inbound request.
    """
    fields = [
        ("AccountSid", account_sid),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", call_sid),
        ("CallStatus", status),
        ("Called", called),
        ("Caller", caller),
        ("Direction", direction),
        ("From", caller),
        ("To", called),
    ]
    for party, number in (("Called", called), ("Caller", caller), ("From", caller), ("To", called)):
        country = next((iso for prefix, iso in _COUNTRIES if number.startswith(prefix)), "")
        fields += [(f"{party}City", ""), (f"{party}Country", country), (f"{party}State", ""), (f"{party}Zip", "")]
    return fields


def inbound_fields(token: str) -> Fields:
    """Give what only the first request of an inbound call has: `token` stands for the caller's identity passport."""
    return [
        ("CallToken", quote(f'{{"parentCallInfoToken":"{token}","identityHeaderTokens":[]}}')),
        ("StirVerstat", "TN-Validation-Passed-A"),
    ]


def progress_fields(timestamp: str, sequence: int) -> Fields:
    """Give what every status callback has beside the voice fields; `timestamp` is RFC 2822."""
    return [
        ("Timestamp", timestamp),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
    ]


def final_fields(status: str, seconds: int) -> Fields:
    """Give what the callback at a call's end has beside the fields of every one."""
    fields = [("CallDuration", str(seconds)), ("SipResponseCode", SIP_STATUS[status])]
    if status == "completed":
        fields.append(("Duration", str(-(-seconds // 60))))
    return fields
