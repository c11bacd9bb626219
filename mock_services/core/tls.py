"""A double's second door: the same application over TLS, with the certificate that `core.authority` made."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = "certificate.pem"
PRIVATE_KEY = "key.pem"


class TlsError(Exception):
    """A certificate that cannot be served; the text is one sentence."""


def server_context(directory: Path) -> ssl.SSLContext:
    """Load `certificate.pem` and `key.pem` of a directory; raise `TlsError` where they are not there or do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Vendors' clients negotiate HTTP/1.1 by ALPN; a server that offers nothing would leave them guessing.
    context.set_alpn_protocols(["http/1.1"])
    # A ticket wakes a client that reads in one thread while another writes its first request. websockets' blocking
    # client (and so Deepgram's SDK) uses one SSL object in both, which OpenSSL forbids: one in some hundreds hung.
    context.num_tickets = 0
    certificate, key = directory / CERTIFICATE, directory / PRIVATE_KEY
    try:
        context.load_cert_chain(certificate, key)
    except OSError as unusable:  # ssl.SSLError is one: a file that holds no certificate, or another one's key
        reason = unusable.strerror or unusable
        raise TlsError(
            f"--tls-dir is {directory}, whose {CERTIFICATE} and {PRIVATE_KEY} cannot be used: {reason};"
            " make them with python -m mock_services.core.authority"
        ) from unusable
    return context
