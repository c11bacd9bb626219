"""The lab's own authority: whether who trusts it is shown a good certificate under each vendor's name."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection

from cryptography import x509

from locallab.doctor.findings import Finding, ok, problem
from metrics.wording import counted
from mock_services.core.vendor_hosts import VENDOR_HOSTS

CONNECT_S = 5.0
MAKE = "make it with python -m mock_services.core.authority (docs/interception.md)"
ENDED = "delete it and its doubles' certificate, and start the doubles again: they are made anew"


def authority(file: Path) -> Finding:
    """Say whether a PEM file holds an authority that is good now."""
    try:
        held = x509.load_pem_x509_certificate(file.read_bytes())
    except OSError as error:
        return problem("lab's authority", f"{file} cannot be read: {error.strerror}", MAKE)
    except ValueError:
        return problem("lab's authority", f"{file} holds no certificate in PEM", MAKE)
    days = (held.not_valid_after_utc - datetime.now(UTC)).days
    if days < 1:
        return problem("lab's authority", f"{file} has ended, or ends today", ENDED)
    return ok("lab's authority", f"{file} is good for {counted(days, 'day')}")


def door(host: str, port: int, file: Path) -> Finding:
    """Shake hands under each vendor's name at a double's TLS port, trusting the authority of `file` alone."""
    context = ssl.create_default_context(cafile=str(file))
    for name in VENDOR_HOSTS:
        try:
            with (
                create_connection((host, port), CONNECT_S) as plain,
                context.wrap_socket(plain, server_hostname=name),
            ):
                pass
        except ssl.SSLCertVerificationError as error:
            return problem(
                "doubles' certificate",
                f"{host}:{port} shows a certificate for {name} that {file} did not sign ({error.verify_message})",
                "give the target the ca.pem that was made together with the doubles' certificate",
            )
        except OSError as error:
            return problem(
                "doubles' certificate",
                f"no TLS at {host}:{port} ({error.strerror or error})",
                "start the doubles with --tls-port and --tls-dir, or with compose/intercept.yml",
            )
    return ok("doubles' certificate", f"{host}:{port} shows a good certificate for each of {len(VENDOR_HOSTS)} names")
