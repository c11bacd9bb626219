"""The lab's certificate authority: who is trusted, for which names, and that nobody can issue more."""

from __future__ import annotations

import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from mock_services.core.authority import AUTHORITY, main, make
from mock_services.core.tls import CERTIFICATE, PRIVATE_KEY, TlsError, server_context
from mock_services.core.vendor_hosts import VENDOR_HOSTS


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    server, clients = tmp_path / "server", tmp_path / "clients"
    server.mkdir()
    clients.mkdir()
    return server, clients


def files(*folders: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}


def shake_hands(server: Path, authority: Path, name: str) -> None:
    """Do a whole TLS handshake in memory; raise `ssl.SSLError` where the client does not trust the server."""
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=str(authority)).wrap_bio(a, b, server_hostname=name)
    other = server_context(server).wrap_bio(b, a, server_side=True)
    ended = 0
    while ended < 2:
        ended = 0
        for side in (client, other):
            try:
                side.do_handshake()
                ended += 1
            except ssl.SSLWantReadError:
                continue


def test_a_client_that_trusts_the_authority_trusts_every_vendors_name(folders: tuple[Path, Path]) -> None:
    assert make(*folders, VENDOR_HOSTS)
    for name in VENDOR_HOSTS:
        shake_hands(folders[0], folders[1] / AUTHORITY, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(folders[0], folders[1] / AUTHORITY, "telemetry.example.org")


def test_the_key_is_for_its_owner_and_the_authoritys_own_is_nowhere(folders: tuple[Path, Path]) -> None:
    make(*folders, VENDOR_HOSTS)
    modes = {path.name: path.stat().st_mode & 0o777 for folder in folders for path in folder.iterdir()}
    assert modes == {CERTIFICATE: 0o444, PRIVATE_KEY: 0o400, AUTHORITY: 0o444}
    held = files(*folders)
    assert held[PRIVATE_KEY].count(b"PRIVATE KEY") == 2
    assert not any(b"PRIVATE KEY" in content for name, content in held.items() if name != PRIVATE_KEY)
    leaf = x509.load_pem_x509_certificate(held[CERTIFICATE])
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ssl.SSLError):  # the one key there is fits the doubles' certificate, not the authority's
        own.load_cert_chain(folders[1] / AUTHORITY, folders[0] / PRIVATE_KEY)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_second_start_keeps_what_is_there(folders: tuple[Path, Path]) -> None:
    make(*folders, VENDOR_HOSTS)
    before = files(*folders)
    assert not make(*folders, VENDOR_HOSTS)
    assert not make(*folders, ["api.openai.com"])
    assert files(*folders) == before


@pytest.mark.parametrize("broken", ["missing", "noise", "another authority's", "another name", "about to end"])
def test_what_will_not_do_is_made_anew(folders: tuple[Path, Path], broken: str) -> None:
    server, clients = folders
    make(*folders, VENDOR_HOSTS)
    names = {*VENDOR_HOSTS}
    match broken:
        case "missing":
            (server / PRIVATE_KEY).unlink()
        case "noise":
            (server / CERTIFICATE).chmod(0o600)
            (server / CERTIFICATE).write_text("noise")
        case "another authority's":
            (clients / AUTHORITY).unlink()
            trustme.CA().cert_pem.write_to_path(clients / AUTHORITY)
        case "another name":
            names |= {"api.example.org", "127.0.0.1"}
        case "about to end":
            (server / CERTIFICATE).unlink()
            (clients / AUTHORITY).unlink()
            authority = trustme.CA()
            authority.cert_pem.write_to_path(clients / AUTHORITY)
            soon = datetime.now(UTC) + timedelta(hours=1)
            leaf = authority.issue_cert(*VENDOR_HOSTS, not_after=soon)
            leaf.cert_chain_pems[0].write_to_path(server / CERTIFICATE)
    assert make(*folders, names)
    assert not make(*folders, names)
    shake_hands(server, clients / AUTHORITY, "api.openai.com")


def test_as_a_command_it_says_what_it_did(folders: tuple[Path, Path]) -> None:
    into = ["--server", str(folders[0]), "--clients", str(folders[1])]
    command = [sys.executable, "-m", "mock_services.core.authority", *into]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert said == [f"made {folders[1] / AUTHORITY}\n", f"kept {folders[1] / AUTHORITY}\n"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    assert main(["--server", str(tmp_path / "taken"), "--clients", str(tmp_path)]) == 3
    assert capsys.readouterr().err == f"authority: {tmp_path / 'taken'} cannot be written: File exists\n"


def test_folders_are_made(tmp_path: Path) -> None:
    assert make(tmp_path / "a" / "server", tmp_path / "clients", VENDOR_HOSTS)
    shake_hands(tmp_path / "a" / "server", tmp_path / "clients" / AUTHORITY, "api.openai.com")


def test_a_certificate_that_cannot_be_served_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"--tls-dir is .*: No such file or directory; make them with python -m"):
        server_context(tmp_path)
    (tmp_path / CERTIFICATE).write_text("noise")
    (tmp_path / PRIVATE_KEY).write_text("noise")
    with pytest.raises(TlsError, match="cannot be used"):
        server_context(tmp_path)
