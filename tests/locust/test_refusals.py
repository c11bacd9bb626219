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
