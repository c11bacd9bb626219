"""Each kind of fault as a client meets it, from a real process over real connections, and a timeline of three."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from tests.support.doubles import serving
from tests.support.waiting import wait_until

KEY = {"Authorization": "Bearer sk-1ab0000000000000000000000000000000000000000penai"}
DEEPGRAM_KEY = {"Authorization": "Token 1ab0000000000000000000000000000000deeb9a"}
MODELS = "/openai/v1/models"


@pytest.fixture(scope="module")
def vendors() -> Iterator[str]:
    """One process with every vendor, whose models are listed at once."""
    with serving("vendors", OPENAI_LOOKUP_MS="0", DEEPGRAM_SETTINGS_MS="0") as address:
        yield address


@pytest.fixture
def client(vendors: str) -> Iterator[httpx.Client]:
    """A client of that process, which has no faults before and after."""
    with httpx.Client(base_url=f"http://{vendors}", headers=KEY, timeout=5) as http:
        http.delete("/__lab/faults")
        yield http
        http.delete("/__lab/faults")


def put(client: httpx.Client, *faults: dict[str, Any], **rest: Any) -> dict[str, Any]:
    named = [{"name": f"fault {n}", "description": "a test", **fault} for n, fault in enumerate(faults)]
    answer = client.put("/__lab/faults", json={"faults": named, **rest})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def injected(address: str) -> dict[str, int]:
    counted: dict[str, int] = httpx.get(f"http://{address}/__lab/metrics").json()["faults"]["injected"]
    return counted


def wait_for_entry(client: httpx.Client, service: str, note: str) -> int:
    """Give the status of the newest request with this note; it is journalled once it has ended, also for the double."""
    found: list[dict[str, Any]] = []

    def is_noted() -> bool:
        journal = client.get(f"/{service}/__lab/journal", params={"contains": note, "limit": 1})
        found.extend(journal.json()["entries"])
        return bool(found)

    wait_until(is_noted, f"{note!r} in the journal of {service}", 3)
    return int(found[0]["status"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "server_error"), (503, "server_error"), (429, "requests"), (418, "invalid_request_error")],
)
def test_a_status_comes_in_the_vendors_words(client: httpx.Client, status: int, kind: str) -> None:
    put(client, {"kind": "status", "status": status, "service": "openai"})
    answer = client.get(MODELS)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert wait_for_entry(client, "openai", "fault fault 0: status") == status


def test_a_status_may_bring_a_body_and_headers_of_its_own(client: httpx.Client) -> None:
    headers = {"retry-after": "7"}
    put(client, {"kind": "status", "status": 502, "body": {"bad": "gateway"}, "headers": headers})
    answer = client.get(MODELS)
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (502, {"bad": "gateway"}, "7")


def test_a_timeout_is_no_answer_for_as_long_as_the_client_waits(client: httpx.Client) -> None:
    put(client, {"kind": "timeout"})
    started = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        client.get(MODELS, timeout=0.3)
    assert time.monotonic() - started >= 0.3
    client.delete("/__lab/faults")
    assert client.get(MODELS).status_code == 200


def test_a_reset_is_a_tcp_reset(client: httpx.Client) -> None:
    put(client, {"kind": "reset"})
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        client.get(MODELS)
    assert wait_for_entry(client, "openai", "fault fault 0: reset") == 0


def test_a_lost_answer_is_of_a_request_that_was_carried_out(client: httpx.Client) -> None:
    mail = {
        "personalizations": [{"to": [{"email": "ada@example.com"}]}],
        "from": {"email": "rose@example.com"},
        "subject": "Lost",
        "content": [{"type": "text/plain", "value": "and found"}],
    }
    key = "SG.1ab0000000000000000000.00000000000000000000000000000000000sendgrid"
    put(client, {"kind": "reset", "carried_out": True, "service": "sendgrid"})
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        client.post("/sendgrid/v3/mail/send", json=mail, headers={"Authorization": f"Bearer {key}"})
    assert client.get("/sendgrid/__lab/messages").json()["messages"][0]["subject"] == "Lost"


@pytest.mark.parametrize(("cut", "received"), [({}, "received 1262 bytes"), ({"bytes": 10}, "received 10 bytes")])
def test_a_truncated_body_is_shorter_than_announced(client: httpx.Client, cut: dict[str, int], received: str) -> None:
    put(client, {"kind": "truncate", **cut})
    with pytest.raises(httpx.RemoteProtocolError, match=received):
        client.get(MODELS)


def test_a_truncated_stream_lacks_its_end(client: httpx.Client) -> None:
    put(client, {"kind": "truncate", "bytes": 40})
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        client.post("/openai/v1/chat/completions", json=body)


def test_garbage_has_the_type_and_the_length_of_what_it_replaces(client: httpx.Client) -> None:
    true = client.get(MODELS)
    put(client, {"kind": "garbage"})
    garbled = client.get(MODELS)
    assert (garbled.status_code, garbled.headers["content-type"]) == (200, "application/json")
    assert len(garbled.content) == len(true.content)
    with pytest.raises(ValueError, match=r"."):
        json.loads(garbled.content)
    put(client, {"kind": "garbage"})
    assert client.get(MODELS).content == garbled.content, "the same seed makes the same garbage"


def test_a_slow_body_takes_its_time_and_is_whole(client: httpx.Client) -> None:
    true = client.get(MODELS)
    put(client, {"kind": "slow-body", "bytes_per_s": 6000})
    started = time.monotonic()
    with client.stream("GET", MODELS) as answer:
        headed = time.monotonic() - started
        content = answer.read()
    assert content == true.content
    assert headed < 0.4
    assert time.monotonic() - started == pytest.approx(len(true.content) / 6000, abs=0.4)


def test_a_delay_comes_before_the_answer(client: httpx.Client) -> None:
    put(client, {"kind": "delay", "delay": 300})
    assert client.get(MODELS).elapsed.total_seconds() == pytest.approx(0.3, abs=0.15)


def converse(address: str, path: str = "/deepgram/v1/agent/converse") -> Any:
    return connect(f"ws://{address}{path}", additional_headers=DEEPGRAM_KEY)


def test_a_socket_is_dropped_after_some_messages(vendors: str, client: httpx.Client) -> None:
    put(client, {"kind": "drop", "after_messages": 2, "service": "deepgram"})
    with converse(vendors) as socket:
        assert json.loads(socket.recv())["type"] == "Welcome"
        socket.send('{"type": "KeepAlive"}')
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=2)
    assert closed.value.rcvd is None, "no close frame came"
    assert wait_for_entry(client, "deepgram", "fault fault 0: drop") == 101


def test_a_socket_is_dropped_after_some_time(vendors: str, client: httpx.Client) -> None:
    put(client, {"kind": "drop", "after_s": 0.3, "code": 1011, "operation": "WS /v1/agent/converse"})
    with converse(vendors) as socket:
        started = time.monotonic()
        assert json.loads(socket.recv())["type"] == "Welcome"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=2)
    assert time.monotonic() - started == pytest.approx(0.3, abs=0.15)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


def test_a_handshake_is_refused_reset_and_delayed(vendors: str, client: httpx.Client) -> None:
    put(
        client,
        {"kind": "status", "status": 503, "first": 1},
        {"kind": "reset", "first": 1},
        {"kind": "delay", "delay": 300},
    )
    with pytest.raises(InvalidStatus, match="503"):
        converse(vendors)
    with pytest.raises((InvalidMessage, ConnectionResetError)):
        converse(vendors)
    started = time.monotonic()
    with converse(vendors):
        assert time.monotonic() - started == pytest.approx(0.3, abs=0.15)


def test_a_timeline_of_three_is_seen_at_the_promised_times(client: httpx.Client) -> None:
    """However slow this machine is: a request is decided on between its sending and its answer, and that is known."""
    windows = {"status": (0.4, 1.0), "reset": (1.4, 2.0), "truncate": (2.4, 3.0)}
    rules = [
        {"kind": kind, "from_s": start, "for_s": round(end - start, 3), **({"status": 503} if kind == "status" else {})}
        for kind, (start, end) in windows.items()
    ]
    setting = time.monotonic()
    put(client, *rules, {"kind": "timeout", "service": "stripe"})
    was_set = time.monotonic()
    seen: dict[str, list[tuple[float, float]]] = {kind: [] for kind in (*windows, "well")}
    while (sent := time.monotonic()) - was_set < 3.4:
        try:
            kind = {200: "well", 503: "status"}[client.get(MODELS).status_code]
        except httpx.ReadError:
            kind = "reset"
        except httpx.RemoteProtocolError:
            kind = "truncate"
        seen[kind].append((sent - was_set, time.monotonic() - setting))
    for kind, (start, end) in windows.items():
        assert seen[kind]
        assert all(before < end and start <= after for before, after in seen[kind])
        assert not [moment for moment in seen["well"] if start <= moment[0] and moment[1] < end]
    metrics = client.get("/openai/__lab/metrics").json()["faults"]
    assert metrics["hits"] == {f"fault {n}": len(seen[kind]) for n, kind in enumerate(windows)}


def test_requests_beyond_a_rate_get_the_vendors_429_and_may_come_again_after_its_wait(client: httpx.Client) -> None:
    put(client, limits=[{"service": "openai", "requests_per_second": 2}])
    answers = [client.get(MODELS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert answers[2].headers["retry-after"] == "1"
    assert client.get("/openai/__lab/metrics").json()["faults"]["limited"] == {"requests": 1}
    assert [client.get("/openai/__lab/health").status_code for _ in range(5)] == [200] * 5


def test_streams_beyond_a_limit_are_refused_until_one_ends(vendors: str, client: httpx.Client) -> None:
    put(client, limits=[{"service": "deepgram", "concurrent_streams": 1}])
    with converse(vendors), pytest.raises(InvalidStatus, match="429"):
        converse(vendors)
    with converse(vendors) as socket:
        assert json.loads(socket.recv())["type"] == "Welcome"


def test_the_admin_api_has_no_faults(client: httpx.Client) -> None:
    put(client, {"kind": "reset"}, {"kind": "drop", "after_messages": 0}, limits=[{"requests_per_second": 1}])
    for path in ("/__lab/health", "/__lab/faults", "/openai/__lab/metrics", "/stripe/__lab/journal"):
        assert [client.get(path).status_code for _ in range(3)] == [200] * 3


def test_a_double_ends_at_once_although_a_client_waits_for_an_answer_that_never_comes() -> None:
    with serving("openai", OPENAI_LOOKUP_MS="0") as address, socket.create_connection(split(address)) as waiting:
        faults = [{"name": "silence", "description": "a test", "kind": "timeout"}]
        httpx.put(f"http://{address}/__lab/faults", json={"faults": faults})
        head = f"GET /v1/models HTTP/1.1\r\nHost: lab\r\nAuthorization: {KEY['Authorization']}\r\n\r\n"
        waiting.sendall(head.encode())
        wait_until(lambda: injected(address) == {"timeout": 1}, "timeout", 3)
        ended = time.monotonic()
    assert time.monotonic() - ended < 2.5


def split(address: str) -> tuple[str, int]:
    host, _, port = address.partition(":")
    return host, int(port)
