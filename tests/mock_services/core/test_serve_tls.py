"""A double over TLS: the vendors' libraries trust the lab's authority, and it is the same double as over plain HTTP."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection

import httpx
import pytest
from openai import OpenAI
from starlette.responses import Response
from websockets.sync.client import connect

from mock_services.core.authority import AUTHORITY, make
from mock_services.core.serve import main
from mock_services.core.vendor_hosts import VENDOR_HOSTS
from tests.support.doubles import ROOT, refusal_to_start, serving_tls

OPENAI_KEY = "sk-1ab0000000000000000000000000000000000000000penai"
STRIPE_KEY = f"sk_test_1ab{'0' * 90}stripe"
DEEPGRAM_KEY = "1ab0000000000000000000000000000000deeb9a"
AT_ONCE = {"OPENAI_FIRST_TOKEN_MS": "0", "OPENAI_TOKENS_PER_SECOND": "0", "STRIPE_LATENCY_MS": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    make(made, made, {*VENDOR_HOSTS, "127.0.0.1"})
    return made


@pytest.fixture(scope="module")
def vendors(folder: Path) -> Iterator[tuple[str, str]]:
    with serving_tls("vendors", folder, **AT_ONCE) as addresses:
        yield addresses


def test_a_library_with_the_authority_is_answered(
    vendors: tuple[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / AUTHORITY))
    with OpenAI(api_key=OPENAI_KEY, base_url=f"https://{vendors[1]}/openai/v1", max_retries=0) as sdk:
        assert sdk.responses.create(model="gpt-4o-mini", input="thanks").output_text


def test_a_library_without_it_refuses(vendors: tuple[str, str]) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(f"https://{vendors[1]}/__lab/health")


def test_a_socket_under_the_vendors_own_name(vendors: tuple[str, str], folder: Path) -> None:
    """As inside the network, but for the address, which a name server gives there."""
    host, _, port = vendors[1].partition(":")
    with connect(
        "wss://agent.deepgram.com/v1/agent/converse",
        sock=create_connection((host, int(port))),
        ssl=ssl.create_default_context(cafile=str(folder / AUTHORITY)),
        additional_headers={"Authorization": f"Token {DEEPGRAM_KEY}"},
    ) as agent:
        assert json.loads(agent.recv(timeout=10))["type"] == "Welcome"


def test_nothing_wakes_a_reader_before_the_first_answer(vendors: tuple[str, str], folder: Path) -> None:
    """A session ticket would: see `core.tls`. Whoever reads then, while another thread writes, may hang."""
    trust = ssl.create_default_context(cafile=str(folder / AUTHORITY))
    host, _, port = vendors[1].partition(":")
    with trust.wrap_socket(create_connection((host, int(port))), server_hostname=host) as client:
        client.sendall(b"GET /__lab/health HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
        assert client.version() == "TLSv1.3"
        assert client.session is not None
        assert not client.session.has_ticket


def test_both_doors_lead_to_the_same_double(vendors: tuple[str, str], folder: Path) -> None:
    httpx.post(f"http://{vendors[0]}/__lab/reset")
    trust = ssl.create_default_context(cafile=str(folder / AUTHORITY))
    headers = {"Host": "api.openai.com", "Authorization": f"Bearer {OPENAI_KEY}"}
    assert httpx.get(f"https://{vendors[1]}/v1/models", headers=headers, verify=trust).status_code == 200
    assert httpx.get(f"http://{vendors[0]}/v1/models", headers=headers).status_code == 200
    counted = httpx.get(f"http://{vendors[0]}/openai/__lab/metrics").json()
    assert counted["requests"] == {"GET /v1/models": {"200": 2}}


@pytest.mark.parametrize("wrapped", [True, False], ids=["with sitecustomize", "without"])
def test_stripes_library_trusts_it_only_by_the_labs_sitecustomize(
    vendors: tuple[str, str], folder: Path, wrapped: bool
) -> None:
    program = (
        f"from stripe import StripeClient; client = StripeClient({STRIPE_KEY!r}, max_network_retries=0,"
        f" base_addresses={{'api': 'https://{vendors[1]}/stripe'}}); print(client.v1.customers.create().object)"
    )
    environment = {"SSL_CERT_FILE": str(folder / AUTHORITY)}
    if wrapped:
        environment["PYTHONPATH"] = str(ROOT / "compose" / "intercept" / "python")
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    if wrapped:
        assert (done.stdout, done.stderr) == ("customer\n", "")
    else:
        assert "Could not verify Stripe's SSL certificate" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tls-port", "0"], "--tls-port and --tls-dir go together; give both, or neither"),
        (["--tls-dir", "/"], "--tls-port and --tls-dir go together; give both, or neither"),
        (["--tls-port", "0", "--tls-dir", "/nowhere"], "--tls-dir is /nowhere, whose certificate.pem and key.pem"),
    ],
)
def test_half_a_door_is_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    with pytest.raises(SystemExit, match="3"):
        main("vendor", 0, Response, argv=["--port", "0", *arguments])
    said = capsys.readouterr().err
    assert said.startswith(f"vendor: {sentence}")
    assert said.count("\n") == 1


def test_a_taken_tls_port_is_named(folder: Path, vendors: tuple[str, str]) -> None:
    port = vendors[1].partition(":")[2]
    assert refusal_to_start("twilio", "--tls-port", port, "--tls-dir", str(folder)) == (
        f"twilio: port {port} on 127.0.0.1 is in use; stop what listens there or choose another with --tls-port"
    )


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"kind": "truncate", "bytes": 10}, (httpx.RemoteProtocolError, "received 10 bytes")),
        ({"kind": "timeout"}, (httpx.ReadTimeout, "timed out")),
    ],
)
def test_a_broken_connection_is_broken_through_tls_too(
    vendors: tuple[str, str], folder: Path, fault: dict[str, str], failure: tuple[type[Exception], str]
) -> None:
    door = f"http://{vendors[0]}/__lab/faults"
    httpx.put(door, json={"faults": [{"name": "it", "description": "a test", "service": "openai", **fault}]})
    trusted = ssl.create_default_context(cafile=folder / AUTHORITY)
    with (
        httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {OPENAI_KEY}"}, timeout=1) as client,
        pytest.raises(failure[0], match=failure[1]),
    ):
        client.get(f"https://{vendors[1]}/openai/v1/models")
    httpx.delete(door)


def test_a_reset_goes_below_tls(vendors: tuple[str, str], folder: Path) -> None:
    """OpenSSL tells a client of no more than an end; its socket knows that it was a TCP reset."""
    door = f"http://{vendors[0]}/__lab/faults"
    httpx.put(door, json={"faults": [{"name": "it", "description": "a test", "kind": "reset", "service": "openai"}]})
    trusted = ssl.create_default_context(cafile=folder / AUTHORITY)
    host, _, port = vendors[1].partition(":")
    head = f"GET /openai/v1/models HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer {OPENAI_KEY}\r\n\r\n"
    with trusted.wrap_socket(create_connection((host, int(port))), server_hostname="127.0.0.1") as client:
        client.sendall(head.encode())
        with pytest.raises(ConnectionResetError):
            while os.read(client.fileno(), 1000):
                pass
    httpx.delete(door)
