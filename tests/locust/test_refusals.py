"""What the suite refuses before a run, of a scenario that somebody wrote or an option: one sentence and exit code 3."""

from pathlib import Path

import pytest

from tests.support.suite_lab import Suite, clean_environment, ended

SCENARIO = """
from locust import task
from scenarios.base import PlatformUser
from scenarios.suite import install

install()


class MyUser(PlatformUser):
    @task
    def look(self) -> None:
        self.api.crm.contacts()
"""


def refused(directory: Path, source: str, *arguments: str) -> str:
    """Run a locustfile that must be refused, with no target there, and give what it says."""
    path = directory / "mine.py"
    path.write_text(source)
    suite = Suite(clean_environment(LAB_RESULTS_DIR=str(directory / "results")), *arguments, locustfile=str(path))
    with ended(suite):
        assert suite.finish(30) == 3, suite.output
    assert "Traceback" not in suite.output
    said = [line for line in suite.output.splitlines() if "/INFO/" not in line]
    assert len(said) == 1, suite.output
    return said[0]


@pytest.mark.parametrize("kind", ["plain", "", None])
def test_a_kind_of_account_that_there_is_not_is_named_before_any_is_made(tmp_path: Path, kind: str | None) -> None:
    source = SCENARIO.replace("    @task", f"    account_kind = {kind!r}\n\n    @task")
    said = refused(tmp_path, source, "--headless", "--users", "3", "--run-time", "6s")
    assert said == f"MyUser.account_kind is {kind!r}, but takes one of 'user', 'org_admin', 'line'."


def test_a_scenario_that_did_not_join_the_suite_is_refused(tmp_path: Path) -> None:
    source = SCENARIO.replace("\ninstall()\n", "")
    said = refused(tmp_path, source, "--headless", "--users", "3", "--run-time", "6s")
    assert said.startswith("A locustfile with a PlatformUser must call install(), from scenarios.suite,")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run-time", "0s"], ["-t/--run-time", "'0s' is not a time from one second to seven days"]),
        (["--run-time", "5x"], ["-t/--run-time", "'5x' is not a time"]),
        (["--users", "0"], ["-u/--users", "'0' is not a whole number from 1"]),
        (["--users", "-3"], ["-u/--users"]),
        (["--spawn-rate", "0"], ["-r/--spawn-rate"]),
        (["--stop-timeout", "-1"], ["--stop-timeout"]),
        (["--user", "3", "--nonsense"], ["unrecognized arguments: --nonsense"]),
        (["--csv", "/dev/null/tables"], ["--csv", "'/dev/null' cannot be made"]),
        (["CrmUsr"], ["there is no user class 'CrmUsr'; there are MyUser"]),
    ],
)
def test_an_option_of_locusts_that_cannot_be_used_is_named(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    said = refused(tmp_path, SCENARIO, "--headless", *arguments)
    assert said.startswith("__main__.py: ") or said.startswith("locust: ")
    for word in words:
        assert word in said
