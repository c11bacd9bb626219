"""What makes a mail one that SendGrid sends: the rules of `POST /v3/mail/send`, without input or output.

Source of rules and wording: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors, and answers of the
service that its users quoted.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

MOST_PERSONALIZATIONS: Final = 1_000
MOST_RECIPIENTS: Final = 1_000
MOST_CATEGORIES: Final = 10
LONGEST_CATEGORY: Final = 255
CUSTOM_ARGS_BYTES: Final = 50_000
SCHEDULE_S: Final = 72 * 3_600
RESERVED_HEADERS: Final = frozenset(
    {
        "bcc",
        "cc",
        "content-transfer-encoding",
        "content-type",
        "dkim-signature",
        "from",
        "received",
        "reply-to",
        "subject",
        "to",
        "x-sg-eid",
        "x-sg-id",
    }
)
HELP: Final = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#"
EXAMPLE: Final = (
    'e.g. {"email" : "example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}.'
)

_ADDRESS = re.compile(r"[^@\s<>(),;:\"\[\]\\]+@[^@\s<>(),;:\"\[\]\\.]+(\.[^@\s<>(),;:\"\[\]\\.]+)+")
_TYPES: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_FIELDS: Final[dict[str, type]] = {
    "personalizations": list,
    "from": dict,
    "reply_to": dict,
    "reply_to_list": list,
    "subject": str,
    "content": list,
    "attachments": list,
    "template_id": str,
    "headers": dict,
    "categories": list,
    "custom_args": dict,
    "sections": dict,
    "send_at": int,
    "batch_id": str,
    "asm": dict,
    "ip_pool_name": str,
    "mail_settings": dict,
    "tracking_settings": dict,
}
_PERSONALIZATION_FIELDS: Final[dict[str, type]] = {
    "to": list,
    "cc": list,
    "bcc": list,
    "from": dict,
    "subject": str,
    "headers": dict,
    "substitutions": dict,
    "dynamic_template_data": dict,
    "custom_args": dict,
    "send_at": int,
}


class Fault(NamedTuple):
    """One thing that is wrong with a mail: SendGrid's message, the place, and where its manual explains it."""

    message: str
    field: str | None
    help: str | None = None


def check(mail: Any, now: int) -> list[Fault]:
    """Give everything that is wrong with a request's JSON, and nothing for a mail to be sent. `now` is Unix time."""
    if not isinstance(mail, dict):
        return [_wrong_type("object", mail, None, "")]
    faults = list(_check_types(mail, _FIELDS, ""))
    if faults:
        return faults
    templated = bool(mail.get("template_id"))
    return [
        *_check_sender(mail),
        *_check_personalizations(mail, templated, now),
        *_check_content(mail, templated),
        *_check_attachments(mail.get("attachments", [])),
        *_check_headers(mail.get("headers", {}), "headers"),
        *_check_strings(mail.get("custom_args", {}), "custom_args"),
        *_check_categories(mail.get("categories", [])),
        *_check_send_at(mail, "send_at", now),
    ]


def sandboxed(mail: dict[str, Any]) -> bool:
    """Whether a mail asks to be checked only: it is answered with 200, and not sent."""
    mode = mail.get("mail_settings", {}).get("sandbox_mode", {})
    return isinstance(mode, dict) and mode.get("enable") is True


def _check_types(given: dict[str, Any], fields: dict[str, type], place: str) -> Iterator[Fault]:
    for name, value in given.items():
        at = f"{place}{name}"
        expected = fields.get(name)
        if expected is None:
            yield Fault("Additional property " + name[:100] + " is not allowed", at[:200], None)
        elif type(value) is not expected:
            yield _wrong_type(_TYPES[expected], value, at, f"message.{name}")


def _wrong_type(expected: str, value: Any, field: str | None, anchor: str) -> Fault:
    message = f"Invalid type. Expected: {expected}, given: {_TYPES.get(type(value), 'unknown')}."
    return Fault(message, field, HELP + anchor if anchor else None)


def _check_sender(mail: dict[str, Any]) -> Iterator[Fault]:
    sender = mail.get("from")
    if sender is None or "email" not in sender:
        yield Fault(
            "The from object must be provided for every email send. It is an object that requires the email parameter, "
            f"but may also contain a name parameter.  {EXAMPLE}",
            "from.email",
            f"{HELP}message.from",
        )
    elif not is_address(sender["email"]):
        yield Fault("The from email does not contain a valid address.", "from.email", f"{HELP}message.from")
    replies = [("reply_to", mail["reply_to"])] if "reply_to" in mail else []
    replies += [(f"reply_to_list.{index}", each) for index, each in enumerate(mail.get("reply_to_list", []))]
    for field, reply in replies:
        if not isinstance(reply, dict) or not is_address(reply.get("email")):
            message = (
                "The reply_to object, when used, must at least have an email parameter with a valid email address and "
                "may "
                f"also contain a name parameter.  {EXAMPLE}"
            )
            yield Fault(message, f"{field}.email", f"{HELP}message.reply_to")


