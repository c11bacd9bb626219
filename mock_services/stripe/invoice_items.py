"""Invoice items: what a customer owes until an invoice takes it up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from mock_services.stripe import billing_objects
from mock_services.stripe.billing_params import InvoiceItemCreate, InvoiceItemList, InvoiceItemUpdate
from mock_services.stripe.catalog import Catalog
from mock_services.stripe.errors import InvalidRequestError
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.objects import decimal_text, plan
from mock_services.stripe.params import Params
from mock_services.stripe.values import merge_metadata


class InvoiceItems:
    """`/v1/invoiceitems`."""

    def __init__(self, account: Account, catalog: Catalog) -> None:
        self._account = account
        self._catalog = catalog

    def create(self, params: InvoiceItemCreate) -> Row:
        """Make an item: pending, or at once a position of a draft."""
        tables = self._account.tables
        customer = tables.customers.named(params.customer, "customer")
        invoice = None if params.invoice is None else tables.invoices.named(params.invoice, "invoice")
        if invoice is not None:
            self._refuse_unless_draft(invoice)
        if params.subscription is not None:
            tables.subscriptions.named(params.subscription, "subscription")
        price = self._price(params)
        currency = price["currency"] if price else params.currency or customer["currency"] or "usd"
        row = self.make(customer, currency, 0)
        row["subscription"] = params.subscription
        self._apply(row, params, price)
        if row["subscription"] is not None:
            row["parent"] = _parent(row["subscription"], None)
        self._account.add(tables.invoice_items, row)
        if invoice is not None:
            row["invoice"] = invoice["id"]
            line = billing_objects.line_of_invoice_item(self._account.new_id("il_1", 23), row)
            invoice["lines"]["data"].append(line)
            billing_objects.totals(invoice, customer["balance"])
        self._account.emit("invoiceitem.created", row)
        return row

    def update(self, item_id: str, params: InvoiceItemUpdate) -> Row:
        """Change an item that no finalized invoice has."""
        row = self._account.tables.invoice_items.get(item_id)
        invoice = self._editable_invoice(row)
        with self._account.updating(row, "invoiceitem.updated"):
            self._apply(row, params, self._price(params))
        if invoice is not None:
            lines = invoice["lines"]["data"]
            at = next(index for index, line in enumerate(lines) if line["invoice_item"] == item_id)
            lines[at] = billing_objects.line_of_invoice_item(lines[at]["id"], row)
            self._add_up(invoice)
        return row

    def delete(self, item_id: str, params: Params) -> Row:
        """Delete an item that no finalized invoice has."""
        row = self._account.tables.invoice_items.get(item_id)
        invoice = self._editable_invoice(row)
        if invoice is not None:
            lines = invoice["lines"]["data"]
            lines[:] = [line for line in lines if line["invoice_item"] != item_id]
            self._add_up(invoice)
        del self._account.tables.invoice_items.rows[item_id]
        self._account.emit("invoiceitem.deleted", row)
        return {"id": item_id, "object": "invoiceitem", "deleted": True}

    def page(self, params: InvoiceItemList) -> Page:
        """List items, as those that no invoice has yet."""
        return self._account.tables.invoice_items.page(
            params,
            lambda row: (
                params.customer in (None, row["customer"])
                and params.invoice in (None, row["invoice"])
                and params.pending in (None, row["invoice"] is None)
            ),
        )

    def make(self, customer: Row, currency: str, amount: int) -> Row:
        """Make an item that is not kept yet."""
        item_id = self._account.new_id("ii_1", 23)
        return billing_objects.invoice_item(item_id, self._account.now(), customer, currency, amount)

    def prorate(self, owner: Row, item: Row, amount: int, description: str) -> None:
        """Keep what a change within a period costs or gives back, for the next invoice."""
        customer = self._account.tables.customers.rows[owner["customer"]]
        row = self.make(customer, item["price"]["currency"], amount)
        now = self._account.now()
        row.update(
            description=description,
            discountable=False,
            parent=_parent(owner["id"], item["id"]),
            period={"end": item["current_period_end"], "start": now},
            plan=item["plan"],
            price=item["price"],
            pricing=billing_objects.pricing(item["price"], str(amount)),
            proration=True,
            quantity=item["quantity"],
            subscription=owner["id"],
            subscription_item=item["id"],
        )
        self._account.add(self._account.tables.invoice_items, row)
        self._account.emit("invoiceitem.created", row)

    def _price(self, params: InvoiceItemUpdate) -> Row | None:
        """Give the one-time price that an item is to have, in whichever of its forms it was named."""
        named = params.price or (params.pricing and params.pricing.price)
        if params.price_data is not None:
            price = self._catalog.price_on_the_spot(params.price_data, "price_data")
        elif named:
            price = self._account.tables.prices.named(named, "price")
        else:
            return None
        if price["type"] != "one_time":
            raise InvalidRequestError(
                "The price specified is set to `type=recurring` but this field only accepts prices with "
                "`type=one_time`.",
                "price",
            )
        return price

    def _apply(self, row: Row, params: InvoiceItemUpdate, price: Row | None) -> None:
        if params.amount is not None and (price is not None or params.quantity is not None):
            raise InvalidRequestError("You may only specify one of these parameters: amount, quantity.", "amount")
        unit = params.unit_amount_decimal if params.unit_amount is None else Decimal(params.unit_amount)
        if price is not None:
            unit = Decimal(price["unit_amount_decimal"])
            row["price"] = price
            row["plan"] = plan(price) if price["recurring"] else None
        if params.quantity is not None:
            row["quantity"] = params.quantity
        if params.amount is not None:
            row.update(quantity=1, unit_amount=params.amount, unit_amount_decimal=str(params.amount))
        elif unit is not None:
            whole = unit == unit.to_integral_value()
            row.update(unit_amount=int(unit) if whole else None, unit_amount_decimal=decimal_text(unit))
        exact = Decimal(row["unit_amount_decimal"]) * row["quantity"]
        row["amount"] = row["net_amount"] = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        row["pricing"] = billing_objects.pricing(row["price"], row["unit_amount_decimal"])
        row.update(params.given("description"))
        if row["description"] is None and price is not None and "description" not in params.model_fields_set:
            row["description"] = self._account.tables.products.rows[price["product"]]["name"]
        if params.period is not None:
            row["period"] = params.period.model_dump()
        row["metadata"] = merge_metadata(row["metadata"], params.metadata)

    def _editable_invoice(self, row: Row) -> Row | None:
        invoice = self._account.tables.invoices.rows.get(row["invoice"] or "")
        if invoice is not None:
            self._refuse_unless_draft(invoice)
        return invoice

    def _add_up(self, invoice: Row) -> None:
        customer = self._account.tables.customers.rows[invoice["customer"]]
        billing_objects.totals(invoice, customer.get("balance", 0))

    @staticmethod
    def _refuse_unless_draft(invoice: Row) -> None:
        if invoice["status"] != "draft":
            raise InvalidRequestError(
                f"Invoice {invoice['id']} is no longer editable: its status is {invoice['status']}.",
                "invoice",
                "invoice_not_editable",
            )


def _parent(subscription_id: str, item_id: str | None) -> Row:
    details = {"subscription": subscription_id, "subscription_item": item_id}
    return {"subscription_details": details, "type": "subscription_details"}
