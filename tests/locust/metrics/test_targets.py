"""Targets are read strictly, and measure the requests of their group."""

from typing import Any

import pytest

from metrics.recorder import Cell
from metrics.targets import Group, Target, TargetError, Targets, read_targets


def cell(*latencies_ms: float, failures: int = 0) -> Cell:
    made = Cell()
    made.requests, made.failures = len(latencies_ms), failures
    for ms in latencies_ms:
        made.latency.record(int(ms * 1000))
    return made


@pytest.mark.parametrize(
    ("measure", "value"),
    [("avg_ms", 2.5), ("max_ms", 4), ("p50_ms", 2), ("p99.9_ms", 4), ("error_percent", 25), ("rate", 2)],
)
def test_a_measure_is_taken_of_the_requests(measure: str, value: float) -> None:
    assert Target("t", "all", measure, 1).value(cell(1, 2, 3, 4, failures=1), 2.0) == pytest.approx(value, rel=0.001)


def test_one_slow_request_in_a_thousand_is_none_of_the_other_999() -> None:
    """99.9 / 100 as a float is a little more than 999 thousandths, and would be the slow one."""
    latencies = [100.0] * 999 + [9000.0]
    assert Target("t", "all", "p99.9_ms", 1).value(cell(*latencies), 1) == pytest.approx(100, rel=0.001)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("GET /api/crm/contacts*", True),
        ("GET /api/crm/contcats*", False),
        ("GET /api/crm/contacts/{id} [again]", True),
        ("WS *[connect]*", True),
        ("CALL frist audio", False),
    ],
)
def test_whether_a_pattern_could_fit_is_known_before_a_request_is_made(pattern: str, fits: bool) -> None:
    names = ["GET /api/crm/contacts/{contact_id}", "WS /api/ws/notifications", "CALL first audio"]
    assert Group("g", (pattern,)).could_hold(names) is fits
    assert Group("g", ("POST /nowhere", pattern)).could_hold(names) is fits


def test_a_pace_is_what_a_user_does_in_a_minute() -> None:
    pace = Target("t", "all", "requests_per_user_minute", 1)
    assert pace.value(cell(1, 2, 3, 4), 10, user_s=30) == 8
    assert pace.value(cell(1, 2, 3, 4), 10) is None, "nobody counted the users"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("t", "all", "avg_ms", 1200), "at most 1,200 ms"),
        (Target("t", "all", "error_percent", 0.5, 10, stop=True), "at most 0.5 % in any 10 s"),
        (Target("t", "all", "users", 50, 60), "at least 50 users for 60 s"),
    ],
)
def test_a_target_can_be_read_aloud(target: Target, words: str) -> None:
    assert target.words == words


@pytest.mark.parametrize("measure", ["avg_ms", "max_ms", "p95_ms", "error_percent", "rate"])
def test_no_request_has_no_measure(measure: str) -> None:
    assert Target("t", "all", measure, 1).value(Cell(), 10) is None


def test_a_request_that_was_not_timed_has_no_latency_to_measure() -> None:
    untimed = Cell()
    untimed.requests = 1
    assert Target("t", "all", "avg_ms", 1).value(untimed, 10) is None
    assert Target("t", "all", "error_percent", 1).value(untimed, 10) == 0


def test_a_window_and_its_consequence_are_read() -> None:
    (target,) = read_targets({"target": [TARGET | {"window": "10 s", "stop": True}]}).targets
    assert (target.window_s, target.stop) == (10, True)
    (target,) = read_targets({"target": [TARGET]}).targets
    assert (target.window_s, target.stop) == (0, False)


def test_a_limit_is_the_last_value_that_is_met() -> None:
    assert Target("t", "all", "avg_ms", 5).met(5)
    assert not Target("t", "all", "avg_ms", 5).met(5.001)
    assert Target("t", "all", "rate", 5).met(5)
    assert not Target("t", "all", "rate", 5).met(4.999)


