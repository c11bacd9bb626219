"""The account itself: pages of lists, bounded events, idempotency keys, periods and amounts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.stripe.billing_objects import period_end
from mock_services.stripe.endpoints import Endpoints
from mock_services.stripe.errors import IdempotencyKeyInUse, InvalidRequestError
from mock_services.stripe.idempotency import Answer, IdempotencyKeys
from mock_services.stripe.models import Account, Row, Table
from mock_services.stripe.objects import decimal_text, times
from mock_services.stripe.params import EndpointCreate, Listing
from mock_services.stripe.routes import Resources
from mock_services.stripe.settings import StripeSettings
from mock_services.stripe.shapes import shape, shape_event


def table(kept: list[bool]) -> Table:
    made = Table("customer", "/v1/customers")
    for number, keep in enumerate(kept):
        made.rows[f"cus_{number}"] = {"id": f"cus_{number}", "created": number, "kept": keep}
    return made


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 10))
def test_pages_give_every_object_once_in_both_directions(kept: list[bool], limit: int) -> None:
    rows = table(kept)
    wanted = [f"cus_{number}" for number in reversed(range(len(kept))) if kept[number]]
    walked: list[str] = []
    cursor = None
    while True:
        page = rows.page(Listing.model_construct(limit=limit, starting_after=cursor), lambda row: bool(row["kept"]))
        walked += [row["id"] for row in page.rows]
        if not page.has_more:
            break
        assert len(page.rows) == limit
        cursor = walked[-1]
    assert walked == wanted
    if kept:
        back: list[str] = []
        cursor = "cus_0"
        while True:
            page = rows.page(Listing.model_construct(limit=limit, ending_before=cursor), lambda row: bool(row["kept"]))
            back = [row["id"] for row in page.rows] + back
            if not page.has_more:
                break
            cursor = back[0]
        assert back == [each for each in wanted if each != "cus_0"]


def test_a_cursor_may_stand_outside_of_what_is_listed() -> None:
    rows = table([True, False, True])
    page = rows.page(Listing.model_construct(limit=10, starting_after="cus_1"), lambda row: bool(row["kept"]))
    assert [row["id"] for row in page.rows] == ["cus_0"]


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2024-01-31", "month", 1, "2024-02-29"),
        ("2026-01-31", "month", 3, "2026-04-30"),
        ("2026-11-30", "month", 3, "2027-02-28"),
        ("2026-12-05", "month", 1, "2027-01-05"),
        ("2024-02-29", "year", 1, "2025-02-28"),
        ("2026-03-01", "week", 2, "2026-03-15"),
        ("2026-12-31", "day", 1, "2027-01-01"),
    ],
)
def test_a_period_ends_on_the_day_that_the_month_has(start: str, interval: str, count: int, end: str) -> None:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC, hour=13, minute=5)
    finish = datetime.fromtimestamp(period_end(int(begin.timestamp()), interval, count), UTC)
    assert finish == datetime.fromisoformat(end).replace(tzinfo=UTC, hour=13, minute=5)


@given(st.integers(0, 4_000_000_000), st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 24))
def test_periods_go_forward(start: int, interval: str, count: int) -> None:
    assert start < period_end(start, interval, count) <= period_end(start, interval, count + 1)


@given(st.decimals(min_value=0, max_value=1_000_000, places=4), st.integers(0, 1_000))
def test_amounts_are_whole_and_near(unit: Decimal, quantity: int) -> None:
    amount = times({"unit_amount_decimal": decimal_text(unit)}, quantity)
    assert abs(Decimal(amount) - unit * quantity) <= Decimal("0.5")
    assert Decimal(decimal_text(unit)) == unit
    assert "E" not in decimal_text(unit)


def test_events_are_bounded_and_show_the_object_as_it_was() -> None:
    account = Account(StripeSettings(max_events=3), clock=lambda: 1_760_000_000.9)
    row: Row = {"id": "cus_1", "object": "customer", "name": "a", "_own": 1}
    for name in "bcdef":
        with account.updating(row, "customer.updated"):
            row["name"] = name
    with account.updating(row, "customer.updated"):
        row["_own"] = 2
    events = [shape_event(event, "2025-02-24.acacia") for event in account.events.rows.values()]
    assert [event["data"]["object"]["name"] for event in events] == ["d", "e", "f"]
    assert [event["data"]["previous_attributes"] for event in events] == [{"name": "c"}, {"name": "d"}, {"name": "e"}]
    assert events[0]["created"] == 1_760_000_000
    assert "_own" not in events[0]["data"]["object"]
    assert account.emitted == 5


def test_versions_see_their_own_fields() -> None:
    invoice: Row = {
        "object": "invoice",
        "paid": True,
        "parent": None,
        "lines": {"data": [{"object": "line_item", "price": 1}]},
    }
    assert shape(invoice, "2025-02-24.acacia") == {
        "object": "invoice",
        "paid": True,
        "lines": {"data": [{"object": "line_item", "price": 1}]},
    }
    assert shape(invoice, "2025-03-31.basil") == {
        "object": "invoice",
        "parent": None,
        "lines": {"data": [{"object": "line_item"}]},
    }


def test_ids_come_from_the_seed() -> None:
    first, again, other = (Account(StripeSettings(LAB_SEED=seed)).new_id("cus", 14) for seed in ("a", "a", "b"))
    assert first == again != other
    assert first.startswith("cus_")
    assert len(first) == 18
    assert Account(StripeSettings()).new_id("sub_1", 23).startswith("sub_1")


def test_the_catalogue_is_fixed() -> None:
    account = Account(StripeSettings())
    Resources(account).begin()
    assert list(account.tables.prices.rows) == ["price_lab_basic", "price_lab_pro"]
    assert (len(account.events), len(account.tables.endpoints)) == (0, 0)


def test_the_account_can_begin_empty() -> None:
    account = Account(StripeSettings(seed_catalog=False))
    Resources(account).begin()
    assert not any(map(len, account.tables.all().values()))


def test_there_are_at_most_sixteen_endpoints() -> None:
    endpoints = Endpoints(Account(StripeSettings()))
    wanted = EndpointCreate.model_construct(url="http://127.0.0.1:9/", enabled_events=["*"])
    for _ in range(16):
        endpoints.create(wanted)
    with pytest.raises(InvalidRequestError, match="maximum of 16"):
        endpoints.create(wanted)


def test_the_oldest_answered_key_makes_room() -> None:
    keys = IdempotencyKeys(2)
    for name in ("a", "b"):
        assert keys.claim(name, "/v1/customers", b"") is None
    keys.keep("b", Answer(200, b"{}", "req_1"))
    assert keys.claim("c", "/v1/customers", b"") is None
    with pytest.raises(IdempotencyKeyInUse):
        keys.claim("a", "/v1/customers", b"")
    assert keys.claim("b", "/v1/customers", b"") is None
    keys.release("b")
    assert len(keys) == 2
