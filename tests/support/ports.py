"""Ports for what a test starts."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

LAB_PORTS = (8001, 8010, 8020, 8089, 5557)
CLAIM = 8000
"""Beside the lab's ports, and none of them: who listens here, moved likewise, has the others to itself."""
OFFSETS = range(2000, 24_000, 100)
"""So that no port is among those that the system gives to clients."""


def free(port: int) -> bool:
    """Say whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def lab_offset() -> Iterator[int]:
    """An offset at which all of the lab's ports are free, and which no other test process gets meanwhile."""
    for offset in random.SystemRandom().sample(OFFSETS, len(OFFSETS)):
        if not all(free(port + offset) for port in (CLAIM, *LAB_PORTS)):
            continue
        try:
            claim = socket.create_server(("127.0.0.1", CLAIM + offset))
        except OSError:
            continue  # somebody was quicker
        with claim:
            yield offset
        return
    raise AssertionError("the lab's ports are taken at every offset")


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
