"""The lab's targets are those that were asked for, and a wrong file is refused in one sentence that names it."""

import re
import tomllib
from pathlib import Path

import pytest

from configs.targets import TARGETS_FILE, load_targets
from metrics.recorder import Cell, Endpoint
from metrics.targets import TargetError, read_targets


def test_the_lab_is_held_to_these_targets() -> None:
    found = {(target.group, target.measure, target.limit) for target in load_targets().targets}
    windows = {(target.name, target.window_s, target.stop) for target in load_targets().targets if target.window_s}
    assert windows == {("users sustained", 60, False), ("requests of a user", 120, False)}
    assert found == {
        ("authentication", "avg_ms", 500),
        ("crm", "avg_ms", 1000),
        ("calendar", "avg_ms", 800),
        ("search", "avg_ms", 1500),
        ("websocket connection", "avg_ms", 2000),
        ("voice first audio", "p95_ms", 2000),
        ("voice turn", "p95_ms", 1200),
        ("all", "users", 50),
        ("all", "users", 100),
        ("http", "requests_per_user_minute", 120),
        ("all", "error_percent", 1),
        ("authentication", "error_percent", 0.5),
        ("critical path", "error_percent", 0.1),
        ("all", "avg_ms", 2000),
        ("all", "error_percent", 2),
        ("all", "p95_ms", 5000),
    }


@pytest.mark.parametrize(
    ("group", "endpoint", "holds"),
    [
        ("search", ("GET", "/api/crm/contacts/search"), True),
        ("search", ("GET", "GET /api/conversations/search [by name]"), True),
        ("search", ("GET", "/api/crm/contacts"), False),
        ("websocket connection", ("WS", "/api/ws/notifications [connect]"), True),
        ("websocket connection", ("WS", "connect"), True),
        ("websocket connection", ("WS", "/api/ws/notifications [message]"), False),
        ("critical path", ("POST", "/api/auth/login"), True),
        ("critical path", ("CALL", "answer"), True),
        ("critical path", ("CALL", "connect"), True),
        ("critical path", ("CALL", "turn"), False),
        ("http", ("GET", "GET /api/crm/contacts"), True),
        ("http", ("WS", "/api/ws/notifications [message]"), False),
        ("voice turn", ("CALL", "turn"), True),
        ("voice first audio", ("CALL", "first audio"), True),
    ],
)
def test_a_group_holds_its_requests(group: str, endpoint: Endpoint, holds: bool) -> None:
    cell = Cell()
    cell.requests = 1
    assert load_targets().cell_of(group, {endpoint: cell}).requests == int(holds)


def test_the_example_of_the_documentation_is_one() -> None:
    page = (TARGETS_FILE.parents[2] / "docs" / "targets.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    read = read_targets(tomllib.loads(example)).targets
    assert [(target.name, target.words, target.stop) for target in read] == [
        ("CRM average", "at most 1,000 ms", False),
        ("collapse", "at most 50 % in any 10 s", True),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"[[target]", "is not TOML: "),
        (b"\xff", "is not TOML: "),
        (b"", "holds no target, and a run is held to one at least: "),
        (b"[groups]\nlogin = ['POST /api/auth/login']\n", "holds no target, and "),
        (
            b"[[target]]\nname = 'x'\n",
            "takes name, group and measure as text and limit as a number, and maybe window and stop.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "targets.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TargetError, match=says) as caught:
        load_targets(path)
    assert str(caught.value).startswith(f"{path}: ")
