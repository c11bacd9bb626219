"""What a client of a conversation's socket may send, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.conversations.protocol import Command, Ping, Say, Typing, Unreadable, read


@pytest.mark.parametrize(
    ("given_message", "meaning"),
    [
        ({"type": "ping"}, Ping()),
        ({"type": "typing_status", "is_typing": True}, Typing(True)),
        ({"type": "typing_status", "is_typing": "yes"}, Typing(False)),
        ({"type": "typing_status"}, Typing(False)),
        ({"type": "message", "content": " Hello "}, Say(" Hello ", {})),
        ({"type": "message", "content": "x", "metadata": {"a": 1}}, Say("x", {"a": 1})),
        ({"type": "message", "content": "x", "metadata": [1]}, Say("x", {})),
        ({"type": "message", "content": "/status"}, Command("/status")),
        ({"type": "message", "content": "/users "}, Command("/users")),
        ({"type": "message", "content": "?"}, Command("?")),
        ({"type": "message", "content": "? who is here"}, Command("?")),
        ({"type": "message", "content": "/other"}, Say("/other", {})),
        ({"type": "message", "content": ""}, None),
        ({"type": "message", "content": "  "}, None),
        ({"type": "message", "content": 7}, None),
        ({"type": "message"}, None),
        ({"type": "subscribe"}, None),
        ({"type": 7}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_message_means_one_thing(given_message: Any, meaning: Any) -> None:
    assert read(json.dumps(given_message)) == meaning


@pytest.mark.parametrize("text", ["", "{", "hello", '{"a":}', '"\\ud800"'])
def test_what_is_not_json_is_unreadable(text: str) -> None:
    assert read(text) == Unreadable()


@given(st.text(max_size=40) | st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(text)
