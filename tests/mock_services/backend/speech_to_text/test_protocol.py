"""What a client of the speech-to-text sockets says, and what Deepgram's messages become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.backend.speech_to_text.protocol import (
    Manner,
    Ping,
    Start,
    Stop,
    Unreadable,
    read_control,
    transcript,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RESULT: dict[str, Any] = {
    "type": "Results",
    "is_final": True,
    "speech_final": False,
    "channel": {
        "alternatives": [
            {
                "transcript": "Hello there",
                "confidence": 0.98,
                "words": [
                    {"word": "hello", "start": 0.1, "end": 0.4, "confidence": 0.9, "punctuated_word": "Hello"},
                    {"word": "there", "start": 0.5, "end": 0.8, "confidence": 0.9, "speaker": 1},
                ],
            }
        ]
    },
}


def test_the_query_is_the_platforms() -> None:
    assert Manner().query() == (
        "channels=1&encoding=linear16&endpointing=true&interim_results=true&language=en-US&model=nova-2"
        "&multichannel=false&no_delay=true&numerals=true&punctuate=true&sample_rate=16000&smart_format=true"
        "&utterance_end_ms=1500&vad_events=true"
    )
    chosen = dict(parse_qsl(Manner().changed({"language": "de&x=1", "model": "nova-3"}).query()))
    assert (chosen["language"], chosen["model"]) == ("de&x=1", "nova-3")
    assert Manner("de", "nova-3").changed({"language": "", "model": 7}) == Manner("de", "nova-3")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('{"type":"ping"}', Ping()),
        ('{"type":"start_transcription","language":"de"}', Start({"type": "start_transcription", "language": "de"})),
        ('{"type":"stop_transcription"}', Stop()),
        ('{"type":"audio","data":"AAAA"}', None),
        ('{"type":"config","sample_rate":8000}', None),
        ('{"type":{}}', None),
        ("[]", None),
        ("7", None),
        ("", Unreadable()),
        ("start", Unreadable()),
    ],
)
def test_a_control_message_means_one_thing(text: str, meaning: Any) -> None:
    assert read_control(text) == meaning


def test_a_result_becomes_the_platforms_transcript() -> None:
    written = transcript(json.dumps(RESULT), None, NOW)
    assert written is not None
    assert json.loads(written) == {
        "type": "transcript",
        "is_final": True,
        "speech_final": False,
        "transcript": "Hello there",
        "confidence": 0.98,
        "words": [
            {"word": "hello", "start": 0.1, "end": 0.4, "confidence": 0.9, "punctuated_word": "Hello", "speaker": None},
            {"word": "there", "start": 0.5, "end": 0.8, "confidence": 0.9, "punctuated_word": "there", "speaker": 1},
        ],
        "timestamp": "2026-01-02T03:04:05Z",
    }
    told = transcript(json.dumps(RESULT), Manner("de", "nova-3"), NOW)
    assert told is not None
    assert json.loads(told)["detected_language"] == "de"


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "7",
        '{"type":"SpeechStarted"}',
        '{"type":"Results"}',
        '{"type":"Results","channel":{"alternatives":[]}}',
        '{"type":"Results","channel":{"alternatives":[{"transcript":""}]}}',
        '{"type":"Results","channel":{"alternatives":[{"transcript":"x","words":[{}]}]}}',
        '{"type":"Results","channel":{"alternatives":[{"transcript":"x","words":[7]}]}}',
    ],
)
def test_anything_else_of_deepgram_means_nothing(text: str) -> None:
    assert transcript(text, None, NOW) is None


@given(st.text(max_size=30) | st.recursive(st.none() | st.integers(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["type", "channel", "alternatives", "transcript"]), x)).map(json.dumps))  # fmt: skip
def test_no_text_breaks_either_reader(text: str) -> None:
    read_control(text)
    transcript(text, None, NOW)
