"""Products and prices, through Stripe's own SDK over a real socket."""

from decimal import Decimal
from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.mock_services.stripe.support import error_of


def test_the_lab_begins_with_a_product_and_two_prices(sdk: Any) -> None:
    basic = sdk.v1.prices.retrieve("price_lab_basic", {"expand": ["product"]})
    pro = sdk.v1.prices.retrieve("price_lab_pro")
    assert (basic.unit_amount, basic.currency, basic.recurring.interval) == (4_900, "usd", "month")
    assert basic.product.id == "prod_lab_platform"
    assert (pro.unit_amount, pro.product, pro.type) == (14_900, "prod_lab_platform", "recurring")
    assert sdk.v1.products.retrieve("prod_lab_platform").default_price == "price_lab_basic"


def test_a_product_lives(sdk: Any) -> None:
    made = sdk.v1.products.create(
        {
            "name": "Memorial page",
            "description": "A page for one person",
            "images": ["https://example.com/a.png"],
            "default_price_data": {"currency": "eur", "unit_amount": 500},
            "metadata": {"kind": "page"},
        }
    )
    assert made.id.startswith("prod_")
    assert isinstance(made.default_price, str)
    assert sdk.v1.prices.retrieve(made.default_price).unit_amount == 500
    changed = sdk.v1.products.update(made.id, {"active": False, "description": ""})
    assert (changed.active, changed.description, changed.name) == (False, None, "Memorial page")
    assert [each.id for each in sdk.v1.products.list({"ids": [made.id], "active": False}).data] == [made.id]
    with pytest.raises(InvalidRequestError, match="cannot be deleted"):
        sdk.v1.products.delete(made.id)

    bare = sdk.v1.products.create({"id": "prod_of_mine", "name": "Bare"})
    with pytest.raises(InvalidRequestError) as taken:
        sdk.v1.products.create({"id": "prod_of_mine", "name": "Again"})
    assert taken.value.code == "resource_already_exists"
    assert sdk.v1.products.delete(bare.id).deleted
    with pytest.raises(InvalidRequestError, match="No such product: 'prod_of_mine'"):
        sdk.v1.products.retrieve(bare.id)


def test_a_price_lives(sdk: Any) -> None:
    product = sdk.v1.products.create({"name": "Flowers"})
    made = sdk.v1.prices.create(
        {
            "product": product.id,
            "currency": "USD",
            "unit_amount_decimal": Decimal("12.5"),
            "recurring": {"interval": "week", "interval_count": 2},
            "nickname": "Fortnightly",
            "lookup_key": "flowers_fortnightly",
        }
    )
    assert (made.unit_amount, made.unit_amount_decimal, made.currency) == (None, Decimal("12.5"), "usd")
    assert (made.recurring.interval, made.recurring.interval_count, made.recurring.usage_type) == (
        "week",
        2,
        "licensed",
    )
    once = sdk.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 900})
    assert (once.type, once.recurring, once.unit_amount) == ("one_time", None, 900)

    assert [each.id for each in sdk.v1.prices.list({"product": product.id}).data] == [once.id, made.id]
    narrowed: list[Any] = [
        {"type": "one_time"},
        {"recurring": {"interval": "week"}},
        {"lookup_keys": ["flowers_fortnightly"]},
    ]
    found = [[each.id for each in sdk.v1.prices.list({"product": product.id, **given}).data] for given in narrowed]
    assert found == [[once.id], [made.id], [made.id]]

    changed = sdk.v1.prices.update(made.id, {"active": False, "nickname": "Every fortnight", "metadata": {"a": "b"}})
    assert (changed.active, changed.nickname, changed.metadata.to_dict()) == (False, "Every fortnight", {"a": "b"})
    assert [each.id for each in sdk.v1.prices.list({"product": product.id, "active": True}).data] == [once.id]


def test_a_price_can_bring_its_product(sdk: Any) -> None:
    made = sdk.v1.prices.create(
        {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Candle"}, "expand": ["product"]}
    )
    assert made.product.name == "Candle"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"unit_amount": 1, "product": "prod_lab_platform"}, "currency"),
        ({"currency": "usd", "product": "prod_lab_platform"}, "unit_amount"),
        ({"currency": "xyz", "unit_amount": 1, "product": "prod_lab_platform"}, "currency"),
        ({"currency": "usd", "unit_amount": -1, "product": "prod_lab_platform"}, "unit_amount"),
        ({"currency": "usd", "unit_amount": 1, "product": "prod_none"}, "product"),
        ({"currency": "usd", "unit_amount": 1}, "product"),
        ({"currency": "usd", "unit_amount": 1, "product": "prod_lab_platform", "recurring": {}}, "recurring[interval]"),
        (
            {"currency": "usd", "unit_amount": 1, "product": "prod_lab_platform", "recurring": {"interval": "hour"}},
            "recurring[interval]",
        ),
        (
            {"currency": "usd", "unit_amount": 1, "unit_amount_decimal": "1", "product": "prod_lab_platform"},
            "unit_amount",
        ),
        (
            {"currency": "usd", "unit_amount": 1, "lookup_key": "price_lab_pro", "product": "prod_lab_platform"},
            "lookup_key",
        ),
        ({"currency": "usd", "billing_scheme": "tiered", "product": "prod_lab_platform"}, "billing_scheme"),
        ({"currency": "usd", "tiers": [{"up_to": "inf"}], "product": "prod_lab_platform"}, "tiers"),
    ],
)
def test_a_price_that_cannot_be_is_refused(sdk: Any, given: dict[str, Any], param: str) -> None:
    before = len(sdk.v1.prices.list({"limit": 100}).data)
    if "recurring" in given and not given["recurring"]:
        given = {**given, "recurring": {"interval_count": 1}}
    with pytest.raises(InvalidRequestError) as refused:
        sdk.v1.prices.create(given)
    assert refused.value.param == param
    assert len(sdk.v1.prices.list({"limit": 100}).data) == before


def test_unknown_ids_are_missing(sdk: Any) -> None:
    with pytest.raises(InvalidRequestError, match="No such price: 'price_none'") as missing:
        sdk.v1.prices.retrieve("price_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert error_of(missing.value)["doc_url"] == "https://stripe.com/docs/error-codes/resource-missing"
