"""Whom a client wanted, from what it sends first."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.sentinel.destination import destination


def client_hello(name: str) -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_tls_names_its_server() -> None:
    assert destination(client_hello("Telemetry.example.org")) == "telemetry.example.org"


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.example.org", "a.example.org"), ("A.example.org:8080", "a.example.org"), ("[::1]:80", "[::1]"), ("", "")],
)
def test_http_names_its_host(host: str, name: str) -> None:
    assert destination(f"POST /v1 HTTP/1.1\r\nAccept: */*\r\nHost: {host}\r\n\r\n".encode()) == name


@given(st.integers(0, 2000))
def test_what_has_come_only_in_part_names_nobody_yet_and_never_another(length: int) -> None:
    hello = client_hello("a.example.org")
    assert destination(hello[:length]) in (("", "a.example.org") if length >= len(hello) else ("",))


@given(st.binary(max_size=400))
def test_what_is_neither_names_nobody(said: bytes) -> None:
    assert destination(said) == "" or b"ost" in said.lower()


def test_a_mail_clients_greeting_names_nobody() -> None:
    assert destination(b"EHLO backend\r\n") == ""
