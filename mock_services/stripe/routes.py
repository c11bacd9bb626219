"""Every operation that the stub serves: its method and path, its parameters, and what carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mock_services.stripe import billing_params as billing
from mock_services.stripe import checkout_params as checkout
from mock_services.stripe import params as p
from mock_services.stripe.catalog import Catalog
from mock_services.stripe.checkout import Checkout
from mock_services.stripe.customers import Customers, PaymentMethods
from mock_services.stripe.endpoints import Endpoints
from mock_services.stripe.invoice_items import InvoiceItems
from mock_services.stripe.invoices import Invoices
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.objects import balance
from mock_services.stripe.protocol import BASIL
from mock_services.stripe.subscription_items import SubscriptionItems
from mock_services.stripe.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `run` takes the values in the path, then the parameters; it gives an object or a page of them."""

    name: str
    summary: str
    params: type[p.Params]
    run: Callable[..., Row | Page]
    until: str | None = None
    """The API version that no longer has the operation."""


class Resources:
    """The parts of an account, joined: each knows only those that it needs."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.methods = PaymentMethods(account)
        self.customers = Customers(account, self.methods)
        self.catalog = Catalog(account)
        self.invoices = Invoices(account, self.methods)
        self.invoice_items = InvoiceItems(account, self.catalog)
        self.items = SubscriptionItems(account, self.catalog, self.invoice_items)
        self.subscriptions = Subscriptions(account, self.methods, self.invoices, self.items)
        self.checkout = Checkout(account, self.customers, self.methods, self.items, self.subscriptions)
        self.endpoints = Endpoints(account)

    def begin(self) -> None:
        """Put in what the settings say that the account begins with."""
        if self.account.settings.seed_catalog:
            self.catalog.seed()
        self.endpoints.seed()

    def delete_customer(self, customer_id: str, params: p.Params) -> Row:
        """Delete a customer, ending what they subscribe to."""
        self.account.tables.customers.get(customer_id)
        self.subscriptions.cancel_all(customer_id)
        return self.customers.delete(customer_id)

    def balance(self, params: p.Params) -> Row:
        """Give the account's balance: what invoices have brought in, pending, with no fees taken off."""
        return balance(self.account.paid)

    def read(self, table: str) -> Callable[[str, p.Params], Row]:
        """Give the operation that retrieves one object of a table."""
        return lambda object_id, params: self.account.tables.of(table).get(object_id)


def routes(on: Resources) -> list[Route]:
    """Give every operation on the account of `on`."""
    return [
        *_customer_routes(on),
        *_catalog_routes(on),
        *_checkout_routes(on),
        *_subscription_routes(on),
        *_invoice_routes(on),
        *_event_routes(on),
    ]


def _customer_routes(on: Resources) -> list[Route]:
    customers, methods = on.customers, on.methods
    return [
        Route("POST /v1/customers", "Create a customer", p.CustomerCreate, customers.create),
        Route("GET /v1/customers", "List customers", p.CustomerList, customers.page),
        Route("GET /v1/customers/{id}", "Retrieve a customer", p.Params, customers.retrieve),
        Route("POST /v1/customers/{id}", "Update a customer", p.CustomerUpdate, customers.update),
        Route("DELETE /v1/customers/{id}", "Delete a customer", p.Params, on.delete_customer),
        Route("GET /v1/payment_methods", "List payment methods", p.PaymentMethodList, methods.page),
        Route("GET /v1/payment_methods/{id}", "Retrieve a payment method", p.Params, on.read("payment_methods")),
        Route(
            "POST /v1/payment_methods/{id}/attach", "Give a card to a customer", p.PaymentMethodAttach, methods.attach
        ),
        Route("POST /v1/payment_methods/{id}/detach", "Take a card from a customer", p.Params, methods.detach),
        Route("GET /v1/payment_intents/{id}", "Retrieve a payment", p.Params, on.read("payment_intents")),
        Route("POST /v1/payment_intents/{id}/confirm", "Pay", p.PaymentIntentConfirm, on.invoices.confirm),
    ]


def _catalog_routes(on: Resources) -> list[Route]:
    catalog = on.catalog
    return [
        Route("POST /v1/products", "Create a product", p.ProductCreate, catalog.create_product),
        Route("GET /v1/products", "List products", p.ProductList, catalog.products),
        Route("GET /v1/products/{id}", "Retrieve a product", p.Params, on.read("products")),
        Route("POST /v1/products/{id}", "Update a product", p.ProductUpdate, catalog.update_product),
        Route("DELETE /v1/products/{id}", "Delete a product", p.Params, catalog.delete_product),
        Route("POST /v1/prices", "Create a price", p.PriceCreate, catalog.create_price),
        Route("GET /v1/prices", "List prices", p.PriceList, catalog.prices),
        Route("GET /v1/prices/{id}", "Retrieve a price", p.Params, on.read("prices")),
        Route("POST /v1/prices/{id}", "Update a price", p.PriceUpdate, catalog.update_price),
    ]


