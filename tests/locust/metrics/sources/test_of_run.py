"""What a run looks at, and whom it asks for what they use of a core."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from metrics.sources.of_run import sources_of
from metrics.surroundings import Surroundings
from tests.support.ports import free_port

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); s.accept()"


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """A process that listens on a port."""
    with subprocess.Popen([sys.executable, "-c", LISTEN, str(port)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_the_verdict_is_told_what_doubles_use_of_a_core_and_not_what_the_target_does() -> None:
    vendors, target = free_port(), free_port()
    seen: list[tuple[str, float]] = []
    with listening(vendors), listening(target):
        surroundings = Surroundings({"vendors": f"http://127.0.0.1:{vendors}"})
        target_url = f"http://127.0.0.1:{target}"
        told = seen.append
        sources = sources_of(
            surroundings, target_url, lambda *asked: {}, None, lambda *used: told(used), lambda *lost: None, set()
        )
        lines = [line for second in range(3) for line in sources[0].look("r", second)]
        for source in sources:
            source.close()
    assert len([line for line in lines if "role=target" in line and " cpu=" in line]) == 2
    assert [name for name, _ in seen] == ["vendors", "vendors"], "the first look has nothing to count from"
    assert all(cpu_percent >= 0 for _, cpu_percent in seen)
