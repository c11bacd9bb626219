"""The double starts with the lab's values, and refuses a setting that it cannot use in one sentence."""

import pytest

from tests.support.doubles import refusal_to_start


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
    sentence = refusal_to_start("twilio", **{variable: value})
    assert variable in sentence
    assert value in sentence


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"TWILIO_API_KEY": "no-key", "TWILIO_API_SECRET": "hush-hush"}, "'^(SK[0-9a-f]{32})?$'"),
        ({"TWILIO_API_KEY": "SK" + "0" * 32}, "set both TWILIO_API_KEY and TWILIO_API_SECRET"),
        ({"TWILIO_API_SECRET": "hush-hush"}, "set both TWILIO_API_KEY and TWILIO_API_SECRET"),
    ],
)
def test_an_api_key_is_refused_without_being_shown(settings: dict[str, str], why: str) -> None:
    sentence = refusal_to_start("twilio", **settings)
    assert "TWILIO_API_KEY" in sentence
    assert why in sentence
    assert not any(value in sentence for value in settings.values())
