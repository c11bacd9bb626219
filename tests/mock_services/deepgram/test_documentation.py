"""What `docs/deepgram.md` says of the stub is so."""

import re
from pathlib import Path

from mock_services.deepgram.settings import DeepgramSettings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "deepgram.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_value() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    defaults = {field.alias: field.default for field in DeepgramSettings.model_fields.values()}
    assert listed == {name: "true" if value is True else str(value) for name, value in defaults.items()}


def test_the_turn_adds_up_to_what_the_page_says() -> None:
    timing = DeepgramSettings.model_construct().timing
    parts = (timing.endpointing_ms, timing.think_ms, timing.speak_ms)
    assert f"{' + '.join(str(round(part)) for part in parts)} = {round(timing.turn_ms)} ms" in PAGE
