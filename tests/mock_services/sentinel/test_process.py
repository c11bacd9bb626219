"""The sentinel as a process: names over UDP and TCP, connections that are refused, and what it says of both."""

from __future__ import annotations

import smtplib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.resolver
import httpx
import pytest

from tests.support.doubles import ROOT, refusal_to_start, serving
from tests.support.waiting import wait_until

SETTINGS = {
    "LAB_SENTINEL_DNS_PORT": "0",
    "LAB_SENTINEL_REFUSED_PORTS": "0,0",
    "LAB_SENTINEL_ADDRESS": "127.0.0.9",
    "LAB_SENTINEL_DOUBLES": "api.stripe.com=localhost, api.openai.com=no-such-service.invalid",
}


@pytest.fixture(scope="module")
def sentinel() -> Iterator[str]:
    with serving("sentinel", **SETTINGS) as address:
        yield address


@pytest.fixture(autouse=True)
def _forget(sentinel: str) -> None:
    httpx.post(f"http://{sentinel}/__lab/reset")


def metrics(sentinel: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"http://{sentinel}/__lab/metrics").json()["sentinel"]
    return found


def eventually_refused(sentinel: str, hosts: dict[str, int]) -> None:
    wait_until(lambda: metrics(sentinel)["refused"]["hosts"] == hosts, f"refusal of {hosts} and no others", 10)


def resolver(sentinel: str) -> dns.resolver.Resolver:
    own = dns.resolver.Resolver(configure=False)
    own.nameservers, own.port = ["127.0.0.1"], metrics(sentinel)["dns_port"]
    return own


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
def test_names_are_answered_and_counted(sentinel: str, tcp: bool) -> None:
    names = resolver(sentinel)

    def addresses(name: str) -> list[str]:
        return [record.to_text() for record in names.resolve(name, "A", tcp=tcp, search=False)]

    assert addresses("api.stripe.com") == ["127.0.0.1"]
    assert addresses("telemetry.example.org") == ["127.0.0.9"]
    with pytest.raises(dns.resolver.NXDOMAIN):
        addresses("wpad")
    with pytest.raises(dns.resolver.NoAnswer):
        names.resolve("telemetry.example.org", "AAAA", tcp=tcp)
    lookups = metrics(sentinel)["lookups"]
    assert lookups["double"] == {"total": 1, "names": {"api.stripe.com": 1}}
    assert lookups["outside"] == {"total": 2, "names": {"telemetry.example.org": 2}}
    assert lookups["nowhere"] == {"total": 1, "names": {"wpad": 1}}
    (newest, *_) = httpx.get(f"http://{sentinel}/__lab/journal").json()["entries"]
    assert (newest["name"], newest["path"]) == ("DNS outside", "telemetry.example.org")
    assert newest["note"] == "AAAA for 127.0.0.1"


def test_several_questions_may_come_over_one_connection(sentinel: str) -> None:
    port = metrics(sentinel)["dns_port"]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for name in ("a.example.org", "b.example.org"):
            answer = dns.query.tcp(dns.message.make_query(name, "A"), "127.0.0.1", 5, sock=connection)
            assert answer.answer[0][0].to_text() == "127.0.0.9"


def test_noise_is_counted_and_harms_nobody(sentinel: str) -> None:
    port = metrics(sentinel)["dns_port"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noisy:
        noisy.sendto(b"\x00\x01noise", ("127.0.0.1", port))
        assert resolver(sentinel).resolve("a.example.org", "A")[0].to_text() == "127.0.0.9"
    assert metrics(sentinel)["unreadable"] == 1


def test_a_connection_is_refused_counted_and_named(sentinel: str) -> None:
    first, second = metrics(sentinel)["refused_ports"]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{first}/", headers={"Host": "telemetry.example.org"})
    with (
        pytest.raises(httpx.TransportError),
        httpx.Client(verify=False) as client,
    ):
        client.get(f"https://127.0.0.1:{second}/", extensions={"sni_hostname": "updates.example.org"})
    eventually_refused(sentinel, {f"telemetry.example.org:{first}": 1, f"updates.example.org:{second}": 1})


def test_mail_is_refused_too_and_named_by_what_was_looked_up(sentinel: str) -> None:
    """A mail client waits for the server to speak first, so that it never says whom it wants."""
    (port, _) = metrics(sentinel)["refused_ports"]
    resolver(sentinel).resolve("smtp.example.org", "A")
    with pytest.raises((OSError, smtplib.SMTPException)):
        smtplib.SMTP("127.0.0.1", port, timeout=10)
    eventually_refused(sentinel, {f"smtp.example.org:{port}": 1})


def test_many_at_a_time_are_all_counted(sentinel: str) -> None:
    (port, _) = metrics(sentinel)["refused_ports"]
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a.example.org\r\n\r\n")
    eventually_refused(sentinel, {f"a.example.org:{port}": 50})
    for connection in connections:
        connection.close()


def test_a_connection_that_its_client_resets_at_once_is_counted_too(sentinel: str) -> None:
    (port, _) = metrics(sentinel)["refused_ports"]
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as scanner:
            scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: metrics(sentinel)["refused"]["total"] == 20, "count of 20 connections", 10)


def test_a_double_without_an_address_is_a_failure_and_logged() -> None:
    command = [sys.executable, "-m", "mock_services.sentinel", "--port", "0"]
    environment = {"PATH": "", **SETTINGS}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().rpartition("//")[2].strip()
        with pytest.raises(dns.resolver.NoNameservers):
            resolver(address).resolve("api.openai.com", "A", lifetime=5)
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert "api.openai.com is to be answered by no-such-service.invalid, which has no address" in log


@pytest.mark.parametrize("variable", ["LAB_SENTINEL_DNS_PORT", "LAB_SENTINEL_REFUSED_PORTS"])
def test_a_taken_port_is_named_without_a_traceback(variable: str) -> None:
    command = [sys.executable, "-m", "mock_services.sentinel", "--port", "0"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            command, cwd=ROOT, env={"PATH": "", variable: port}, capture_output=True, text=True, check=False, timeout=20
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert f"sentinel: {variable} is {port}, which cannot be listened on: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAB_SENTINEL_DOUBLES", "api.stripe.com"),
        ("LAB_SENTINEL_REFUSED_PORTS", "80,web"),
        ("LAB_SENTINEL_ADDRESS", "here"),
        ("LAB_SENTINEL_MAX_NAMES", "0"),
    ],
)
def test_a_bad_setting_is_one_sentence(variable: str, value: str) -> None:
    assert refusal_to_start("sentinel", **{variable: value}).startswith(f"sentinel: {variable}")
