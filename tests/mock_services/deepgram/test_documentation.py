"""What `docs/deepgram.md` says of the stub is so."""

from mock_services.deepgram.settings import DeepgramSettings
from tests.support.pages import listed_settings, page, unset_settings

PAGE = page("deepgram")


def test_every_setting_is_listed_with_its_value() -> None:
    assert listed_settings(PAGE) == unset_settings(DeepgramSettings)


def test_the_turn_adds_up_to_what_the_page_says() -> None:
    timing = DeepgramSettings.model_construct().timing
    parts = (timing.endpointing_ms, timing.think_ms, timing.speak_ms)
    assert f"{' + '.join(str(round(part)) for part in parts)} = {round(timing.turn_ms)} ms" in PAGE
