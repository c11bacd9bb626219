"""The ports that a lab is about to listen on: nobody else may have them, and no other lab that is starting either."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping

from locallab.processes import PORT_TODO, LabError, check_port


@contextlib.contextmanager
def claimed(needed: Mapping[str, int]) -> Iterator[None]:
    """Keep ports, given by who needs them, for the processes that are about to be started; raises `LabError`.

    A process takes seconds to listen, and until it does another lab would find its port free. So each port is claimed
    meanwhile by the UDP port of the same number, which the lab has no use for: the system gives it to one lab alone,
    and takes it back whatever ends that lab.
    """
    with contextlib.ExitStack() as claims:
        # In one order, so that of two labs with some ports in common one gets all of its own.
        for name, port in sorted(needed.items(), key=lambda item: item[1]):
            check_port(port, name)
            claims.enter_context(_claim(port, name))
        yield


def _claim(port: int, name: str) -> socket.socket:
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        raise LabError(
            f"port {port}, which the {name} process needs, is claimed by another lab, which starts or runs: {PORT_TODO}"
        ) from None
    return claim
