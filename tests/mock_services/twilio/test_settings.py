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
