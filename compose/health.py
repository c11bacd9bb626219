"""A container's healthcheck: `health.py http URL` wants a 200, `health.py connected PORT` an open connection.

The second is for a Locust worker, which serves nothing: it is well while it holds a connection to its master's port.
"""

import sys
import urllib.request
from pathlib import Path

TIMEOUT_S = 3
ESTABLISHED = "01"


def answers(url: str) -> bool:
    """Whether `url` answers 200 within `TIMEOUT_S`."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the compose file's own URL
            return bool(answer.status == 200)
    except OSError:  # refused, timed out, or an answer that is an error
        return False


def connected(port: int, tables: tuple[str, ...] = ("/proc/net/tcp", "/proc/net/tcp6")) -> bool:
    """Whether this network namespace holds an established TCP connection to `port` of a peer."""
    for table in tables:
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, _, peer, state, *_ = line.split()
            if state == ESTABLISHED and int(peer.rpartition(":")[2], 16) == port:
                return True
    return False


def main(arguments: list[str]) -> int:
    """0 when well, 1 when not, 3 for wrong usage."""
    match arguments:
        case ["http", url]:
            well = answers(url)
        case ["connected", port] if port.isdecimal():
            well = connected(int(port))
        case _:
            sys.stderr.write("usage: health.py http URL | connected PORT\n")
            return 3
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
