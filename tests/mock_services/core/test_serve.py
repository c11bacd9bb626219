"""A double that cannot start says so in one sentence, and never prints a secret."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from picows import WSListener, ws_connect
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from mock_services.backend.settings import Settings as BackendSettings
from mock_services.core.serve import _log_unless_told, main
from tests.support.doubles import ROOT


class Settings(BaseSettings):
    vendor_limit: int = 1
    vendor_api_key: str = Field(default="0123456789", min_length=8)
    vendor_file: str = ""

    @field_validator("vendor_file")
    @classmethod
    def _there(cls, path: str) -> str:
        raise ValueError("the file cannot be read")


def refuse_to_start(name: str, settings: Callable[[], object]) -> None:
    """Start a double that reads these settings, which must refuse."""

    def build() -> NoReturn:
        raise AssertionError(f"{name} accepted {settings()}")

    with pytest.raises(SystemExit, match="3"):
        main(name, 0, build, argv=[])


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("VENDOR_LIMIT", "many", "vendor: VENDOR_LIMIT is 'many': "),
        ("VENDOR_API_KEY", "hunter2", "vendor: VENDOR_API_KEY is not shown: "),
        ("VENDOR_FILE", "nowhere", "vendor: VENDOR_FILE is 'nowhere': the file cannot be read\n"),
    ],
)
def test_a_bad_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    refuse_to_start("vendor", Settings)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1
    assert "hunter2" not in printed.err


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CORS_ORIGINS", "x", """CORS_ORIGINS is 'x': it takes a JSON list, such as ["https://app.example.org"]"""),
        (
            "BACKEND_SUPER_ADMIN_EMAIL",
            "a@b.example.org",
            "BACKEND_SUPER_ADMIN_EMAIL and BACKEND_SUPER_ADMIN_PASSWORD go together: set both, or none",
        ),
    ],
)
def test_a_setting_that_is_a_list_or_one_of_a_pair_is_named_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    refuse_to_start("backend", BackendSettings)
    assert capsys.readouterr().err == f"backend: {sentence}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_double_that_is_asked_to_end_ends_in_good_order_and_silence(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "mock_services.twilio", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode in {0, -number}
    assert complaints == ""


def test_a_server_that_cuts_off_a_tls_handshake_is_told_to_whoever_connects_alone() -> None:
    """picows' word to the loop is one that logging cannot write: forty lines for each stream to a port without TLS."""
    told: list[dict[str, Any]] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.close()

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        loop.default_exception_handler = told.append  # type: ignore[method-assign, assignment]
        _log_unless_told(loop, {"message": "a task failed", "exception": ValueError()})
        loop.set_exception_handler(_log_unless_told)
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            with pytest.raises(ConnectionResetError):
                await ws_connect(WSListener, f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    asyncio.run(connect())
    assert [context["message"] for context in told] == ["a task failed"]


@pytest.mark.parametrize("arguments", [["--port", "80x"], ["--nonsense"], ["--log-level", "loud"]])
def test_wrong_usage_is_one_sentence_and_exit_code_3(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="3"):
        main("vendor", 0, lambda: pytest.fail("a server was built"), argv=arguments)
    said = capsys.readouterr().err
    assert said.startswith("python -m mock_services.vendor: ")
    assert said.endswith("; `python -m mock_services.vendor --help` lists what it takes\n")
    assert said.count("\n") == 1
