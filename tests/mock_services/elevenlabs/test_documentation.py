"""What `docs/elevenlabs.md` says of the stub is so."""

import re
import subprocess
import sys

from mock_services.core.speech import load_recordings
from mock_services.elevenlabs.app import build
from mock_services.elevenlabs.settings import ElevenLabsSettings
from tests.support.doubles import ROOT

PAGE = (ROOT / "docs" / "elevenlabs.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_value() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    defaults = {field.alias: field.default for field in ElevenLabsSettings.model_fields.values()}
    assert listed == {name: "" if value == () else str(value) for name, value in defaults.items()}


def test_every_operation_is_listed() -> None:
    listed = re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(operation.name for operation in build().operations)


def test_the_example_runs(stub: str) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", example.replace("127.0.0.1:8020/elevenlabs", stub)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    hours = next(line for line in load_recordings("agent") if line.topic == "hours")
    assert (ran.stdout, ran.stderr) == (f"{hours.duration_ms / 1000:.2f} s of speech\n", "")
