"""The lab's certificate authority: one certificate for all vendors' host names, from an authority of this lab alone.

`python -m mock_services.core.authority --server DIR --clients DIR` writes `certificate.pem` and `key.pem` for the
doubles into the one directory, and `ca.pem`, which says whom to trust, into the other. The authority's own key is never
written: nobody can issue a second certificate that clients of this lab would accept.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from mock_services.core.command_line import USAGE_EXIT, Parser
from mock_services.core.tls import CERTIFICATE, PRIVATE_KEY
from mock_services.core.vendor_hosts import VENDOR_HOSTS

AUTHORITY = "ca.pem"
SPARE = timedelta(days=1)
"""A certificate that ends sooner than this is made anew."""


def make(server: Path, clients: Path, names: Collection[str]) -> bool:
    """Make certificate, key and authority unless those that are there will do; say whether they were made.

    Whoever trusts the authority of an earlier start goes on trusting this one. Raises `OSError` where a directory
    cannot be written.
    """
    if _will_do(server, clients, names):
        return False
    for directory in (server, clients):
        directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Thanotopolis load lab")
    leaf = authority.issue_cert(*sorted(names), organization_name="Thanotopolis load lab")
    # The authority last: it is what `_will_do` cannot do without, so that a start cut short is begun again.
    _write(server / PRIVATE_KEY, leaf.private_key_pem.bytes(), 0o400)
    _write(server / CERTIFICATE, b"".join(blob.bytes() for blob in leaf.cert_chain_pems), 0o444)
    _write(clients / AUTHORITY, authority.cert_pem.bytes(), 0o444)
    return True


def _will_do(server: Path, clients: Path, names: Collection[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((server / CERTIFICATE).read_bytes())
        authority = x509.load_pem_x509_certificate((clients / AUTHORITY).read_bytes())
        certificate.verify_directly_issued_by(authority)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = map(str, named.get_values_for_type(x509.IPAddress))
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):  # not there, or of no use
        return False
    missing = set(names) - set(named.get_values_for_type(x509.DNSName)) - set(addresses)
    ends = min(certificate.not_valid_after_utc, authority.not_valid_after_utc)
    return not missing and ends > datetime.now(UTC) + SPARE and (server / PRIVATE_KEY).exists()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Make what is missing; 3 and one sentence where a directory cannot be written."""
    parser = Parser(prog="python -m mock_services.core.authority", description=__doc__)
    parser.add_argument("--server", type=Path, required=True, help="directory for the doubles' certificate and key")
    parser.add_argument("--clients", type=Path, required=True, help="directory for the authority that clients trust")
    parser.add_argument(
        "--name", action="append", default=[], help="another host name, or address, for the certificate"
    )
    arguments = parser.parse_args(argv)
    try:
        made = make(arguments.server, arguments.clients, {*VENDOR_HOSTS, *arguments.name})
    except OSError as refused:
        sys.stderr.write(f"authority: {refused.filename} cannot be written: {refused.strerror}\n")
        return USAGE_EXIT
    sys.stdout.write(f"{'made' if made else 'kept'} {arguments.clients / AUTHORITY}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
