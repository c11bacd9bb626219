"""Connections to one vendor's API: opened by the first request, kept for the next ones, ended by `close`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import httpx

from mock_services.core.operations import RUN_HEADER


class Unreachable(Exception):
    """A vendor that did not answer; the reason is one sentence."""


class Connection:
    """Sends requests below `url`, each with `headers`. `vendor` is its name in sentences."""

    def __init__(self, vendor: str, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self.vendor = vendor
        self.url = url.rstrip("/")
        self._headers = headers
        self._timeout_s = timeout_s

    async def request(self, method: str, path: str, *, run_id: str = "", **content: Any) -> httpx.Response:
        """Send a request and read its whole answer; raise `Unreachable`. `run_id` is the load run it is sent for."""
        async with self.stream(method, path, run_id=run_id, **content) as answer:
            await answer.aread()
        return answer

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, run_id: str = "", **content: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and leave its answer's body to whoever asked; what fails in there is `Unreachable` too."""
        url = self.url + path
        headers = {RUN_HEADER: run_id} if run_id else None
        try:
            async with self._http.stream(method, url, headers=headers, **content) as answer:
                yield answer
        except httpx.HTTPError as failure:
            reason = str(failure) or type(failure).__name__
            raise Unreachable(f"{self.vendor} at {url} cannot be reached: {reason}") from failure

    async def close(self) -> None:
        """End the kept connections, if a request has opened any; the next request opens new ones."""
        if "_http" in self.__dict__:
            await self._http.aclose()
            del self._http

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        # Vendors are where their setting says: no proxy of the environment stands between. Whom to trust it does say:
        # SSL_CERT_FILE, or else the system's list.
        trust = ssl.create_default_context()
        return httpx.AsyncClient(headers=self._headers, timeout=self._timeout_s, trust_env=False, verify=trust)
