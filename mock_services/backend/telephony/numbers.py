"""Telephone numbers as the platform reads and makes them."""

from __future__ import annotations

import re
import uuid

CALLER = re.compile(r"\+[0-9]{10,15}")
MIN_DIGITS, MAX_DIGITS = 7, 15
NATIONAL_DIGITS = 10
PLATFORM_DIGITS = 7


def normalise(written: str) -> str:
    """Give a number as written by a person in the form `+<digits>`; ten digits are taken as North American.

    Raise `ValueError` where fewer than 7 or more than 15 digits are left.
    """
    digits = _digits(written)
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        raise ValueError(f"{written!r} has {len(digits)} digits; a number has {MIN_DIGITS} to {MAX_DIGITS}")
    return f"+1{digits}" if len(digits) == NATIONAL_DIGITS else f"+{digits}"


def dialled(number: str) -> str:
    """Give the number that a call's `To` is looked up by: letters are lost, and with them most tenants' numbers."""
    return f"+{_digits(number)}"


def is_caller(number: str) -> bool:
    """Say whether a call's `From` is a number that the platform takes calls from."""
    return CALLER.fullmatch(number) is not None


def platform_number(tenant_id: uuid.UUID) -> str:
    """Build a tenant's platform number: `+1555` and the first seven characters of its id, letters included."""
    return f"+1555{tenant_id.hex[:PLATFORM_DIGITS]}"


def formatted(number: str) -> str:
    """Write a North American number as people do, and leave any other as it is."""
    if re.fullmatch(r"\+1[0-9]{10}", number):
        return f"+1 ({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)
