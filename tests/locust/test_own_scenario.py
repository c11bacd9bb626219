"""The scenario that docs/suite.md shows runs as it stands there."""

import re
from pathlib import Path

from tests.support.doubles import ROOT
from tests.support.suite_lab import Suite, ended, running_lab


def test_the_documented_scenario_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "suite.md").read_text(), re.DOTALL)
    file = tmp_path / "mine_load_test.py"
    file.write_text(code)
    with running_lab(tmp_path) as lab:
        environment = lab.environment(LAB_RUN_ID="mine", SIMULATE_EXTERNAL_SERVICES="false")
        options = ("--headless", "--users", "5", "--spawn-rate", "5", "--run-time", "6s")
        suite = Suite(environment, *options, locustfile=str(file))
        with ended(suite):
            assert suite.finish() == 0, suite.output
        verdict = lab.verdict("mine")
    assert verdict["scenarios"].keys() == {"MorningUser"}
    assert verdict["totals"]["failures"] == 0
    assert {area for area, counts in verdict["areas"].items() if counts["requests"]} >= {"crm", "calendar"}
