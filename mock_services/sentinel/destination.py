"""Whom a client meant to call, read from the first bytes that it sends: TLS's server name, or HTTP's Host header."""

from __future__ import annotations

import ssl

import h11

CLIENT_HELLO = b"\x16"
"""The first byte of a TLS connection: a handshake record."""


def destination(said: bytes) -> str:
    """Give the host name in lower case, or an empty text where the bytes name none (yet)."""
    name = _server_name(said) if said.startswith(CLIENT_HELLO) else _host_header(said)
    return name.lower().rstrip(".")


def _server_name(said: bytes) -> str:
    """Have OpenSSL read the ClientHello: it calls back with the name before it looks for a certificate to show."""
    seen: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: seen.append(name or "")
    incoming = ssl.MemoryBIO()
    incoming.write(said)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLError:  # always: there is no certificate, and often not the whole ClientHello
        return seen[0] if seen else ""
    raise AssertionError("a handshake cannot end well without a certificate")


def _host_header(said: bytes) -> str:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(said)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:  # not HTTP
        return ""
    if not isinstance(event, h11.Request):
        return ""
    host = next((value.decode("latin-1") for name, value in event.headers if name == b"host"), "")
    return host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
