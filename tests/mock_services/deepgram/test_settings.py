"""The stub's settings: documented values when unset, and a bad value refused by the variable's name."""

import pytest
from pydantic import ValidationError

from mock_services.deepgram.settings import DeepgramSettings
from mock_services.deepgram.timing import Timing


def test_unset_variables_have_the_documented_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPGRAM_API_KEY", "DEEPGRAM_LENIENT", "DEEPGRAM_THINK_MS", "LAB_SEED"):
        monkeypatch.delenv(name, raising=False)
    settings = DeepgramSettings()
    assert settings.api_key == "1ab0000000000000000000000000000000deeb9a"
    assert settings.lenient
    assert settings.timing == Timing()
    assert settings.timing.turn_ms == 780


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_LENIENT", "false")
    monkeypatch.setenv("DEEPGRAM_THINK_MS", "1500")
    monkeypatch.setenv("DEEPGRAM_SPREAD", "0.4")
    monkeypatch.setenv("LAB_SEED", "7")
    settings = DeepgramSettings()
    assert (settings.lenient, settings.seed) == (False, "7")
    assert settings.timing == Timing(think_ms=1500, spread=0.4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEEPGRAM_THINK_MS", "soon"),
        ("DEEPGRAM_THINK_MS", "-1"),
        ("DEEPGRAM_CHUNK_MS", "30"),
        ("DEEPGRAM_SPEED", "0"),
        ("DEEPGRAM_LENIENT", "perhaps"),
        ("DEEPGRAM_MAX_SESSIONS", "-1"),
        ("DEEPGRAM_API_KEY", ""),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        DeepgramSettings()
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]