def _check_personalizations(mail: dict[str, Any], templated: bool, now: int) -> Iterator[Fault]:
    given = mail.get("personalizations", [])
    if not given:
        message = "The personalizations field is required and must have at least one personalization."
        yield Fault(message, "personalizations", f"{HELP}-Personalizations-Errors")
        return
    if len(given) > MOST_PERSONALIZATIONS:
        message = (
            f"The personalization block is limited to {MOST_PERSONALIZATIONS} personalizations per API request. You "
            "have "
            f"provided {len(given)} personalizations. Please consider splitting this into multiple requests and "
            "resending "
            "your request."
        )
        yield Fault(message, "personalizations", f"{HELP}message.personalizations")
        return
    recipients = 0
    for index, each in enumerate(given):
        place = f"personalizations.{index}"
        if not isinstance(each, dict):
            yield _wrong_type("object", each, place, "message.personalizations")
            continue
        wrong = list(_check_types(each, _PERSONALIZATION_FIELDS, f"{place}."))
        yield from wrong or _check_personalization(each, place, mail, templated, now)
        recipients += sum(len(each.get(kind, [])) for kind in ("to", "cc", "bcc")) if not wrong else 0
    if recipients > MOST_RECIPIENTS:
        message = f"There is a limit of {MOST_RECIPIENTS} total recipients (to + cc + bcc) per request."
        yield Fault(message, "personalizations", f"{HELP}message.recipient-errors")


def _check_personalization(
    each: dict[str, Any], place: str, mail: dict[str, Any], templated: bool, now: int
) -> Iterator[Fault]:
    if not each.get("to"):
        message = (
            "The to array is required for all personalization objects, and must have at least one email object with a "
            "valid email address."
        )
        yield Fault(message, f"{place}.to", f"{HELP}message.personalizations.to")
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        for index, recipient in enumerate(each.get(kind, [])):
            yield from _check_recipient(recipient, f"{place}.{kind}.{index}", kind, seen)
    if not templated and not each.get("subject") and not mail.get("subject"):
        message = (
            "The subject is required. You can get around this requirement if you use a template with a subject defined "
            "or "
            "if every personalization has a subject defined."
        )
        yield Fault(message, "subject", f"{HELP}message.subject")
    yield from _check_headers(each.get("headers", {}), f"{place}.headers")
    yield from _check_strings(each.get("substitutions", {}), f"{place}.substitutions")
    yield from _check_strings({**mail.get("custom_args", {}), **each.get("custom_args", {})}, f"{place}.custom_args")
    yield from _check_send_at(each, f"{place}.send_at", now)


def _check_recipient(recipient: Any, place: str, kind: str, seen: set[str]) -> Iterator[Fault]:
    anchor = f"message.personalizations.{kind}"
    if not isinstance(recipient, dict):
        yield _wrong_type("object", recipient, place, anchor)
        return
    address = recipient.get("email")
    if not isinstance(address, str) or not is_address(address):
        yield Fault("Does not contain a valid address.", f"{place}.email", HELP + anchor)
        return
    if address.lower() in seen:
        message = (
            "Each email address in the personalization block should be unique between to, cc, and bcc. We found the "
            "first "
            f"duplicate instance of [{address}] in the {place.rpartition('.')[0]} field."
        )
        yield Fault(message, place.split(f".{kind}", maxsplit=1)[0], f"{HELP}message.recipient-errors")
    seen.add(address.lower())


