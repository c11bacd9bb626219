"""`./scripts/compare` answers with a table, as JSON or in Markdown, and with an exit code."""

import json
import os
import random
import shlex
import subprocess
from pathlib import Path

import pytest

from metrics.recorder import Cell
from metrics.stored import StoredRun

ROOT = Path(__file__).resolve().parents[2]


LONG = "GET /api/" + "/".join(f"a-rather-long-part-{number}" for number in range(12))
SATURATED = "generator saturated: worker 1 used 99 % of a core, over 90 %; add workers"
SLOW = "CRM average: 2,000 ms, over its limit of 1,000 ms"
VERDICTS = {
    "before": ("pass", [], []),
    "after": ("pass", [], []),
    "slow": ("fail", [SLOW], []),
    "saturated": ("invalid", [SATURATED], [SATURATED]),
    "both": ("fail", [SLOW, SATURATED], [SATURATED]),
}


def store(results: Path, run_id: str, ms: float, requests: int = 400) -> None:
    chance = random.Random(run_id)
    cell = Cell()
    cell.requests = requests
    for _ in range(requests):
        cell.latency.record(int(chance.lognormvariate(0, 0.3) * ms * 1000))
    (results / run_id).mkdir()
    names = ("/api/crm/[red]x[/red]|contacts", LONG.removeprefix("GET "))
    content = StoredRun(run_id, len(run_id), 60, {("GET", name): cell for name in names}).to_json()
    (results / run_id / "histograms.json").write_text(content)
    if run_id in VERDICTS:
        verdict, reasons, invalid = VERDICTS[run_id]
        facts = {"run_id": run_id, "verdict": verdict, "reasons": reasons, "invalid": invalid}
        (results / run_id / "verdict.json").write_text(json.dumps(facts))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    store(path, "before", 50)
    store(path, "after", 51)
    store(path, "slow", 90)
    store(path, "short", 50, requests=10)
    store(path, "saturated", 90)
    store(path, "both", 51)
    (path / "latest").symlink_to("after")
    return path


def compare(results: Path, *arguments: str) -> tuple[int, str, str]:
    environment = os.environ | {"LAB_RESULTS_DIR": str(results), "COLUMNS": "60"}
    command = [str(ROOT / "scripts" / "compare"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=results.parent
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("second", "code", "answer"),
    [("after", 0, "no worse"), ("latest", 0, "no worse"), ("slow", 1, "worse"), ("short", 2, "not enough data")],
)
def test_each_answer_has_its_exit_code(results: Path, second: str, code: int, answer: str) -> None:
    found, said, complaint = compare(results, "before", second)
    assert (found, complaint) == (code, "")
    assert "\n" + answer + ": " in said
    assert "GET /api/crm/[red]x[/red]|contacts" in said


@pytest.mark.parametrize("runs", [("before", "saturated"), ("saturated", "before"), ("before", "both")])
def test_nothing_is_said_by_a_comparison_with_a_run_that_is_invalid(results: Path, runs: tuple[str, str]) -> None:
    code, said, complaint = compare(results, *runs)
    assert (code, complaint) == (2, "")
    assert f"\ninvalid: {runs[1]} against {runs[0]}; " in said
    assert f"invalid, since {SATURATED}" in said
    found = json.loads(compare(results, *runs, "--json")[1])
    assert (found["answer"], found["exit_code"]) == ("invalid", 2)
    assert SATURATED in found["verdicts"]["first"]["invalid"] + found["verdicts"]["second"]["invalid"]
    assert compare(results, *runs, "--markdown")[1].startswith(f"**invalid: {runs[1]} against {runs[0]}; ")


def test_who_compares_an_invalid_run_all_the_same_is_told_so(results: Path) -> None:
    code, said, _ = compare(results, "before", "saturated", "--allow-invalid")
    assert code == 1
    assert "\nworse: saturated against before; " in said
    assert "\nnote: saturated did not show what was to be shown" in said


def test_each_runs_verdict_is_shown(results: Path) -> None:
    _, said, _ = compare(results, "before", "slow")
    assert "\nfirst run before: pass\n" in said
    assert f"\nsecond run slow: fail, since {SLOW}\n" in said
    assert (
        f"\nsecond run both: fail and invalid, since {SATURATED} (and 1 more)\n" in compare(results, "slow", "both")[1]
    )
    _, said, _ = compare(results, "slow", "short", "--markdown")
    assert "- second run short: no verdict beside its histograms.json, so nobody knows whether it is valid" in said


def test_a_verdict_beside_a_file_of_another_run_is_not_taken_for_its_own(results: Path, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text((results / "saturated" / "verdict.json").read_text())
    baseline = tmp_path / "baseline.json"
    baseline.write_text((results / "before" / "histograms.json").read_text())
    code, said, _ = compare(results, str(baseline), "after")
    assert code == 0
    assert "first run before: no verdict" in said
    (tmp_path / "verdict.json").write_text("[]")
    code, said, complaint = compare(results, str(baseline), "after")
    assert (code, said) == (3, "")
    assert "verdict.json does not hold a run's verdict" in complaint


def test_a_pipe_has_each_endpoint_in_one_line_however_long_its_name(results: Path) -> None:
    _, said, _ = compare(results, "before", "after")
    (line,) = [line for line in said.splitlines() if LONG in line]
    assert "no different" in line


def test_a_difference_is_shown_in_percent(results: Path) -> None:
    _, said, _ = compare(results, "before", str(results / "slow"))
    assert "(+8" in said.replace("(+7", "(+8")


def test_json_holds_everything(results: Path) -> None:
    _, said, _ = compare(results, "before", "slow", "--json")
    found = json.loads(said)
    assert (found["answer"], found["exit_code"], found["first"], found["second"]) == ("worse", 1, "before", "slow")
    assert found["endpoints"][0]["changes"] == {"p50": "worse", "p95": "worse"}
    assert found["endpoints"][0]["probability_slower"] > 0.9


def test_markdown_is_a_table_that_no_name_can_break(results: Path) -> None:
    _, said, _ = compare(results, "before", "slow", "--markdown")
    assert said.startswith("**worse: slow against before; ")
    assert r"| GET /api/crm/\[red\]x\[/red\]\|contacts | 400 → 400 |" in said


def test_options_move_what_counts_as_a_difference(results: Path) -> None:
    assert compare(results, "before", "slow", "--min-change-percent", "200")[0] == 0
    assert compare(results, "before", "short", "--coverage", "0")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["before"], "RUN_B"),
        (["before", "nowhere"], "there is no "),
        (["before", "after", "--level", "2"], "--level: '2' is not a number from 1e-09 to 0.5"),
        (["before", "after", "--coverage", "nan"], "--coverage"),
        (["before", "after", "--json", "--markdown"], "not allowed with"),
    ],
)
def test_wrong_usage_is_one_sentence_and_three(results: Path, arguments: list[str], says: str) -> None:
    code, said, complaint = compare(results, *arguments)
    assert (code, said) == (3, "")
    assert says in complaint
    assert complaint.count("\n") == 1


def test_the_commands_of_the_documentation_work(results: Path) -> None:
    page = (ROOT / "docs" / "results.md").read_text()
    commands = [shlex.split(line) for line in page.splitlines() if line.startswith("./scripts/compare ")]
    assert len(commands) == 2
    for _, _, _, *options in commands:
        assert compare(results, "before", "after", *options)[0] == 0
