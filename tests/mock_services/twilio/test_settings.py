"""The double starts with the lab's values, and refuses a setting that it cannot use in one sentence."""

import os
import subprocess
import sys

import pytest

from tests.mock_services.twilio.lab import ROOT


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TWILIO_ACCOUNT_SID", "lab"),
        ("TWILIO_MAX_CALLS", "0"),
        ("TWILIO_WEBHOOK_TOTAL_S", "soon"),
        ("LAB_STREAM_MAP", "wss://a->ws://b"),
        ("TWILIO_CALLEE_SCRIPT", "nobody"),
        ("TWILIO_RING_MS", "for ever"),
    ],
)
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "mock_services.twilio", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert started.returncode == 3
    assert started.stdout == ""
    (sentence,) = started.stderr.splitlines()
    assert variable in sentence
    assert value in sentence
