"""What `docs/sendgrid.md` says of the stub is so."""

import re
import subprocess
import sys

import pytest
from pydantic import ValidationError

from mock_services.sendgrid.app import build
from mock_services.sendgrid.settings import SendGridSettings
from tests.mock_services.sendgrid.support import AT_ONCE
from tests.support.doubles import ROOT, serving

PAGE = (ROOT / "docs" / "sendgrid.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_value() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    defaults = {field.alias: field.default for field in SendGridSettings.model_fields.values()}
    assert listed == {name: str(value) for name, value in defaults.items()}


def test_every_operation_is_listed() -> None:
    listed = re.findall(r"^\| `((?:GET|POST|DELETE) /v3[^`]+)` \|", PAGE, re.MULTILINE)
    assert listed == [operation.name for operation in build().operations]


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with serving("vendors", **AT_ONCE) as address:
        ran = subprocess.run(
            [sys.executable, "-c", example.replace("127.0.0.1:8020", address)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert (ran.stdout, ran.stderr) == ("202\nYour visit\n", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDGRID_API_KEY", "a key"),
        ("SENDGRID_LATENCY_MS", "fast"),
        ("SENDGRID_MAX_MESSAGES", "0"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        SendGridSettings()
    assert refused.value.errors()[0]["loc"] == (name,)
