"""Whether the lab's authority would be believed, at the TLS port of a real double."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from locallab.doctor.findings import Level
from locallab.doctor.interception import authority, door

from mock_services.core.authority import AUTHORITY, make
from mock_services.core.vendor_hosts import VENDOR_HOSTS
from tests.support.doubles import serving_tls
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    make(made, made, VENDOR_HOSTS)
    return made


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with serving_tls("vendors", folder) as (_, encrypted):
        yield int(encrypted.rpartition(":")[2])


def test_the_authority_of_the_doubles_is_believed(folder: Path, port: int) -> None:
    assert authority(folder / AUTHORITY).level is Level.OK
    assert door("127.0.0.1", port, folder / AUTHORITY).level is Level.OK


def test_the_authority_of_another_lab_is_not(port: int, tmp_path: Path) -> None:
    make(tmp_path, tmp_path, VENDOR_HOSTS)
    found = door("127.0.0.1", port, tmp_path / AUTHORITY)
    assert found.level is Level.PROBLEM
    assert "did not sign" in found.says


def test_no_tls_there(folder: Path) -> None:
    assert door("127.0.0.1", free_port(), folder / AUTHORITY).level is Level.PROBLEM


def test_files_that_are_no_authority(tmp_path: Path) -> None:
    assert "cannot be read" in authority(tmp_path / "none.pem").says
    (tmp_path / "text.pem").write_text("no certificate")
    assert "no certificate" in authority(tmp_path / "text.pem").says
