"""What `docs/openai.md` says of the stub is so."""

import re
import subprocess
import sys

from mock_services.openai.app import build
from mock_services.openai.settings import DEFAULT_SCRIPT, OpenAISettings
from tests.support.doubles import ROOT

PAGE = (ROOT / "docs" / "openai.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_value() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    defaults = {field.alias: field.default for field in OpenAISettings.model_fields.values()}
    shown = {"OPENAI_SCRIPT": str(DEFAULT_SCRIPT.relative_to(ROOT)), "OPENAI_EXTRA_MODELS": ""}
    assert listed == {name: shown.get(str(name), str(value)) for name, value in defaults.items()}


def test_every_operation_is_listed() -> None:
    listed = re.findall(r"^\| `((?:GET|POST|DELETE) [^`]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(operation.name for operation in build().operations)


def test_the_example_runs(stub: str) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", example.replace("127.0.0.1:8020/openai", stub)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    hours = "We are open from nine to five on weekdays, and until noon on Saturdays."
    assert (ran.stdout, ran.stderr) == (f"{hours}\n", "")
