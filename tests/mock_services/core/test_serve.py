"""A double that cannot start says so in one sentence, and never prints a secret."""

from __future__ import annotations

from typing import NoReturn

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

from mock_services.core.serve import main


class Settings(BaseSettings):
    vendor_limit: int = 1
    vendor_api_key: str = Field(default="0123456789", min_length=8)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("VENDOR_LIMIT", "many", "vendor: VENDOR_LIMIT is 'many': "),
        ("VENDOR_API_KEY", "hunter2", "vendor: VENDOR_API_KEY is not shown: "),
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