def test_groups_are_all_an_area_or_patterns() -> None:
    endpoints = {
        ("POST", "/api/auth/login"): cell(1),
        ("POST", "POST /api/auth/login [wrong password]"): cell(1, 1),
        ("GET", "/api/crm/contacts/search"): cell(1, 1, 1),
        ("CALL", "first audio"): cell(1, 1, 1, 1),
    }
    groups = {
        "login": Group("login", ("POST /api/auth/login*",)),
        "wrong": Group("wrong", ("* [wrong password]",)),
        "voice": Group("voice", ("CALL first audio",)),
    }
    targets = Targets((), groups)
    found = {name: targets.cell_of(name, endpoints).requests for name in ("all", "authentication", "crm", *groups)}
    assert found == {"all": 10, "authentication": 3, "crm": 3, "login": 3, "wrong": 2, "voice": 4}


TARGET = {"name": "t", "group": "all", "measure": "avg_ms", "limit": 5}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"targets": []}, "'targets' is not known"),
        ({"target": [TARGET | {"measure": "mean"}]}, "measures 'mean'"),
        ({"target": [TARGET | {"measure": "p100_ms"}]}, "measures 'p100_ms'"),
        ({"target": [TARGET | {"limit": -1}]}, "limit is a number from 0"),
        ({"target": [TARGET | {"limit": float("nan")}]}, "limit is a number from 0"),
        (
            {"target": [TARGET | {"measure": "error_percent", "limit": 100.1}]},
            "100.1 % of failures, which nothing can miss",
        ),
        ({"target": [TARGET | {"limit": "5"}]}, "takes name, group"),
        ({"target": [TARGET | {"limit": True}]}, "takes name, group"),
        ({"target": [TARGET | {"for": "10 s"}]}, "takes name, group"),
        ({"target": [{"name": "t"}]}, "takes name, group"),
        ({"target": [TARGET | {"window": "10 m"}]}, "has the window '10 m'; it takes a time such as '10 s'"),
        ({"target": [TARGET | {"window": "0 s"}]}, "has the window '0 s'"),
        ({"target": [TARGET | {"window": 10}]}, "has the window 10; it takes"),
        ({"target": [TARGET | {"window": "301 s"}]}, "a window is from 1 s to 300 s"),
        ({"target": [TARGET | {"window": "10 s", "stop": "yes"}]}, "has stop = 'yes'; it takes true or false"),
        ({"target": [TARGET | {"stop": True}]}, "that takes a window"),
        ({"target": [TARGET | {"measure": "rate", "window": "9 s", "stop": True}]}, "has an upper limit"),
        ({"target": [TARGET | {"measure": "cpu_percent"}]}, "are measures of the group 'generator'"),
        ({"target": [TARGET | {"group": "generator"}]}, "and it has no others"),
        ({"target": [TARGET | {"measure": "users", "group": "crm"}]}, "write the group 'all'"),
        (
            {"target": [TARGET | {"measure": "cpu_percent", "group": "generator", "window": "10 s"}]},
            "a target of cpu_percent has none",
        ),
        ({"target": [TARGET | {"measure": "own_turn_avg_ms", "group": "all"}]}, "write the group 'telephony'"),
        (
            {"target": [TARGET | {"measure": "own_turn_avg_ms", "group": "telephony", "window": "10 s"}]},
            "a target of own_turn_avg_ms has none",
        ),
        ({"target": [TARGET | {"group": "crmm"}]}, "names the group 'crmm'"),
        ({"target": [TARGET, TARGET]}, "two targets have the name 't'"),
        ({"groups": {"crm": ["*"]}}, "cannot be defined"),
        ({"groups": {"mine": []}}, "is a list of patterns"),
        ({"groups": {"mine": "GET *"}}, "is a list of patterns"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_sentence(content: dict[str, Any], says: str) -> None:
    with pytest.raises(TargetError, match=says) as caught:
        read_targets(content)
    assert "\n" not in str(caught.value)
