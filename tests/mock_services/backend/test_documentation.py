"""What `docs/backend.md` says of the backend is so."""

from __future__ import annotations

import re
import shlex

import httpx
from pydantic_core import PydanticUndefined

from mock_services.backend.settings import Settings
from tests.mock_services.backend.agents import ROOT, backend_process

PAGE = (ROOT / "docs" / "backend.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_value() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|[^`|]*) \|", PAGE, re.MULTILINE))
    values = {}
    for field in Settings.model_fields.values():
        default = field.default
        value = "" if default is PydanticUndefined or default == frozenset() else str(default)
        values[str(field.validation_alias).upper()] = value.lower() if isinstance(default, bool) else value
    assert listed == values


def test_its_commands_work() -> None:
    commands = re.findall(r"^curl .*?(?=$|\s+#)", PAGE, re.MULTILINE)
    assert len(commands) == 5
    with backend_process() as address:
        for command in commands:
            *options, url = shlex.split(command.replace("127.0.0.1:8001", address))
            method = {("curl", "-s"): "GET", ("curl", "-s", "-X", "POST"): "POST"}[tuple(options)]
            answer = httpx.request(method, url)  # curl itself may not be there
            assert answer.status_code == 200, command
            assert isinstance(answer.json(), dict)
