"""What `docs/backend.md` says of the backend is so."""

from __future__ import annotations

import re
import shlex

import httpx

from mock_services.backend.settings import Settings
from tests.mock_services.backend.agents import backend_process
from tests.support.pages import listed_settings, page, unset_settings

PAGE = page("backend")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(Settings)


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
