"""The state of the stub: one account's objects in bounded tables, its clock, its ids and the events that it emits.

An object is kept as a dict in the shape that Stripe's API gives it, with the fields of all API versions side by side;
`shapes` leaves each client those of its version. Keys that begin with `_` are the stub's own and never leave it.
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile, islice, takewhile
from typing import Any

import orjson

from mock_services.core.randomness import Randomness
from mock_services.stripe.errors import AccountFull, InvalidRequestError, ResourceMissing
from mock_services.stripe.params import CreatedListing, Listing
from mock_services.stripe.settings import StripeSettings

ALPHANUMERICS = string.ascii_letters + string.digits
Row = dict[str, Any]
Keep = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    path: str
    rows: list[Row]
    has_more: bool


class Table:
    """The objects of one kind, oldest first: `noun` is Stripe's word in "No such …", `path` where it lists them."""

    def __init__(self, noun: str, path: str, param: str = "id") -> None:
        self.noun = noun
        self.path = path
        self.param = param
        self.rows: dict[str, Row] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, object_id: str) -> Row:
        """Give the object that the path of a request names; a deleted one is missing. Raises `ResourceMissing`."""
        return self._find(object_id, self.param, 404)

    def named(self, object_id: str, param: str) -> Row:
        """Give the object that the parameter `param` of a request names. Raises `ResourceMissing`."""
        return self._find(object_id, param, 400)

    def _find(self, object_id: str, param: str, status: int) -> Row:
        row = self.rows.get(object_id)
        if row is None or row.get("deleted"):
            raise ResourceMissing(self.noun, object_id, param, status)
        return row

    def newest_first(self, keep: Keep = lambda row: True) -> Iterator[Row]:
        """Walk the objects that are not deleted."""
        return (row for row in reversed(self.rows.values()) if not row.get("deleted") and keep(row))

    def page(self, listing: Listing, keep: Keep = lambda row: True) -> Page:
        """Give the page that `listing` asks for of the objects that `keep` keeps, newest first."""
        created = listing.created if isinstance(listing, CreatedListing) else None

        def kept(row: Row) -> bool:
            return (
                not row.get("deleted")
                and (created is None or created.hold(row["date"] if "date" in row else row["created"]))
                and keep(row)
            )

        for cursor in ("starting_after", "ending_before"):
            object_id = getattr(listing, cursor)
            if object_id is not None and object_id not in self.rows:
                raise ResourceMissing(self.noun, object_id, cursor, 400)
        return paginate(reversed(self.rows.values()), kept, listing, self.path)


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that changes something: what events say of it. `run_id` is the lab's, from `X-Lab-Run-Id`."""

    request_id: str | None = None
    idempotency_key: str | None = None
    run_id: str = ""


@dataclass(slots=True)
class Tables:
    """Every kind of object that the stub keeps."""

    customers: Table = field(default_factory=lambda: Table("customer", "/v1/customers"))
    payment_methods: Table = field(
        default_factory=lambda: Table("PaymentMethod", "/v1/payment_methods", "payment_method")
    )
    payment_intents: Table = field(default_factory=lambda: Table("payment_intent", "/v1/payment_intents", "intent"))
    products: Table = field(default_factory=lambda: Table("product", "/v1/products"))
    prices: Table = field(default_factory=lambda: Table("price", "/v1/prices", "price"))
    sessions: Table = field(default_factory=lambda: Table("checkout.session", "/v1/checkout/sessions"))
    subscriptions: Table = field(default_factory=lambda: Table("subscription", "/v1/subscriptions"))
    items: Table = field(default_factory=lambda: Table("subscription_item", "/v1/subscription_items"))
    invoice_items: Table = field(default_factory=lambda: Table("invoiceitem", "/v1/invoiceitems"))
    invoices: Table = field(default_factory=lambda: Table("invoice", "/v1/invoices", "invoice"))
    endpoints: Table = field(default_factory=lambda: Table("webhook endpoint", "/v1/webhook_endpoints"))

    def of(self, name: str) -> Table:
        """Give the table called `name`."""
        table: Table = getattr(self, name)
        return table

    def all(self) -> dict[str, Table]:
        """Give every table by its name."""
        return {name: self.of(name) for name in self.__dataclass_fields__}


