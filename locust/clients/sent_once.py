"""Makes Locust's HTTP client send each request once, so that a connection that the target breaks counts as it is.

geventhttpclient sends a GET, PUT or DELETE whose connection was closed before the answer again, as often as its pool
has places and once more; `max_retries` is about something else. A target that breaks every second connection would
look like one that breaks none.
"""

from __future__ import annotations

from locust.contrib.fasthttp import FastHttpSession

NO_MORE = -1
"""The client sends again `size + 1` times. Its semaphore and its queue were made before, with the pool's true size."""


def send_once(session: FastHttpSession) -> None:
    """Have a session send each request to its own host once.

    A connection that was closed while it lay idle is still replaced before it is used.
    """
    assert session.base_url is not None  # a FastHttpUser cannot be made without a host
    client = session.client.clientpool.get_client(session.base_url)
    client._connection_pool.size = NO_MORE
