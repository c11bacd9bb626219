"""The sentinel as an application: a name server and closed doors beside the admin API that every double has."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mock_services.core.service import Service, StartRefused
from mock_services.sentinel.doors import Doors
from mock_services.sentinel.errors import SentinelErrors
from mock_services.sentinel.models import Sightings
from mock_services.sentinel.name_server import NameServer
from mock_services.sentinel.protocol import Kind, Question, UnreadableQuestion, answer, read
from mock_services.sentinel.settings import SentinelSettings

log = logging.getLogger(__name__)


def build(settings: SentinelSettings | None = None) -> Service:
    """Make the sentinel; without `settings` they come from the environment."""
    return Sentinel(settings or SentinelSettings()).service


class Sentinel:
    """Joins what is asked and what is refused to the counts."""

    def __init__(self, settings: SentinelSettings) -> None:
        self.settings = settings
        self.sightings = Sightings(settings.max_names)
        self._names = NameServer(self._ask)
        self._doors = Doors(self._refuse)
        self.service = Service(
            "sentinel",
            (),
            SentinelErrors(),
            lifespan=self._lifespan,
            reset=[self.sightings.clear],
            gauges=self.gauges,
        )

    def gauges(self) -> dict[str, Any]:
        """Give the numbers for `/__lab/metrics`."""
        return {
            "sentinel": {
                **self.sightings.facts(),
                "dns_port": self._names.port,
                "refused_ports": self._doors.ports,
            }
        }

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        settings, host = self.settings, str(self.settings.listen)
        try:
            try:
                variable = f"LAB_SENTINEL_DNS_PORT is {settings.dns_port}"
                await self._names.open(host, settings.dns_port)
                variable = f"LAB_SENTINEL_REFUSED_PORTS is {','.join(map(str, settings.refused_ports))}"
                await self._doors.open(host, settings.refused_ports)
            except OSError as taken:
                raise StartRefused(f"sentinel: {variable}, which cannot be listened on: {taken.strerror}") from taken
            yield
        finally:
            await self._names.close()
            await self._doors.close()

    async def _ask(self, wire: bytes, client: str, datagram: bool) -> bytes | None:
        started = time.perf_counter()
        try:
            question = read(wire, self.settings.doubles)
        except UnreadableQuestion as unreadable:
            self.sightings.unreadable += 1
            self.service.journal.add("dns", "DNS unreadable", "", 1, 0.0, "", f"{client}: {unreadable}", wire)
            return None
        self.sightings.look_up(question.kind, question.name, client)
        said = answer(question, await self._address(question), datagram)
        self.service.journal.add(
            "dns",
            f"DNS {question.kind}",
            question.name,
            said[3] & 0x0F,  # the answer's code
            (time.perf_counter() - started) * 1000,
            "",
            f"{question.record} for {client}",
            b"",
        )
        return said

    async def _address(self, question: Question) -> str | None:
        """Find the address to answer with: the double's, or for a name outside the sentinel's own."""
        if question.kind is Kind.OUTSIDE:
            return str(self.settings.address)
        if question.kind is Kind.NOWHERE or not question.wants_address:
            return None
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(question.double, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except OSError as unknown:
            log.warning("%s is to be answered by %s, which has no address: %s", question.name, question.double, unknown)
            return None
        return str(found[0][4][0])

    def _refuse(self, host: str, port: int, client: str) -> None:
        named = self.sightings.refuse(host, port, client)
        self.service.journal.add("connection", f"refused {port}", named, 0, 0.0, "", f"from {client}", b"")
        log.info("refused a connection of %s to %s", client, named)
