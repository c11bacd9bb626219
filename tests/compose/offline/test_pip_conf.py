"""The pip.conf that a stand-in image gets from the machine's own pip."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from compose.offline import pip_conf

HEAD = f"[global]\ncert = {pip_conf.CERTIFICATES}\n"


@pytest.mark.parametrize(
    ("listing", "settings"),
    [
        ("", ""),
        ("global.index-url='https://index.test/simple'", "index-url = https://index.test/simple\n"),
        ("global.index-url='https://a.test'\n:env:.index-url='https://b.test'", "index-url = https://b.test\n"),
        (":env:.index-url='https://b.test'\nglobal.index-url='https://a.test'", "index-url = https://b.test\n"),
        ("global.extra-index-url='file:///a https://b.test'", "extra-index-url = https://b.test\n"),
        (
            "global.extra-index-url='https://a.test\\nhttps://b.test'",
            "extra-index-url = https://a.test https://b.test\n",
        ),
        ("global.index-url='/srv/index'\nglobal.find-links='/srv/wheels'", ""),
        (":env:.default-timeout='180'", "timeout = 180\n"),
        ("install.no-binary=':all:'\nnonsense", ""),
    ],
)
def test_what_a_container_can_use_is_passed_on(listing: str, settings: str) -> None:
    assert pip_conf.pip_conf(listing) == HEAD + settings


def test_this_machines_own_configuration_becomes_one_that_pip_reads() -> None:
    script = Path(pip_conf.__file__)
    text = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
    read = configparser.ConfigParser()
    read.read_string(text)
    assert read["global"]["cert"] == pip_conf.CERTIFICATES
    assert "file:" not in text
