"""A double that cannot start says so in one sentence, and never prints a secret."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import NoReturn

import pytest
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from mock_services.core.serve import main
from tests.support.doubles import ROOT


class Settings(BaseSettings):
    vendor_limit: int = 1
    vendor_api_key: str = Field(default="0123456789", min_length=8)
    vendor_file: str = ""

    @field_validator("vendor_file")
    @classmethod
    def _there(cls, path: str) -> str:
        raise ValueError("the file cannot be read")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("VENDOR_LIMIT", "many", "vendor: VENDOR_LIMIT is 'many': "),
        ("VENDOR_API_KEY", "hunter2", "vendor: VENDOR_API_KEY is not shown: "),
        ("VENDOR_FILE", "nowhere", "vendor: VENDOR_FILE is 'nowhere': the file cannot be read\n"),
    ],
)
def test_a_bad_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)

    def build() -> NoReturn:
        raise AssertionError(f"{variable} was accepted: {Settings()}")

    with pytest.raises(SystemExit, match="3"):
        main("vendor", 0, build, argv=[])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1
    assert "hunter2" not in printed.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_double_that_is_asked_to_end_ends_in_good_order_and_silence(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "mock_services.twilio", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode in {0, -number}
    assert complaints == ""