def _checkout_routes(on: Resources) -> list[Route]:
    sessions = on.checkout
    one = "/v1/checkout/sessions/{id}"
    return [
        Route("POST /v1/checkout/sessions", "Create a checkout session", checkout.CheckoutCreate, sessions.create),
        Route("GET /v1/checkout/sessions", "List checkout sessions", checkout.CheckoutList, sessions.page),
        Route(f"GET {one}", "Retrieve a checkout session", p.Params, sessions.retrieve),
        Route(f"GET {one}/line_items", "List what a checkout session sells", p.Listing, sessions.line_items),
        Route(f"POST {one}/expire", "Expire a checkout session", p.Params, sessions.expire),
        Route("POST /v1/billing_portal/sessions", "Open the portal", checkout.PortalCreate, sessions.open_portal),
    ]


def _subscription_routes(on: Resources) -> list[Route]:
    subscriptions, items = on.subscriptions, on.items
    one, usage = "/v1/subscriptions/{id}", "/v1/subscription_items/{id}/usage_records"
    return [
        Route("POST /v1/subscriptions", "Create a subscription", billing.SubscriptionCreate, subscriptions.create),
        Route("GET /v1/subscriptions", "List subscriptions", billing.SubscriptionList, subscriptions.page),
        Route(f"GET {one}", "Retrieve a subscription", p.Params, on.read("subscriptions")),
        Route(f"POST {one}", "Update a subscription", billing.SubscriptionUpdate, subscriptions.update),
        Route(f"DELETE {one}", "Cancel a subscription", billing.SubscriptionCancel, subscriptions.cancel),
        Route("GET /v1/subscription_items", "List a subscription's items", billing.ItemList, items.page),
        Route("GET /v1/subscription_items/{id}", "Retrieve a subscription's item", p.Params, on.read("items")),
        Route(f"POST {usage}", "Record usage", billing.UsageRecord, items.record_usage, until=BASIL),
    ]


def _invoice_routes(on: Resources) -> list[Route]:
    invoices, items = on.invoices, on.invoice_items
    one = "/v1/invoices/{id}"
    return [
        Route("POST /v1/invoiceitems", "Create an invoice item", billing.InvoiceItemCreate, items.create),
        Route("GET /v1/invoiceitems", "List invoice items", billing.InvoiceItemList, items.page),
        Route("GET /v1/invoiceitems/{id}", "Retrieve an invoice item", p.Params, on.read("invoice_items")),
        Route("POST /v1/invoiceitems/{id}", "Update an invoice item", billing.InvoiceItemUpdate, items.update),
        Route("DELETE /v1/invoiceitems/{id}", "Delete an invoice item", p.Params, items.delete),
        Route("POST /v1/invoices", "Create an invoice", billing.InvoiceCreate, invoices.create),
        Route("GET /v1/invoices", "List invoices", billing.InvoiceList, invoices.page),
        Route(f"GET {one}", "Retrieve an invoice", p.Params, on.read("invoices")),
        Route(f"POST {one}", "Update an invoice", billing.InvoiceUpdate, invoices.update),
        Route(f"DELETE {one}", "Delete a draft invoice", p.Params, invoices.delete),
        Route(f"GET {one}/lines", "List an invoice's lines", p.Listing, invoices.lines),
        Route(f"POST {one}/finalize", "Finalize an invoice", billing.InvoiceFinalize, invoices.finalize),
        Route(f"POST {one}/pay", "Pay an invoice", billing.InvoicePay, invoices.pay),
        Route(f"POST {one}/void", "Void an invoice", p.Params, invoices.void),
    ]


def _event_routes(on: Resources) -> list[Route]:
    endpoints = on.endpoints
    one = "/v1/webhook_endpoints/{id}"
    return [
        Route("POST /v1/webhook_endpoints", "Create a webhook endpoint", p.EndpointCreate, endpoints.create),
        Route("GET /v1/webhook_endpoints", "List webhook endpoints", p.Listing, endpoints.page),
        Route(f"GET {one}", "Retrieve a webhook endpoint", p.Params, on.read("endpoints")),
        Route(f"POST {one}", "Update a webhook endpoint", p.EndpointUpdate, endpoints.update),
        Route(f"DELETE {one}", "Delete a webhook endpoint", p.Params, endpoints.delete),
        Route("GET /v1/events", "List events", p.EventList, endpoints.events),
        Route("GET /v1/events/{id}", "Retrieve an event", p.Params, endpoints.event),
        Route("GET /v1/balance", "Retrieve the balance", p.Params, on.balance),
    ]
