"""Runs on Locust's page follow one another whatever is pressed when: each is judged whole, and by what was its own."""

from __future__ import annotations

import functools
import http.client
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.locust.metrics.test_locust_runs import STOPPING, distributed
from tests.support.locust_process import Locust, running
from tests.support.ports import free_port
from tests.support.waiting import wait_until


class Page:
    """Locust's page, as a script presses its buttons."""

    def __init__(self, port: int, locust: Locust, log: Path) -> None:
        self._url, self.locust, self._log = f"http://127.0.0.1:{port}", locust, log

    def ask(self, path: str, form: str | None = None) -> Any:
        body = None if form is None else form.encode()
        with urllib.request.urlopen(f"{self._url}{path}", body, timeout=30) as answer:
            return json.loads(answer.read() or b"null") if path != "/stats/reset" else answer.read()

    @property
    def state(self) -> str:
        return str(self.ask("/stats/requests")["state"])

    def ready(self, workers: int) -> bool:
        said = self._log.read_text() if self._log.exists() else ""
        try:
            return said.count("reported as ready") >= workers and bool(self.state)
        except OSError:  # it does not listen yet
            return False

    def judged(self, run_id: str) -> bool:
        return (self.locust.results / run_id / "verdict.json").exists()

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Press Stop, which answers when the run has been judged."""
        pressed = threading.Thread(target=self.ask, args=("/stop", ""))
        pressed.start()
        yield
        pressed.join()


@contextmanager
def page(tmp_path: Path, target: str, workers: int, scenario: str = "Reader", **environment: str) -> Iterator[Page]:
    port, log = free_port(), tmp_path / "master.log"
    web = ("--web-host", "127.0.0.1", "--web-port", str(port), "--logfile", str(log))
    if workers:
        processes = distributed(tmp_path, target, *web, scenario, workers=workers, **environment)
    else:
        processes = [Locust(tmp_path, "--host", target, *web, scenario, **environment)]
    shown = Page(port, processes[0], log)
    with running(*processes):
        wait_until(lambda: shown.ready(workers), "page")
        yield shown


def press_stop(shown: Page) -> None:
    """Press Stop on a page that may be closed before it answers."""
    with suppress(OSError, http.client.HTTPException):
        shown.ask("/stop", "")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_is_begun_while_the_last_is_judged_waits_for_that(tmp_path: Path, target: str, workers: int) -> None:
    with page(tmp_path, target, workers, TEST_JUDGING_S="2", TEST_LATE="yes") as shown:
        run = shown.locust
        shown.ask("/swarm", "user_count=4&spawn_rate=50")
        wait_until(lambda: len(run.samples()) > 60, "requests")
        with shown.stopping():
            wait_until(lambda: shown.state in ("cleanup", "stopping", "stopped"), "end of the users")
            shown.ask("/stats/reset", "")
            shown.ask("/swarm", "user_count=4&spawn_rate=50")
            if workers:
                assert shown.state == "stopping", "it is not offered as stopped while it is judged"
            assert not shown.judged("test")
        assert shown.judged("test")
        first = run.verdict("test")["totals"]["requests"]
        wait_until(lambda: len(run.samples()) > first + 40, "requests of the second run")
        shown.ask("/stop", "")
        assert shown.judged("test-2")
        wait_until(lambda: shown.state == "stopped", "end of the second run")
        both = [run.verdict("test"), run.verdict("test-2")]
        assert [verdict["reasons"] for verdict in both] == [[], []]
        assert sum(verdict["totals"]["requests"] for verdict in both) == len(run.samples())


def test_a_run_whose_time_is_up_while_its_users_start_starts_no_more(tmp_path: Path, target: str) -> None:
    with page(tmp_path, target, workers=2) as shown:
        shown.ask("/swarm", "user_count=60&spawn_rate=4&run_time=3s")
        wait_until(lambda: shown.judged("test"), "verdict")
        wait_until(lambda: shown.state == "stopped", "end of the run")
        made = len(shown.locust.samples())
        assert shown.locust.verdict("test")["totals"]["requests"] == made
        assert shown.locust.verdict("test")["planned_s"] == 3
        shown.ask("/swarm", "user_count=2&spawn_rate=50")
        wait_until(lambda: len(shown.locust.samples()) > made + 60, "requests of a second run")
        shown.ask("/stop", "")
        assert shown.locust.verdict("test-2")["users"] == 2
        assert shown.locust.verdict("test-2")["planned_s"] is None, "the time of the run before"
        assert shown.locust.verdict("test-2")["totals"]["requests"] == len(shown.locust.samples()) - made


def test_a_page_that_is_closed_while_its_run_is_judged_leaves_the_verdict(tmp_path: Path, target: str) -> None:
    with page(tmp_path, target, workers=2, TEST_JUDGING_S="2") as shown:
        shown.ask("/swarm", "user_count=4&spawn_rate=50")
        wait_until(lambda: len(shown.locust.samples()) > 20, "requests")
        pressed = threading.Thread(target=press_stop, args=(shown,))
        pressed.start()
        wait_until(lambda: shown.state == "stopping", "end of the users")
        shown.locust.process.terminate()
        shown.locust.finish()
        pressed.join()
        assert shown.locust.verdict("test")["verdict"] == "pass"


def test_a_run_that_waits_for_its_turn_lasts_as_long_as_it_was_to(tmp_path: Path, target: str) -> None:
    with page(tmp_path, target, workers=0, TEST_JUDGING_S="3") as shown:
        shown.ask("/swarm", "user_count=2&spawn_rate=50")
        wait_until(lambda: len(shown.locust.samples()) > 20, "requests")
        with shown.stopping():
            wait_until(lambda: shown.state in ("cleanup", "stopped"), "end of the users")
            shown.ask("/swarm", "user_count=2&spawn_rate=50&run_time=2s")
            assert not shown.judged("test")
        wait_until(lambda: shown.judged("test-2"), "end of a run whose time is up")
        assert 1.9 < shown.locust.verdict("test-2")["duration_s"] < 10


def test_a_target_that_stopped_a_run_stops_the_next_one_too(tmp_path: Path, target: str) -> None:
    (tmp_path / "targets.toml").write_text(STOPPING)
    with page(tmp_path, target, 0, "Failing", TEST_TARGETS=str(tmp_path / "targets.toml")) as shown:
        for run_id in ("test", "test-2"):
            shown.ask("/swarm", "user_count=10&spawn_rate=50")
            wait_until(functools.partial(shown.judged, run_id), "end of a run that a target stops")
            assert "collapse: 100 %" in shown.locust.verdict(run_id)["broke"]
