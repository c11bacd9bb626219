"""What `docs/openai.md` says of the stub is so."""

from mock_services.openai.app import build
from mock_services.openai.settings import OpenAISettings
from tests.support.pages import listed_operations, listed_settings, page, run_example, unset_settings

PAGE = page("openai")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(OpenAISettings)


def test_every_operation_is_listed() -> None:
    assert sorted(listed_operations(PAGE)) == sorted(operation.name for operation in build().operations)


def test_the_example_runs(stub: str) -> None:
    hours = "We are open from nine to five on weekdays, and until noon on Saturdays."
    assert run_example(PAGE, {"127.0.0.1:8020/openai": stub}) == (f"{hours}\n", "")
