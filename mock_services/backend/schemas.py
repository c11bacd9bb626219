"""Types and bodies that several areas of the API share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from mock_services.core.operations import json_bytes


def as_utc(moment: datetime) -> datetime:
    """Give a moment in UTC; one without an offset is taken as UTC already, the platform's local time."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment lies outside the years 1 to 9999 in UTC") from None


def encodable(content: dict[str, Any]) -> dict[str, Any]:
    """Refuse an object that could be stored but never answered: too deep, or with numbers or text beyond JSON's."""
    try:
        json_bytes(content)
    except TypeError as misfit:
        raise ValueError(str(misfit)) from None
    return content


Utc = Annotated[datetime, AfterValidator(as_utc)]
JsonObject = Annotated[dict[str, Any], AfterValidator(encodable)]
ANY_OBJECT = dict[str, object]
"""Any object, where an answer has no fields that are promised."""
BigInt = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]


T = TypeVar("T")


class Paging(BaseModel):
    """Which page of a list."""

    page: Annotated[int, Field(ge=1, lt=1 << 63)] = 1
    page_size: Annotated[int, Field(ge=1, le=100)] = 20

    def of(self, name: str, found: Sequence[T], view: Callable[[T], Any] = lambda row: row) -> dict[str, Any]:
        """Give the page of what was found, under its name and as it is to be seen, and how much there is."""
        first = (self.page - 1) * self.page_size
        shown = found[first : first + self.page_size]
        return {name: [*map(view, shown)], "total": len(found), "page": self.page, "page_size": self.page_size}


class Page(BaseModel):
    """What a page says of itself beside what is on it."""

    total: int
    page: int
    page_size: int


class Detail(BaseModel):
    """A small answer that says what was done."""

    detail: str


class Message(BaseModel):
    """A small answer that says what was done, under the other name that the platform uses for it."""

    message: str


class Refusal(BaseModel):
    """The body of 400, 401, 403 and handled 500 answers."""

    detail: str
    status_code: int


class NotFound(BaseModel):
    """The body of a 404 under `/api/`."""

    detail: str
    available_endpoints: dict[str, str]


class FieldError(BaseModel):
    """One value that did not fit: `field` is its dotted place, such as `body.contact_name`."""

    field: str
    message: str


class Invalid(BaseModel):
    """The body of a 422 answer, with at most ten errors."""

    detail: str
    errors: list[FieldError]


BODIES: dict[int, type[BaseModel]] = {400: Refusal, 401: Refusal, 403: Refusal, 404: NotFound, 422: Invalid}
