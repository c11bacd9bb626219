"""Twilio's lists: which page is asked for, and the page with its links to the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import dropwhile, islice
from typing import Any, Protocol
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from starlette.responses import Response

from mock_services.core.operations import Exchange, json_response

MAX_PAGE_SIZE = 1000
MAX_PAGE = 1_000_000_000


class Listed(Protocol):
    """What a list holds: something with a SID that can be shown."""

    @property
    def sid(self) -> str:
        """Its SID."""

    def resource(self, account_sid: str) -> dict[str, Any]:
        """Give it as Twilio shows it."""


class Paging(BaseModel):
    """Which page of a list is asked for."""

    model_config = ConfigDict(alias_generator=to_pascal)

    page_size: int = Field(default=50, ge=1)
    page: int = Field(default=0, ge=0, le=MAX_PAGE)
    page_token: str = ""


def page(exchange: Exchange, account_sid: str, key: str, wanted: Iterable[Listed]) -> Response:
    """Answer with one page. A token names the last item before it, so that a list that grows is not shifted."""
    paging: Paging = exchange.query
    size = min(paging.page_size, MAX_PAGE_SIZE)
    before = paging.page_token.removeprefix("PA")
    if before:
        rest = islice(dropwhile(lambda item: item.sid != before, wanted), 1, None)
    else:
        rest = islice(wanted, paging.page * size, None)
    items = list(islice(rest, size + 1))
    shown = items[:size]
    filters = {
        name: value
        for name, value in exchange.request.query_params.items()
        if name not in {"Page", "PageSize", "PageToken"}
    }
    link = _Links(exchange.request.url.path, filters, size)
    start = paging.page * size
    return json_response(
        {
            key: [item.resource(account_sid) for item in shown],
            "page": paging.page,
            "page_size": size,
            "start": start,
            "end": start + max(len(shown) - 1, 0),
            "uri": link(paging.page, paging.page_token),
            "first_page_uri": link(0),
            "next_page_uri": link(paging.page + 1, f"PA{shown[-1].sid}") if len(items) > size else None,
            "previous_page_uri": link(paging.page - 1) if paging.page else None,
        }
    )


class _Links:
    def __init__(self, path: str, filters: Mapping[str, str], size: int) -> None:
        self._path = path
        self._fixed = {**filters, "PageSize": str(size)}

    def __call__(self, page: int, token: str = "") -> str:
        query = {**self._fixed, "Page": str(page), **({"PageToken": token} if token else {})}
        return f"{self._path}?{urlencode(query)}"
