"""Requests and answers of the endpoints for Twilio's numbers; the lab's own, as the platform's never succeed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


class NumberSearch(BaseModel):
    """Which numbers to find at Twilio."""

    area_code: Annotated[str, Field(pattern="^[2-9][0-9]{2}$")] | None = None
    number_type: Literal["local", "toll_free"] = "local"
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class AvailableNumber(BaseModel):
    """A number that can be bought."""

    phone_number: str | None
    friendly_name: str | None
    locality: str | None
    region: str | None
    iso_country: str | None
    capabilities: dict[str, Any] | None


class AvailableNumbers(BaseModel):
    """The numbers that were found."""

    numbers: list[AvailableNumber]
    total: int


class OwnedNumber(BaseModel):
    """A number of the platform's Twilio account."""

    sid: str | None
    phone_number: str | None
    friendly_name: str | None
    voice_url: str | None
    status_callback: str | None
    capabilities: dict[str, Any] | None


class OwnedNumbers(BaseModel):
    """All numbers of the platform's Twilio account."""

    numbers: list[OwnedNumber]
    total: int


class Purchase(BaseModel):
    """Which number to buy."""

    phone_number: str


class Purchased(OwnedNumber):
    """A number that was bought."""

    success: bool
