"""What `docs/elevenlabs.md` says of the stub is so."""

from mock_services.core.speech import load_recordings
from mock_services.elevenlabs.app import build
from mock_services.elevenlabs.settings import ElevenLabsSettings
from tests.support.pages import listed_operations, listed_settings, page, run_example, unset_settings

PAGE = page("elevenlabs")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(ElevenLabsSettings)


def test_every_operation_is_listed() -> None:
    assert sorted(listed_operations(PAGE)) == sorted(operation.name for operation in build().operations)


def test_the_example_runs(stub: str) -> None:
    hours = next(line for line in load_recordings("agent") if line.topic == "hours")
    said = f"{hours.duration_ms / 1000:.2f} s of speech\n"
    assert run_example(PAGE, {"127.0.0.1:8020/elevenlabs": stub}) == (said, "")