def _check_content(mail: dict[str, Any], templated: bool) -> Iterator[Fault]:
    content = mail.get("content", [])
    if not content:
        if not templated:
            message = (
                "Unless a valid template_id is provided, the content parameter is required. There must be at least one "
                "defined content block. We typically suggest both text/plain and text/html blocks are included, but "
                "only "
                "one block is required."
            )
            yield Fault(message, "content", f"{HELP}message.content")
        return
    order = []
    for index, block in enumerate(content):
        place = f"content.{index}"
        if not isinstance(block, dict):
            yield _wrong_type("object", block, place, "message.content")
            continue
        kind = block.get("type")
        if not isinstance(kind, str) or not kind:
            message = "Your content type must be a string with length of at least one character."
            yield Fault(message, f"{place}.type", f"{HELP}message.content.type")
        elif re.search(r"[;\r\n]", kind):
            yield Fault("Cannot contain ';', or CRLF characters.", f"{place}.type", f"{HELP}message.content.type")
        if not isinstance(block.get("value"), str) or not block["value"]:
            message = "The content value must be a string at least one character in length."
            yield Fault(message, f"{place}.value", f"{HELP}message.content.value")
        order.append({"text/plain": 0, "text/html": 1}.get(str(kind), 2))
    if any(later < earlier for earlier, later in pairwise(order)):
        message = (
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: "
            "text/plain "
            "needs to be first, followed by text/html, followed by any other content."
        )
        yield Fault(message, "content", f"{HELP}message.content")


def _check_attachments(attachments: list[Any]) -> Iterator[Fault]:
    for index, each in enumerate(attachments):
        place = f"attachments.{index}"
        if not isinstance(each, dict):
            yield _wrong_type("object", each, place, "message.attachments")
            continue
        content = each.get("content")
        if not isinstance(content, str) or not content:
            message = "The attachment content must be a string at least one character in length."
            yield Fault(message, f"{place}.content", f"{HELP}message.attachments.content")
        elif not _is_base64(content):
            message = "The attachment content must be base64 encoded."
            yield Fault(message, f"{place}.content", f"{HELP}message.attachments.content")
        if not isinstance(each.get("filename"), str) or not each["filename"]:
            yield Fault("filename is required.", f"{place}.filename", f"{HELP}message.attachments.filename")
        if each.get("disposition", "attachment") not in ("attachment", "inline"):
            message = 'The disposition of your attachment can be either "inline" or "attachment".'
            yield Fault(message, f"{place}.disposition", f"{HELP}message.attachments.disposition")


def _check_headers(headers: dict[str, Any], place: str) -> Iterator[Fault]:
    for name, value in headers.items():
        if not isinstance(value, str):
            yield Fault("The header values must be strings.", place, f"{HELP}message.headers")
        if name.lower() in RESERVED_HEADERS:
            message = f"Header can not be one of the reserved keys. You provided {name}."
            yield Fault(message, place, f"{HELP}message.headers")
        elif not name.isascii() or " " in name or not name:
            message = "Header keys can't contain non-ASCII characters and empty spaces."
            yield Fault(message, place, f"{HELP}message.headers")


def _check_strings(values: dict[str, Any], place: str) -> Iterator[Fault]:
    what = place.rpartition(".")[2]
    anchor = f"{HELP}message.{what}"
    if not all(isinstance(value, str) for value in values.values()):
        yield Fault(
            f"The {what} values must be an object of key/value pairs, where the values are all strings.", place, anchor
        )
    elif (
        what == "custom_args"
        and sum(len(f"{name}{value}".encode()) for name, value in values.items()) > CUSTOM_ARGS_BYTES
    ):
        message = (
            f"The combined size of both global and personalization custom arguments may not exceed {CUSTOM_ARGS_BYTES} "
            "bytes "
            "per personalization."
        )
        yield Fault(message, place, anchor)


def _check_categories(categories: list[Any]) -> Iterator[Fault]:
    help_ = f"{HELP}message.categories"
    if len(categories) > MOST_CATEGORIES:
        message = (
            f"There is a limit of {MOST_CATEGORIES} categories for each email that is sent. You provided "
            f"{len(categories)} categories."
        )
        yield Fault(message, "categories", help_)
    if not all(isinstance(each, str) for each in categories):
        yield Fault("Categories must be an array of strings.", "categories", help_)
        return
    if any(len(each) > LONGEST_CATEGORY for each in categories):
        yield Fault(f"Each category must not be longer than {LONGEST_CATEGORY} characters.", "categories", help_)
    if len(set(categories)) < len(categories):
        yield Fault("The categories must be a unique list.", "categories", help_)


def _check_send_at(holder: dict[str, Any], place: str, now: int) -> Iterator[Fault]:
    if holder.get("send_at", 0) > now + SCHEDULE_S:
        message = "Scheduling more than 72 hours in advance is forbidden."
        yield Fault(message, place, f"{HELP}message.send_at")


def is_address(value: Any) -> bool:
    """Whether a value is an email address, as far as its form says."""
    return isinstance(value, str) and len(value) <= 320 and _ADDRESS.fullmatch(value) is not None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
