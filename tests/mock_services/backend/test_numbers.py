"""Telephone numbers: what a person writes becomes one form, and only all-digit tenants can be dialled."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.accounts.state import Accounts
from mock_services.backend.store import Rows
from mock_services.backend.telephony.numbers import dialled, formatted, is_caller, normalise, platform_number
from mock_services.core.randomness import Randomness

digits = st.text("0123456789", min_size=7, max_size=15)
ornaments = st.text(" -().+/٣²x", max_size=3)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("(555) 202-1926", "+15552021926"),
        ("1-555-202-1926", "+15552021926"),
        ("+44 20 7946 0958", "+442079460958"),
        ("202-1926", "+2021926"),
    ],
)
def test_a_written_number_is_normalised(written: str, number: str) -> None:
    assert normalise(written) == number


@given(digits, st.data())
def test_ornaments_do_not_matter_and_normal_form_stays(number: str, data: st.DataObject) -> None:
    ornate = "".join(digit + data.draw(ornaments) for digit in number)
    normal = normalise(ornate)
    assert normal == normalise(number)
    assert re.fullmatch(r"\+[0-9]{7,15}", normal)
    assert normal == ("+1" if len(number) == 10 else "+") + number
    if len(normal) != 11:  # a plus and ten digits are taken for a national number once more
        assert normalise(normal) == normal


@given(st.text("0123456789 -", max_size=30))
def test_too_few_and_too_many_digits_are_refused(written: str) -> None:
    count = sum(character.isdigit() for character in written)
    if 7 <= count <= 15:
        normalise(written)
    else:
        with pytest.raises(ValueError, match=f"has {count} digits"):
            normalise(written)


@given(st.uuids())
def test_a_platform_number_survives_dialling_only_without_letters(tenant_id: uuid.UUID) -> None:
    number = platform_number(tenant_id)
    assert re.fullmatch(r"\+1555[0-9a-f]{7}", number)
    assert (dialled(number) == number) == number[1:].isdigit()


@given(st.text())
def test_a_caller_is_a_plus_and_ten_to_fifteen_digits(number: str) -> None:
    assert is_caller(number) == (re.match(r"\+[0-9]{10,15}\Z", number) is not None)


@pytest.mark.parametrize(
    "number", ["anonymous", "+123456789", "15557654321", "+1555765432a", "+15557654321\n", "+٣" * 11]
)
def test_such_callers_are_not_taken(number: str) -> None:
    assert not is_caller(number)
    assert is_caller("+15557654321")


def test_only_north_american_numbers_are_written_out() -> None:
    assert formatted("+15552021926") == "+1 (555) 202-1926"
    assert formatted("+442079460958") == "+442079460958"


def test_dialable_tenants_have_distinct_numbers_that_can_be_dialled() -> None:
    accounts = Accounts(Rows(5000), Randomness("numbers"), dialable=True)
    tenants = [accounts.add_tenant("n", f"s{number}") for number in range(4000)]
    numbers = {platform_number(tenant.id) for tenant in tenants}
    assert len(numbers) == 4000
    assert all(dialled(number) == number for number in numbers)
    assert all(tenant.id.version == 4 for tenant in tenants)
    plain = Accounts(Rows(500), Randomness("numbers"), dialable=False)
    ids = [plain.add_tenant("n", f"s{number}").id for number in range(400)]
    assert any(dialled(platform_number(each)) != platform_number(each) for each in ids)
