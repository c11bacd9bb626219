"""What is sent to the agent first, and what its messages mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.voice_agent.dialogue import Dialogue, greeting_message, settings_message

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_settings_are_the_platforms() -> None:
    settings = json.loads(settings_message("Elm & {Sons}", None))
    prompt = settings["agent"]["think"].pop("prompt")
    assert "Elm & {Sons}" in prompt
    assert 2000 < len(prompt) < 3000
    assert settings == {
        "type": "Settings",
        "audio": {
            "input": {"encoding": "mulaw", "sample_rate": 8000},
            "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
        },
        "agent": {
            "listen": {"provider": {"type": "deepgram", "model": "nova-3"}},
            "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini", "temperature": 0.7}},
            "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
        },
    }
    voiced = json.loads(settings_message("Elm", "aura-2-luna-en"))
    assert voiced["agent"]["speak"]["provider"]["model"] == "aura-2-luna-en"


def test_the_greeting_is_the_organisations_own_or_a_common_one() -> None:
    assert json.loads(greeting_message("Elm", "Welcome")) == {"type": "InjectAgentMessage", "content": "Welcome"}
    assert json.loads(greeting_message("Elm", None))["content"].startswith("Hello! Thank you for calling Elm")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"type": "ConversationText", "role": "user", "content": "Hi"}, ("user", "Hi")),
        ({"type": "ConversationText", "role": "assistant", "content": "Hello"}, ("assistant", "Hello")),
        ({"type": "AgentText", "text": "Hello"}, ("assistant", "Hello")),
        ({"type": "UserTranscript", "transcript": "Hi"}, ("user", "Hi")),
        ({"type": "ConversationText", "role": "user", "content": ""}, None),
        ({"type": "ConversationText", "role": "user", "content": 7}, None),
        ({"type": "UserStartedSpeaking"}, None),
        ({"type": 7, "content": "x"}, None),
    ],
)
def test_lines_are_kept(message: dict[str, Any], line: tuple[str, str] | None) -> None:
    dialogue = Dialogue(max_lines=10)
    dialogue.receive(json.dumps(message), NOW)
    assert [(each.role, each.content) for each in dialogue.lines] == ([line] if line else [])
    assert not dialogue.applied


def test_audio_waits_for_the_settings() -> None:
    dialogue = Dialogue(max_lines=1)
    for kind in ("Welcome", "SettingsApplied"):
        assert not dialogue.applied
        assert dialogue.receive(json.dumps({"type": kind}), NOW) == kind
    assert dialogue.applied
    for number in range(3):
        dialogue.receive(json.dumps({"type": "ConversationText", "role": "user", "content": str(number)}), NOW)
    assert [line.content for line in dialogue.lines] == ["0"]
    dialogue.receive('{"type":"Error","code":"X1","message":"bad"}', NOW)
    assert dialogue.errors == ["X1: bad"]


@given(st.text())
def test_no_message_breaks_the_dialogue(text: str) -> None:
    dialogue = Dialogue(max_lines=1)
    assert dialogue.receive(text, NOW) == "unreadable"
