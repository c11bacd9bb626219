"""The OpenAI stub as a process without delays, and OpenAI's own SDK pointed at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from mock_services.openai.settings import DEFAULT_SCRIPT
from tests.mock_services.openai.support import AT_ONCE, FAILURES, KEY
from tests.support.doubles import serving


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the stub with its own script, and rules before it that fail on demand; give its address."""
    script: Path = tmp_path_factory.mktemp("openai") / "script.toml"
    script.write_text(FAILURES + DEFAULT_SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    with serving("openai", OPENAI_SCRIPT=str(script), OPENAI_EXTRA_MODELS="ft:gpt-4o-mini:lab", **AT_ONCE) as address:
        yield address


@pytest.fixture(scope="session")
def client(stub: str) -> Iterator[OpenAI]:
    """Give the SDK's client; it checks every answer against OpenAI's specification, and repeats nothing."""
    with OpenAI(
        api_key=KEY, base_url=f"http://{stub}/v1", max_retries=0, timeout=20, _strict_response_validation=True
    ) as sdk:
        yield sdk
