"""Latency as stations that requests pass: each is as busy as many wait in it, which is what `loaded` grows with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random

from mock_services.core.faults.rules import Latency
from mock_services.core.latency import Loaded


class _Station:
    def __init__(self, rule: Latency) -> None:
        self.rule = rule
        self.busy = 0


class Stations:
    """Latency rules in order: the first that fits a request is the one that it waits by."""

    def __init__(self, rules: Iterable[Latency], random: Random) -> None:
        self._stations = [_Station(rule) for rule in rules]
        self._random = random

    @property
    def busy(self) -> int:
        """How many wait now."""
        return sum(station.busy for station in self._stations)

    async def serve(self, operation: str, path: str) -> None:
        """Wait as long as the first rule that fits says."""
        for station in self._stations:
            if station.rule.fits(operation, path):
                delay = station.rule.delay
                station.busy += 1
                try:
                    if isinstance(delay, Loaded):
                        await asyncio.sleep(delay.draw_s(self._random, station.busy))
                    else:
                        await asyncio.sleep(delay.draw_s(self._random))
                finally:
                    station.busy -= 1
                return
