"""Makes Locust's HTTP client send each request once, so that a connection that the target breaks counts as it is.

geventhttpclient sends a GET, PUT or DELETE whose connection was closed before the answer again, as often as its pool
has places and once more; `max_retries` is about something else. A target that breaks every second connection would
look like one that breaks none.
"""

from __future__ import annotations

from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool
from locust.contrib.fasthttp import FastHttpSession

NO_MORE = -1
"""The client sends again `size + 1` times. Its semaphore and its queue were made before, with the pool's true size."""


class ClientsThatSendOnce(HTTPClientPool):
    """One client for each host and port; a connection that was closed while it lay idle is replaced before use."""

    def get_client(self, url: Any) -> HTTPClient:
        """The client for a URL's host and port."""
        client = super().get_client(url)
        client._connection_pool.size = NO_MORE
        return client


def send_once(session: FastHttpSession) -> None:
    """Have a session that has sent nothing yet send each request once; all else stays as it was made."""
    agent = session.client
    agent.clientpool = ClientsThatSendOnce(**agent.clientpool.client_args)
