"""The workflow for users' CI: few permissions, pinned actions, and scripts that do what they say when they are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_commands import commands
from tests.support.commands import ROOT
from tests.support.doubles import serving
from tests.support.ports import lab_offset

FILE = ROOT / ".github" / "workflows" / "load-smoke.yml"
TEXT = FILE.read_text()
# YAML 1.1 reads the key `on` as true.
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
CALL = WORKFLOW[True]["workflow_call"]
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS = [(job, step) for job in JOBS for step in JOBS[job]["steps"]]
PAGE = ROOT / "docs" / "ci.md"
SHORT = '[smoke]\nusers = 10\nspawn_rate = 5\nrun_time = "20s"\n'
EXAMPLE: dict[Any, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[0])


def script(job: str, name: str) -> str:
    (step,) = [step for step in JOBS[job]["steps"] if step["name"] == name]
    return str(step["run"])


def bash(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def test_each_job_may_do_only_what_it_has_to() -> None:
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "smoke": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }
    assert all(job["timeout-minutes"] <= 30 for job in JOBS.values())


def test_what_may_write_runs_nothing_of_the_pull_request() -> None:
    assert [step["uses"].partition("@")[0] for step in JOBS["comment"]["steps"] if "uses" in step] == [
        "actions/download-artifact"
    ]
    condition = JOBS["comment"]["if"]
    assert "github.event_name == 'pull_request'" in condition
    assert "pull_request_target" not in TEXT
    assert "head.repo.full_name == github.repository" in condition


def test_no_token_stays_in_a_checkout() -> None:
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 2
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    uses = re.findall(r"^ +uses: (.+)$", TEXT, re.MULTILINE)
    assert len(uses) == sum("uses" in step for _, step in STEPS)
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in uses)


def test_nothing_is_expanded_into_a_script() -> None:
    """What an input or an event holds reaches a script as a variable, where it is text and no code."""
    assert not [step["name"] for _, step in STEPS if "${{" in step.get("run", "")]


def test_every_input_is_used_and_described() -> None:
    for kind in ("inputs", "secrets"):
        for name in CALL[kind]:
            assert f"{kind}.{name} }}}}" in TEXT, name
    assert all(described["description"] for described in CALL["inputs"].values())


def test_the_example_calls_it_as_it_wants_to_be_called() -> None:
    job = EXAMPLE["jobs"]["load"]
    given, wanted = job["with"], CALL["inputs"]
    assert {name for name, described in wanted.items() if described.get("required")} <= set(given) <= set(wanted)
    assert job["uses"] == f"{given['lab']}/.github/workflows/{FILE.name}@{given['lab-revision']}"
    needed = {scope: level for each in JOBS.values() for scope, level in each["permissions"].items()}
    assert job["permissions"] == needed
    assert set(re.findall(r"^\| `([\w-]+)`(?:, `([\w-]+)`)? \|", PAGE.read_text(), re.MULTILINE)[0]) <= set(wanted)


# The scripts, run.


@pytest.fixture(scope="module")
def offset() -> Iterator[int]:
    with lab_offset() as found:
        yield found


@pytest.fixture(scope="module")
def backend(offset: int) -> Iterator[str]:
    settings = {"BACKEND_BCRYPT_ROUNDS": "4", "BACKEND_DIALABLE_TENANTS": "true", **_vendors(offset)}
    with serving("backend", **settings) as address:
        yield f"http://{address}"


def _vendors(offset: int) -> dict[str, str]:
    vendors = f"127.0.0.1:{8020 + offset}"
    return {
        "DEEPGRAM_AGENT_URL": f"ws://{vendors}/deepgram/v1/agent/converse",
        "DEEPGRAM_LISTEN_URL": f"ws://{vendors}/deepgram/v1/listen",
        "STRIPE_API_URL": f"http://{vendors}/stripe",
        "ELEVENLABS_API_URL": f"http://{vendors}/elevenlabs",
        "SENDGRID_API_URL": f"http://{vendors}/sendgrid",
        "OPENAI_BASE_URL": f"http://{vendors}/openai/v1",
        "TWILIO_API_URL": f"http://127.0.0.1:{8010 + offset}",
    }


def settings(tmp_path: Path, target: str, offset: int) -> dict[str, str]:
    """Give what both ways of running the lab are told: a short profile, and a directory of results of its own."""
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(SHORT)
    return {
        "PATH": os.environ["PATH"],
        "LOAD_TEST_BASE_URL": target,
        "LAB_PROFILE": "smoke",
        "LAB_PROFILES_FILE": str(profiles),
        "LAB_RESULTS_DIR": str(tmp_path / "results"),
        "LAB_PORT_OFFSET": str(offset),
    }


def test_the_four_lines_run_the_smoke_test_and_end_with_its_verdict(backend: str, tmp_path: Path, offset: int) -> None:
    lines = commands(PAGE)
    assert len(lines) == 4
    ran = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        cwd=ROOT, env=settings(tmp_path, backend, offset), capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "## PASS: load run" in ran.stdout
    assert json.loads((tmp_path / "results" / "latest" / "verdict.json").read_text())["verdict"] == "pass"


def test_the_four_lines_end_before_a_run_that_would_fail(tmp_path: Path, offset: int) -> None:
    told = settings(tmp_path, "http://127.0.0.1:9", offset)
    ran = bash("\n".join(commands(PAGE)), ROOT, **told)
    assert ran.returncode == 1
    assert "connection refused" in ran.stdout
    assert not (tmp_path / "results").exists()


def test_the_workflows_steps_lead_to_a_summary(backend: str, tmp_path: Path, offset: int) -> None:
    """With a backend that is up already: what `start` holds makes a file, to show that it is run as a command."""
    told = settings(tmp_path, backend, offset)
    told |= {
        "START": "echo $((1 + 1)) >started",
        "SIMULATE_EXTERNAL_SERVICES": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
        "LOAD_TEST_USER_EMAIL": "",
        "LOAD_TEST_USER_PASSWORD": "",
    }
    assert bash(script("smoke", "Start the backend"), tmp_path, **told).returncode == 0
    assert (tmp_path / "started").read_text() == "2\n"
    for name in ("Look before the run", "Smoke"):
        ran = bash(script("smoke", name), ROOT, **told)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert bash(script("smoke", "Show the summary"), tmp_path, **told).returncode == 0
    assert (tmp_path / "page.md").read_text().startswith("## PASS: load run")
    assert (tmp_path / "summary" / "summary.md").read_text() == (tmp_path / "page.md").read_text()


def test_a_backend_that_does_not_start_ends_the_job(tmp_path: Path) -> None:
    told = {"PATH": os.environ["PATH"], "START": "false | cat"}
    assert bash(script("smoke", "Start the backend"), tmp_path, **told).returncode != 0


def test_a_job_without_a_run_says_so(tmp_path: Path) -> None:
    told = {
        "PATH": os.environ["PATH"],
        "LAB_RESULTS_DIR": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
    }
    assert bash(script("smoke", "Show the summary"), tmp_path, **told).returncode == 0
    assert "no load run" in (tmp_path / "page.md").read_text()


GH = """#!/bin/sh
# Notes what it is asked for, and says that there are these comments already.
echo "$*" >>"$ASKED"
case "$*" in *--paginate*) printf '%s' "$COMMENTS" ;; esac
"""


@pytest.mark.parametrize(
    ("comments", "asked"),
    [("", "--method POST repos/o/r/issues/7/comments "), ("11\n12\n", "--method PATCH repos/o/r/issues/comments/12 ")],
)
def test_a_pull_request_has_one_comment_that_is_changed(comments: str, asked: str, tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    (tmp_path / "summary.md").write_text("## PASS\n" + "x" * 100_000)
    told = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ASKED": str(tmp_path / "asked"), "COMMENTS": comments}
    told |= {"REPOSITORY": "o/r", "NUMBER": "7", "GH_TOKEN": "t"}
    ran = bash(script("comment", "Comment, or change the comment of the last time"), tmp_path, **told)
    assert ran.returncode == 0, ran.stderr
    looked, wrote = (tmp_path / "asked").read_text().splitlines()
    assert 'startswith("<!-- load-smoke -->")' in looked
    assert asked in wrote
    body = (tmp_path / "body.md").read_text()
    assert body.startswith("<!-- load-smoke -->\n## PASS\n")
    assert len(body) < 65_536, "GitHub takes no longer comment"
