"""Who does what: the brief's weights, by Locust's own account and over thousands of tasks as the decks deal them."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.support.suite_lab import SUITE, Suite, clean_environment, ended

BRIEF = {
    "AuthUser": {"login": 40, "registration": 30, "profile": 20, "logout": 10},
    "CrmUser": {"read": 50, "create": 30, "update": 15, "delete": 5},
    "CalendarUser": {"look": 40, "create": 25, "overview": 20, "update": 10, "delete": 5},
    "TelephonyUser": {"look": 50, "verification": 20, "call": 15, "review": 15},
    "WebSocketUser": {"converse": 40, "dictate": 25, "notifications": 20, "media": 15},
    "CustomerIntakeUser": {"customer_intake": 100},
    "DailyAdministrationUser": {"daily_administration": 100},
    "SearchAndScheduleUser": {"search_and_schedule": 100},
    "BulkOperationsUser": {"bulk_operations": 100},
}
AREAS = {"CrmUser": 40, "CalendarUser": 30, "AuthUser": 15, "TelephonyUser": 15}
FILES = {
    "calendar_load_test": ["CalendarUser"],
    "websocket_load_test": ["WebSocketUser"],
    "workflows": ["BulkOperationsUser", "CustomerIntakeUser", "DailyAdministrationUser", "SearchAndScheduleUser"],
}

DRIVER = """
import json
from collections import Counter
import main_load_test
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode
from scenarios.base import PlatformUser
from scenarios.seating import accounts_wanted, seat_everyone
from utils.deck import Deck
from utils.identity import stream

classes = [getattr(main_load_test, name) for name in main_load_test.__all__]
dealt = {}
for user_class in classes:
    counts = Counter()
    for number in range(1, 31):
        first = next((task for task in user_class.tasks if task.__name__ == user_class.begins_with), None)
        deck = Deck(user_class.tasks, stream(1, user_class.__name__, number, "tasks"), first)
        counts.update(deck.deal().__name__ for _ in range(73))
    dealt[user_class.__name__] = counts
spawned = {}
for users in (5, 9, 10, 20, 100, 1000, 9):
    seat_everyone(classes, users)
    dispatcher = UsersDispatcher([WorkerNode("one")], classes)
    dispatcher.new_dispatch(users, users)
    *_, last = dispatcher
    spawned[users] = last["one"]
    wanted = accounts_wanted(classes, users)
    kinds = Counter()
    for user_class in classes:
        kinds[user_class.account_kind] += last["one"][user_class.__name__]
    if users >= len(classes):
        assert all(wanted[kind] >= count for kind, count in kinds.items()), (users, wanted, kinds)
print(json.dumps([dealt, spawned]))
"""


@cache
def measured() -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """How many of each task are dealt, and how many users of each class Locust spawns."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], cwd=SUITE, env=clean_environment(), capture_output=True, text=True, check=True
    )
    dealt, spawned = json.loads(done.stdout)
    return dealt, spawned


def ratios(locustfile: str) -> dict[str, Any]:
    suite = Suite(clean_environment(), "--show-task-ratio-json", locustfile=locustfile)
    with ended(suite):
        assert suite.finish(30) == 0
    found: dict[str, Any] = json.loads(suite.output[suite.output.index("{") :])["per_class"]
    return found


@pytest.mark.parametrize("file", FILES)
def test_each_file_alone_has_the_weights_of_the_brief(file: str) -> None:
    found = ratios(f"scenarios/{file}.py")
    assert sorted(found) == FILES[file]
    for name, described in found.items():
        assert {task: each["ratio"] for task, each in described["tasks"].items()} == {
            task: pytest.approx(weight / 100) for task, weight in BRIEF[name].items()
        }


def test_the_comprehensive_run_keeps_the_areas_in_proportion() -> None:
    found = ratios("main_load_test.py")
    assert found.keys() == BRIEF.keys()
    areas = sum(found[name]["ratio"] for name in AREAS)
    assert {name: found[name]["ratio"] / areas for name in AREAS} == {
        name: pytest.approx(weight / 100) for name, weight in AREAS.items()
    }
    assert areas > 0.75
    for name, weights in BRIEF.items():
        for task, weight in weights.items():
            assert found[name]["tasks"][task]["ratio"] == pytest.approx(weight / 100)


@pytest.mark.parametrize("name", BRIEF)
def test_over_two_thousand_tasks_the_shares_are_within_two_points(name: str) -> None:
    dealt = measured()[0][name]
    total = sum(dealt.values())
    assert total >= 2000
    assert dealt.keys() == BRIEF[name].keys()
    for task, weight in BRIEF[name].items():
        assert abs(100 * dealt[task] / total - weight) < 2


@pytest.mark.parametrize("users", [9, 10, 20, 100, 1000])
def test_every_class_has_a_user_where_there_are_users_enough(users: int) -> None:
    spawned = measured()[1][str(users)]
    assert spawned.keys() == BRIEF.keys()
    assert sum(spawned.values()) == users
    assert min(spawned.values()) >= 1


def test_with_many_users_the_areas_have_their_shares() -> None:
    spawned = measured()[1]["1000"]
    areas = sum(spawned[name] for name in AREAS)
    for name, weight in AREAS.items():
        assert abs(100 * spawned[name] / areas - weight) < 1


def test_with_fewer_users_than_classes_the_heaviest_come_first() -> None:
    spawned = measured()[1]["5"]
    assert sum(spawned.values()) == 5
    assert spawned["CrmUser"] >= spawned["CalendarUser"] >= 1
