"""A subscription's items: the prices that it has, how they change, and what a change within a period costs."""

from __future__ import annotations

from dataclasses import dataclass

from mock_services.stripe import billing_objects
from mock_services.stripe.billing_params import ItemChange, ItemList, SubscriptionItem, SubscriptionUpdate, UsageRecord
from mock_services.stripe.catalog import Catalog
from mock_services.stripe.errors import InvalidRequestError, ResourceMissing
from mock_services.stripe.invoice_items import InvoiceItems
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.objects import plan, times
from mock_services.stripe.params import PriceData
from mock_services.stripe.values import merge_metadata

MOST_ITEMS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One change of an update: of `item`, or of a new one where that is None, to `price`."""

    change: ItemChange
    item: Row | None
    price: Row


@dataclass(frozen=True, slots=True)
class Plan:
    """The checked changes of an update. `new_period`: the interval is another, so that a period begins now."""

    steps: list[Step]
    new_period: bool


class SubscriptionItems:
    """`/v1/subscription_items`, which are made and changed through their subscriptions."""

    def __init__(self, account: Account, catalog: Catalog, invoice_items: InvoiceItems) -> None:
        self._account = account
        self._catalog = catalog
        self._invoice_items = invoice_items

    def page(self, params: ItemList) -> Page:
        """List the items of one subscription."""
        self._account.tables.subscriptions.named(params.subscription, "subscription")
        return self._account.tables.items.page(params, lambda row: row["subscription"] == params.subscription)

    def record_usage(self, item_id: str, params: UsageRecord) -> Row:
        """Note how much of a metered price was used (API versions before basil only)."""
        item = self._account.tables.items.get(item_id)
        if not metered(item["price"]):
            raise InvalidRequestError(
                "Cannot create the usage record because the subscription item's price is not metered.",
                "subscription_item",
            )
        used = item.get("_usage", 0) if params.action == "increment" else 0
        item["_usage"] = used + params.quantity
        return {
            "id": self._account.new_id("mbur_1", 23),
            "object": "usage_record",
            "livemode": False,
            "quantity": params.quantity,
            "subscription_item": item_id,
            "timestamp": params.timestamp if isinstance(params.timestamp, int) else self._account.now(),
        }

    def price(self, named: str | None, data: PriceData | None, place: str) -> Row:
        """Give the price that a position at `place` names or describes.

        Raises a `StripeError` where it cannot be subscribed to.
        """
        if data is not None:
            if data.recurring is None:
                param = f"{place}[price_data][recurring]"
                raise InvalidRequestError(f"Missing required param: {param}.", param, "parameter_missing")
            return self._catalog.price_on_the_spot(data, f"{place}[price_data]")
        place = f"{place}[price]"
        if named is None:
            raise InvalidRequestError(f"Missing required param: {place}.", place, "parameter_missing")
        price = self._account.tables.prices.named(named, place)
        if not price["active"]:
            raise InvalidRequestError("The price specified is inactive. This field only accepts active prices.", place)
        if price["type"] != "recurring":
            raise InvalidRequestError(
                "The price specified is set to `type=one_time` but this field only accepts prices with "
                "`type=recurring`.",
                place,
            )
        return price

    def add(self, owner: Row, price: Row, wanted: SubscriptionItem) -> Row:
        """Give a subscription a price that it does not have yet."""
        quantity = None if metered(price) else wanted.quantity
        item_id = self._account.new_id("si", 14)
        item = billing_objects.subscription_item(item_id, self._account.now(), owner, price, quantity)
        item["metadata"] = merge_metadata({}, wanted.metadata)
        owner["items"]["data"].append(item)
        return self._account.add(self._account.tables.items, item)

    def plan(self, owner: Row, params: SubscriptionUpdate) -> Plan:
        """Check the items of an update. Raises a `StripeError`; nothing is changed yet."""
        held = {item["id"]: item for item in owner["items"]["data"]}
        steps = []
        for index, change in enumerate(params.items):
            place = f"items[{index}]"
            if change.id is not None and change.id not in held:
                raise ResourceMissing("subscription item", change.id, f"{place}[id]", 400)
            if change.id is None and change.deleted:
                raise InvalidRequestError(f"Missing required param: {place}[id].", f"{place}[id]", "parameter_missing")
            item = held.get(change.id or "")
            named = change.price or change.plan
            stays = item is not None and not named and change.price_data is None
            price = item["price"] if item and stays else self.price(named, change.price_data, place)
            steps.append(Step(change, item, price))
        touched = {step.change.id for step in steps}
        prices = [item["price"] for item in held.values() if item["id"] not in touched]
        prices += [step.price for step in steps if not step.change.deleted]
        if not prices:
            raise InvalidRequestError(
                "A subscription must have at least one active plan. To delete a subscription, use the cancel endpoint.",
                "items",
            )
        check_alike(prices)
        return Plan(steps, interval(prices[0]) != interval(owner["items"]["data"][0]["price"]))

    def apply(self, owner: Row, changes: Plan, *, prorates: bool) -> None:
        """Carry a plan out; where it `prorates`, with pending invoice items for the rest of the period."""
        for step in changes.steps:
            item = step.item
            if item is not None and prorates:
                self.credit(owner, item)
            if item is not None and step.change.deleted:
                owner["items"]["data"].remove(item)
                del self._account.tables.items.rows[item["id"]]
                continue
            if item is None:
                item = self.add(owner, step.price, step.change)
            else:
                _change(item, step.change, step.price)
            if prorates and not changes.new_period:
                self._prorate(owner, item, 1, "Remaining time on")

    def credit(self, owner: Row, item: Row) -> None:
        """Give back what was paid for the rest of the period."""
        self._prorate(owner, item, -1, "Unused time on")

    def _prorate(self, owner: Row, item: Row, sign: int, words: str) -> None:
        length = owner["current_period_end"] - owner["current_period_start"]
        left = owner["current_period_end"] - self._account.now()
        amount = round(period_amount(item["price"], item["quantity"]) * max(left, 0) / length)
        if amount:
            name = self._account.tables.products.rows[item["price"]["product"]]["name"]
            quantity = f"{item['quantity']} × " if item["quantity"] > 1 else ""
            self._invoice_items.prorate(owner, item, sign * amount, f"{words} {quantity}{name}")


def _change(item: Row, change: ItemChange, price: Row) -> None:
    quantity = change.quantity if "quantity" in change.model_fields_set else item["quantity"] or 1
    item.update(price=price, plan=plan(price), quantity=None if metered(price) else quantity)
    if change.clear_usage:
        item.pop("_usage", None)
    if "metadata" in change.model_fields_set:
        item["metadata"] = merge_metadata(item["metadata"], change.metadata)


def check_alike(prices: list[Row]) -> None:
    """Refuse prices that cannot stand on one subscription."""
    if len(prices) > MOST_ITEMS:
        raise InvalidRequestError(f"A subscription can have up to {MOST_ITEMS} items.", "items")
    if len({price["currency"] for price in prices}) > 1:
        raise InvalidRequestError("All prices on a subscription must use the same currency.", "items")
    if len({interval(price) for price in prices}) > 1:
        raise InvalidRequestError(
            "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If "
            "you "
            "meant to update an existing subscription item instead of creating a new one, make sure to include the "
            "subscription item ID in the request.",
            "items",
        )
    if len({price["id"] for price in prices}) < len(prices):
        raise InvalidRequestError("Cannot add multiple subscription items with the same price.", "items")


def metered(price: Row) -> bool:
    """Whether a price is charged by use."""
    return bool(price["recurring"]["usage_type"] == "metered")


def interval(price: Row) -> tuple[str, int]:
    """Give the period of a price: its interval and how many of it."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def period_amount(price: Row, quantity: int | None) -> int:
    """Give what a price costs for a period in advance: nothing where it is metered."""
    return 0 if metered(price) else times(price, 1 if quantity is None else quantity)


def rate(price: Row) -> str:
    """Describe a price: `at 49.00 USD / month`."""
    name, count = interval(price)
    every = name if count == 1 else f"every {count} {name}s"
    return f"at {(price['unit_amount'] or 0) / 100:.2f} {price['currency'].upper()} / {every}"
