"""Products and their prices, and the catalogue that the lab begins with."""

from __future__ import annotations

from decimal import Decimal

from mock_services.stripe import objects
from mock_services.stripe.errors import InvalidRequestError, NotServed
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.params import (
    Params,
    PriceCreate,
    PriceData,
    PriceList,
    PriceUpdate,
    ProductCreate,
    ProductData,
    ProductList,
    ProductUpdate,
    Recurring,
)
from mock_services.stripe.values import merge_metadata, names

SEED_PRODUCT = "prod_lab_platform"
SEED_PRICES = {"price_lab_basic": ("Basic", 4_900), "price_lab_pro": ("Pro", 14_900)}
PRODUCT_FIELDS = names(
    "active default_price description images package_dimensions shippable statement_descriptor tax_code unit_label url"
)


class Catalog:
    """`/v1/products` and `/v1/prices`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def seed(self) -> None:
        """Put in what the platform's page of plans shows: one product with two monthly prices, without events."""
        tables, now = self._account.tables, self._account.now()
        product = objects.product(SEED_PRODUCT, now, "Thanotopolis platform")
        product["default_price"] = next(iter(SEED_PRICES))
        self._account.add(tables.products, product)
        for price_id, (nickname, amount) in SEED_PRICES.items():
            price = objects.price(price_id, now, SEED_PRODUCT, "usd", Decimal(amount))
            price["nickname"] = nickname
            price["lookup_key"] = price_id
            price["type"] = "recurring"
            price["recurring"] = Recurring(interval="month").model_dump()
            self._account.add(tables.prices, price)

    def create_product(self, params: ProductCreate) -> Row:
        """Make a product, with its first price if `default_price_data` says one."""
        if params.default_price_data is not None:
            _amount(params.default_price_data)
        product_id = params.id or self._account.new_id("prod", 14)
        self._refuse_taken(product_id)
        row = objects.product(product_id, self._account.now(), params.name)
        row["type"] = params.type
        self._apply(row, params)
        self._account.add(self._account.tables.products, row)
        if params.default_price_data is not None:
            row["default_price"] = self._make_price(row, params.default_price_data)["id"]
        self._account.emit("product.created", row)
        return row

    def update_product(self, product_id: str, params: ProductUpdate) -> Row:
        """Change a product."""
        row = self._account.tables.products.get(product_id)
        if params.default_price is not None:
            self._account.tables.prices.named(params.default_price, "default_price")
        with self._account.updating(row, "product.updated"):
            row.update(params.given("name"))
            self._apply(row, params)
            row["updated"] = self._account.now()
        return row

    def delete_product(self, product_id: str, params: Params) -> Row:
        """Delete a product that has no prices."""
        row = self._account.tables.products.get(product_id)
        if any(price["product"] == product_id for price in self._account.tables.prices.rows.values()):
            raise InvalidRequestError(
                "This product cannot be deleted because it has one or more user-created prices.", "id"
            )
        del self._account.tables.products.rows[product_id]
        self._account.emit("product.deleted", row)
        return {"id": product_id, "object": "product", "deleted": True}

    def products(self, params: ProductList) -> Page:
        """List products."""
        return self._account.tables.products.page(
            params,
            lambda row: (
                params.active in (None, row["active"])
                and (not params.ids or row["id"] in params.ids)
                and params.shippable in (None, row["shippable"])
                and params.type in (None, row["type"])
                and params.url in (None, row["url"])
            ),
        )

    def create_price(self, params: PriceCreate) -> Row:
        """Make a price of a product, or of a new one that `product_data` describes."""
        if params.billing_scheme != "per_unit":
            raise NotServed("tiered prices", "billing_scheme")
        if params.lookup_key is not None:
            self._refuse_taken_lookup_key(params.lookup_key)
        data = PriceData.model_construct(**{name: getattr(params, name) for name in PriceData.model_fields})
        _amount(data)
        product = self._product_of(data, "")
        row = self._make_price(product, data)
        row.update(active=params.active, nickname=params.nickname, lookup_key=params.lookup_key)
        row["metadata"] = merge_metadata({}, params.metadata)
        self._account.emit("price.created", row)
        return row

    def update_price(self, price_id: str, params: PriceUpdate) -> Row:
        """Change what may be changed of a price: never its amount."""
        row = self._account.tables.prices.get(price_id)
        if params.lookup_key is not None and params.lookup_key != row["lookup_key"]:
            self._refuse_taken_lookup_key(params.lookup_key)
        with self._account.updating(row, "price.updated"):
            row.update(params.given("active", "lookup_key", "nickname", "tax_behavior"))
            row["metadata"] = merge_metadata(row["metadata"], params.metadata)
        return row

    def prices(self, params: PriceList) -> Page:
        """List prices."""
        wanted = {} if params.recurring is None else params.recurring.given()
        return self._account.tables.prices.page(
            params,
            lambda row: (
                params.active in (None, row["active"])
                and params.currency in (None, row["currency"])
                and (not params.lookup_keys or row["lookup_key"] in params.lookup_keys)
                and params.product in (None, row["product"])
                and params.type in (None, row["type"])
                and all(row["recurring"] and row["recurring"][name] == value for name, value in wanted.items())
            ),
        )

    def price_on_the_spot(self, data: PriceData, param: str) -> Row:
        """Make the inactive price that `price_data` stands for, below the parameter `param`."""
        _amount(data, param)
        row = self._make_price(self._product_of(data, param), data)
        row["active"] = False
        return row

    def _product_of(self, data: PriceData, param: str) -> Row:
        if data.product is not None:
            return self._account.tables.products.named(data.product, f"{param}[product]" if param else "product")
        if data.product_data is None:
            place = f"{param}[product]" if param else "product"
            raise InvalidRequestError(f"Missing required param: {place}.", place, "parameter_missing")
        return self._make_product(data.product_data)

    def _make_product(self, data: ProductData) -> Row:
        product_id = data.id or self._account.new_id("prod", 14)
        self._refuse_taken(product_id)
        row = objects.product(product_id, self._account.now(), data.name)
        row.update(data.given("active", "description", "images", "statement_descriptor", "tax_code", "unit_label"))
        row["metadata"] = merge_metadata({}, data.metadata)
        self._account.add(self._account.tables.products, row)
        self._account.emit("product.created", row)
        return row

    def _make_price(self, product: Row, data: PriceData) -> Row:
        price_id, now = self._account.new_id("price_1", 23), self._account.now()
        row = objects.price(price_id, now, product["id"], data.currency, _amount(data))
        row["tax_behavior"] = data.tax_behavior
        if data.recurring is not None:
            row["type"] = "recurring"
            row["recurring"] = data.recurring.model_dump()
        return self._account.add(self._account.tables.prices, row)

    def _apply(self, row: Row, params: ProductUpdate) -> None:
        row.update(params.given(*PRODUCT_FIELDS))
        if "marketing_features" in params.model_fields_set:
            row["marketing_features"] = [{"name": each.get("name", "")} for each in params.marketing_features]
        row["metadata"] = merge_metadata(row["metadata"], params.metadata)

    def _refuse_taken(self, product_id: str) -> None:
        if product_id in self._account.tables.products.rows:
            raise InvalidRequestError("Product already exists.", "id", "resource_already_exists")

    def _refuse_taken_lookup_key(self, lookup_key: str) -> None:
        for row in self._account.tables.prices.rows.values():
            if row["lookup_key"] == lookup_key:
                raise InvalidRequestError(
                    f"A price (`{row['id']}`) already uses that lookup key.", "lookup_key", "resource_already_exists"
                )


def _amount(data: PriceData, param: str = "") -> Decimal:
    """Give the unit amount; exactly one of its two forms has to be there, and it is not negative."""
    place = f"{param}[unit_amount]" if param else "unit_amount"
    if data.unit_amount is not None and data.unit_amount_decimal is not None:
        raise InvalidRequestError(
            "You may only specify one of these parameters: unit_amount, unit_amount_decimal.", place
        )
    amount = Decimal(data.unit_amount) if data.unit_amount is not None else data.unit_amount_decimal
    if amount is None:
        raise InvalidRequestError(f"Missing required param: {place}.", place, "parameter_missing")
    if amount < 0:
        raise InvalidRequestError("Invalid non-negative integer", place, "parameter_invalid_integer")
    return amount
