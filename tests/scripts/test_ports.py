"""A lab that would share a port with another program, or another lab, is refused before anything of it is started."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from locallab.ports import claimed
from locallab.processes import LabError, Spec, start, stop, wait_ready

from tests.support.commands import command
from tests.support.ports import free_port

PORTS = {"vendors": 8020, "twilio": 8010, "backend": 8001, "Locust master": 5557}
TODO = (
    "stop what listens there (`./scripts/lab down` stops a lab that was left up), or move all the lab's ports with "
    "LAB_PORT_OFFSET=1000\n"
)


def refused(name: str, environment: dict[str, str]) -> str:
    """What one of the lab's commands said when it refused to start."""
    process = command(name, *(["up"] if name == "lab" else []), environment=environment)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert not Path(environment["LAB_RESULTS_DIR"]).exists()
    return err


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_any_program_has_is_named_with_who_needs_it(
    environment: dict[str, str], offset: int, name: str, address: str
) -> None:
    port = PORTS[name] + offset
    with socket.create_server((address, port)):
        said = refused("smoke", environment)
    holder = f"{psutil.Process().name()} (process {os.getpid()})"
    assert said == f"port {port}, which the {name} process needs, is in use by {holder}: {TODO}"


@pytest.mark.parametrize("name", PORTS)
def test_a_port_of_another_lab_that_is_only_starting_is_refused_as_well(
    environment: dict[str, str], offset: int, name: str
) -> None:
    """Two offsets can have one port in common, and what is to listen on it takes seconds to do so."""
    port = PORTS[name] + offset
    with claimed({"somebody": port}):
        said = refused("smoke", environment)
    assert (
        said == f"port {port}, which the {name} process needs, is claimed by another lab, which starts or runs: {TODO}"
    )


def test_a_lab_that_is_to_stay_up_needs_a_port_for_its_page_too(environment: dict[str, str], offset: int) -> None:
    port = 8089 + offset
    with socket.create_server(("127.0.0.1", port)):
        said = refused("lab", environment)
    assert said.startswith(f"port {port}, which the Locust page process needs, is in use by ")


def test_of_two_labs_that_start_at_once_with_a_port_in_common_one_is_refused(
    environment: dict[str, str], offset: int
) -> None:
    """The twilio of the one is where the backend of the other is to be."""
    first = command("smoke", "AuthUser", "--users", "1", "--run-time", "1s", environment=environment)
    second = command(
        "smoke",
        *("AuthUser", "--users", "1", "--run-time", "1s"),
        environment={**environment, "LAB_PORT_OFFSET": str(offset + 9)},
    )
    said = [process.communicate(timeout=120)[1] for process in (first, second)]
    codes = [first.returncode, second.returncode]
    assert codes.count(3) == 1, said
    err = said[codes.index(3)]
    assert err.startswith(f"port {8010 + offset}, which the ")
    assert err.count("\n") == 1


def test_a_claim_ends_with_its_lab() -> None:
    port = free_port()
    for _ in range(2):
        with claimed({"vendors": port}), pytest.raises(LabError, match="claimed by another lab"), claimed({"x": port}):
            pass


class Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a program that answers as a double would."""
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stranger_that_was_quicker_is_not_taken_for_the_labs_own_process(stranger: int, tmp_path: Path) -> None:
    code = f"import socket, time; time.sleep(0.5); socket.create_server(('127.0.0.1', {stranger}))"
    own = start(Spec("vendors", [sys.executable, "-c", code], tmp_path, {}, stranger, "/health"), tmp_path / "log", [])
    try:
        with pytest.raises(LabError, match=f"^port {stranger}, which the vendors process needs, is in use by "):
            wait_ready(own)
    finally:
        stop([own])