class Account:
    """One Stripe account in test mode. Its operations are plain functions on it: none of them waits for anything."""

    def __init__(self, settings: StripeSettings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.tables = Tables()
        self.events = Table("event", "/v1/events")
        self.cause = Cause()
        self.paid: dict[str, int] = {}
        self.listeners: list[Callable[[Row], None]] = []
        self.created: dict[str, int] = {}
        self.emitted = 0
        self._clock = clock
        self._random = Randomness(settings.seed)

    def clear(self) -> None:
        """Forget everything, and draw ids from the beginning again."""
        self.tables = Tables()
        self.events.rows.clear()
        self.paid.clear()
        self.created.clear()
        self.emitted = 0
        self._random = Randomness(self.settings.seed)

    def now(self) -> int:
        """Give the time in Unix seconds."""
        return int(self._clock())

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Draw an id: `cus` gives `cus_Nf3k…`, `sub_1` gives `sub_1MowQ…`, with `length` letters and digits drawn."""
        return f"{prefix}{'' if '_' in prefix else '_'}{self.draw(prefix, length)}"

    def draw(self, name: str, length: int) -> str:
        """Draw letters and digits from the stream of random values called `name`."""
        return "".join(self._random.stream(f"stripe {name}").choices(ALPHANUMERICS, k=length))

    def add(self, table: Table, row: Row) -> Row:
        """Keep a new object. Raises `AccountFull` where the stub's bound is reached."""
        if sum(map(len, self.tables.all().values())) >= self.settings.max_objects:
            raise AccountFull(self.settings.max_objects)
        table.rows[row["id"]] = row
        self.created[row["object"]] = self.created.get(row["object"], 0) + 1
        return row

    def emit(self, kind: str, row: Row, previous: Row | None = None) -> None:
        """Say that something happened to `row`; `previous` are the values that changed, as they were."""
        event: Row = {
            "id": self.new_id("evt_1", 23),
            "object": "event",
            "api_version": self.settings.api_version,
            "created": self.now(),
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": kind,
            "_object": orjson.dumps(row),
            "_previous": None if previous is None else orjson.dumps({**previous, "object": row["object"]}),
            "_cause": self.cause,
        }
        events = self.events.rows
        events[event["id"]] = event
        self.emitted += 1
        if len(events) > self.settings.max_events:
            del events[next(iter(events))]
        for listener in self.listeners:
            listener(event)

    @contextmanager
    def updating(self, row: Row, kind: str) -> Iterator[None]:
        """Emit `kind` with the previous values after a block that changed `row`; nothing if it did not."""
        before = orjson.loads(orjson.dumps(row))
        yield
        changed = {key: value for key, value in before.items() if row.get(key) != value and not key.startswith("_")}
        if changed:
            self.emit(kind, row, changed)


def paginate(rows: Iterator[Row], keep: Keep, listing: Listing, path: str) -> Page:
    """Cut one page out of `rows`, which come newest first and hold the listing's cursor.

    A cursor is the id of the row that the page lies beside, whether or not `keep` keeps that row.
    """
    if listing.starting_after is not None and listing.ending_before is not None:
        raise InvalidRequestError(
            "Received both starting_after and ending_before parameters. Please pass in only one.", "starting_after"
        )
    if listing.ending_before is not None:
        newer = [row for row in takewhile(lambda row: row["id"] != listing.ending_before, rows) if keep(row)]
        return Page(path, newer[-listing.limit :], len(newer) > listing.limit)
    if listing.starting_after is not None:
        rows = islice(dropwhile(lambda row: row["id"] != listing.starting_after, rows), 1, None)
    found = list(islice(filter(keep, rows), listing.limit + 1))
    return Page(path, found[: listing.limit], len(found) > listing.limit)
