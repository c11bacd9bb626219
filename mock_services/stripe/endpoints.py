"""Webhook endpoints, and the list of events."""

from __future__ import annotations

import re

from mock_services.stripe import objects
from mock_services.stripe.errors import InvalidRequestError, ResourceMissing
from mock_services.stripe.models import Account, Page, Row
from mock_services.stripe.params import EndpointCreate, EndpointUpdate, EventList, Listing, Params
from mock_services.stripe.protocol import is_version
from mock_services.stripe.values import merge_metadata

MOST_ENDPOINTS = 16
LAB_ENDPOINT = "we_lab"


class Endpoints:
    """`/v1/webhook_endpoints` and `/v1/events`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def seed(self) -> None:
        """Register the endpoint that the environment names, with a secret that the target can know beforehand."""
        settings = self._account.settings
        if settings.webhook_url is not None:
            url, secret = str(settings.webhook_url), settings.webhook_secret
            row = objects.webhook_endpoint(LAB_ENDPOINT, self._account.now(), url, secret)
            self._account.add(self._account.tables.endpoints, row)

    def create(self, params: EndpointCreate) -> Row:
        """Register an endpoint. Its secret is in this answer and in no other."""
        table = self._account.tables.endpoints
        if len(table) >= MOST_ENDPOINTS:
            raise InvalidRequestError(f"You have reached the maximum of {MOST_ENDPOINTS} test webhook endpoints.")
        if params.api_version is not None and not is_version(params.api_version):
            raise InvalidRequestError(f"Invalid API version: {params.api_version[:100]}", "api_version")
        _check_events(params.enabled_events)
        secret = self._account.new_id("whsec", 32)
        row = objects.webhook_endpoint(self._account.new_id("we_1", 23), self._account.now(), params.url, secret)
        row.update(params.given("api_version", "description", "enabled_events"))
        row["metadata"] = merge_metadata({}, params.metadata)
        self._account.add(table, row)
        return {**row, "secret": secret}

    def update(self, endpoint_id: str, params: EndpointUpdate) -> Row:
        """Change an endpoint, or switch it off."""
        row = self._account.tables.endpoints.get(endpoint_id)
        if params.enabled_events is not None:
            _check_events(params.enabled_events)
        given = params.given("description", "enabled_events", "url")
        row.update({name: value for name, value in given.items() if value is not None or name == "description"})
        if "disabled" in params.model_fields_set:
            row["status"] = "disabled" if params.disabled else "enabled"
        row["metadata"] = merge_metadata(row["metadata"], params.metadata)
        return row

    def delete(self, endpoint_id: str, params: Params) -> Row:
        """Take an endpoint away; what was to be sent to it is not sent any more."""
        table = self._account.tables.endpoints
        table.get(endpoint_id)["status"] = "disabled"
        del table.rows[endpoint_id]
        return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}

    def page(self, params: Listing) -> Page:
        """List endpoints."""
        return self._account.tables.endpoints.page(params)

    def listening(self, kind: str) -> list[Row]:
        """Give the endpoints that want events of `kind`."""
        return [
            row
            for row in self._account.tables.endpoints.rows.values()
            if row["status"] == "enabled" and ("*" in row["enabled_events"] or kind in row["enabled_events"])
        ]

    def events(self, params: EventList) -> Page:
        """List events, as by type: `types`, or one `type`, which may end in `*`."""
        if params.type is not None and params.types:
            raise InvalidRequestError("You may only specify one of these parameters: type, types.", "types")
        prefix = params.type[:-1] if params.type and params.type.endswith("*") else None
        return self._account.events.page(
            params,
            lambda row: (
                (params.type is None or row["type"] == params.type or bool(prefix and row["type"].startswith(prefix)))
                and (not params.types or row["type"] in params.types)
                and params.delivery_success in (None, row["pending_webhooks"] == 0)
            ),
        )

    def event(self, event_id: str, params: Params) -> Row:
        """Give one event."""
        row = self._account.events.rows.get(event_id)
        if row is None:
            raise ResourceMissing("event", event_id, "id")
        return row


def _check_events(kinds: list[str]) -> None:
    if not kinds:
        raise InvalidRequestError("Missing required param: enabled_events.", "enabled_events", "parameter_missing")
    for index, kind in enumerate(kinds):
        if kind != "*" and not re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", kind):
            raise InvalidRequestError(
                f"Invalid enabled_events[{index}]: {kind[:100]} is no type of event", f"enabled_events[{index}]"
            )
