"""What the environment sets of the sentinel: where it listens, what it answers, and which names are whose."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from mock_services.core.environment import EnvironmentSettings, prefixed
from mock_services.core.vendor_hosts import VENDOR_HOSTS

Port = Annotated[int, Field(ge=0, le=65_535)]


class SentinelSettings(EnvironmentSettings, alias_generator=prefixed("LAB_SENTINEL_")):
    """Read from `LAB_SENTINEL_*`; docs/interception.md lists each with what it does."""

    listen: IPv4Address = IPv4Address("127.0.0.1")
    dns_port: Port = 0
    address: IPv4Address = IPv4Address("127.0.0.1")
    refused_ports: Annotated[tuple[Port, ...], NoDecode] = ()
    doubles: Annotated[Mapping[str, str], NoDecode] = dict(VENDOR_HOSTS)
    max_names: int = Field(default=1_000, ge=1)

    @field_validator("refused_ports", mode="before")
    @classmethod
    def _read_ports(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("doubles", mode="before")
    @classmethod
    def _read_doubles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
        if not pairs or not all(name and host for name, _, host in pairs):
            raise ValueError("it takes NAME=HOST with commas between, such as api.stripe.com=vendors")
        return {name.strip().lower(): host.strip() for name, _, host in pairs}
