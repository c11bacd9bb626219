"""What `docs/twilio.md` says of the double is so, and its examples run."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import httpx
import orjson
import pytest

from mock_services.core.speech import load_recordings
from mock_services.twilio.protocol.steps import Step
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.scripts import SHIPPED, load_scripts
from mock_services.twilio.settings import Settings
from tests.mock_services.twilio.lab import Double, Target, phone, running_double
from tests.support.doubles import ROOT
from tests.support.suite_lab import running_lab

PAGE = (ROOT / "docs" / "twilio.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
VARIABLE = re.compile(r"^\| `([A-Z_]+)` \| ([^|]*) \|", re.MULTILINE)
SCRIPT_FIELD = re.compile(r"^\| `([a-z_]+)` \| (?:`([^`]*)`|(null)) \|", re.MULTILINE)


def test_every_setting_is_listed_with_its_value() -> None:
    defaults = {}
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"TWILIO_{name}").upper()
        plain = field.default_factory is None and field.default not in ({}, None, "")
        defaults[variable] = f"`{field.default}`" if plain else None
    listed = dict(VARIABLE.findall(PAGE))
    assert listed.keys() == defaults.keys()
    assert {name: listed[name] for name, value in defaults.items() if value} == {
        name: value for name, value in defaults.items() if value
    }


def test_every_field_of_a_script_is_listed_with_its_value() -> None:
    section = PAGE.split("## What callers do")[1].split("With `steps`")[0]
    listed = {name: json.loads(value or null) for name, value, null in SCRIPT_FIELD.findall(section)}
    assert listed == Script().model_dump(mode="json")


def test_the_paths_answer(double: Double) -> None:
    commands = re.findall(r"^curl -s (-X POST )?http://127\.0\.0\.1:8010(/\S+)", PAGE, re.MULTILINE)
    assert len(commands) == 5
    for post, path in commands:
        assert httpx.request("POST" if post else "GET", double.url + path).status_code == 200


def test_the_example_makes_a_call(target: Target) -> None:
    _, example = EXAMPLES
    defaults = Settings.model_fields
    target.token = defaults["auth_token"].default
    with running_double(target.token, TWILIO_ACCOUNT_SID=defaults["account_sid"].default) as double:
        for documented, real in (
            ("127.0.0.1:8010", double.url.removeprefix("http://")),
            ("http://127.0.0.1:8001/api/telephony/webhook/incoming-call", f"{target.url}/voice"),
            ("http://127.0.0.1:8001/api/telephony/webhook/call-status", f"{target.url}/status"),
        ):
            assert documented in example
            example = example.replace(documented, real)
        example = f"called = '+15555550100'\n{example}"
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=30, check=False
        )
    assert run.stderr == ""
    steps = [line.split()[0] for line in run.stdout.splitlines()]
    assert steps == ["dialing", "answered", "connected", "first_audio", "turn", "ended"]
    assert "caller-hangup" in run.stdout


def test_the_examples_call_an_organisation_of_the_reference_backend(tmp_path: Path) -> None:
    script = "".join(EXAMPLES)
    with running_lab(tmp_path) as lab:
        script = script.replace("127.0.0.1:8010", lab.twilio).replace("127.0.0.1:8001", lab.backend)
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    assert run.stderr == ""
    steps = [line.split()[0] for line in run.stdout.splitlines()]
    assert steps == ["dialing", "answered", "connected", "first_audio", "turn", "ended"]


@pytest.mark.anyio
async def test_the_example_of_a_party_is_one(double: Double) -> None:
    _, example = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    party = json.loads(example)
    async with phone(double) as control:
        await control.send(party)
        assert await control.receive() == {"type": "party", "number": party["number"]}


def test_the_bench_measures() -> None:
    command = [str(ROOT / "scripts" / "bench" / "media"), "--calls", "3", "--seconds", "1", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode in {0, 1, 2}, run.stderr  # how punctual a busy machine is is not for a test to say
    figures = json.loads(run.stdout)
    assert (figures["calls_concurrent"], figures["calls_ended"], figures["calls_failed"]) == (3, 3, {})
    assert figures["frames_sent"] == figures["target"]["media_received"] > 0
    assert figures["target"]["sequence_errors"] == 0


def test_the_bench_is_bounded() -> None:
    command = [str(ROOT / "scripts" / "bench" / "media"), "--calls", "100000"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, len(run.stderr.splitlines())) == (3, 1)


def test_the_example_of_a_file_of_scripts_is_one(tmp_path: Path) -> None:
    example, _ = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "scripts.json"
    file.write_text(example)
    scripts = load_scripts({recording.id for recording in load_recordings("caller")}, file)
    assert scripts["bargain"].steps


def test_every_step_is_listed_with_its_fields() -> None:
    listed = {
        name: set(re.findall(r"`([a-z_]+)`", fields)) - {"do"}
        for name, fields in re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \| [a-z]", PAGE, re.MULTILINE)
    }
    for step in get_args(get_args(Step)[0]):
        (name,) = get_args(step.model_fields["do"].annotation)
        assert listed[name] == set(step.model_fields) - {"do"}, name


def test_every_script_that_is_shipped_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in orjson.loads(SHIPPED.read_bytes()))
