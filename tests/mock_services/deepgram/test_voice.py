"""The agent's voice: audio for any text, as long as the text takes to say, and answers on the caller's topic."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.speech import FRAME_BYTES, SAMPLE_RATE, Recording, is_voiced, load_recordings
from mock_services.deepgram import voice

CALLER, AGENT = load_recordings("caller"), load_recordings("agent")


@pytest.mark.parametrize("line", AGENT, ids=lambda line: line.id)
def test_a_recorded_text_has_its_own_recording(line: Recording) -> None:
    assert voice.synthesise(line.text) == line.ulaw


@given(st.text(min_size=1, max_size=2000))
def test_any_text_has_whole_frames_of_speech_that_begin_with_voice(text: str) -> None:
    audio = voice.synthesise(text)
    assert len(audio) % FRAME_BYTES == 0
    assert 0 < len(audio) <= 60 * SAMPLE_RATE
    assert is_voiced(audio[:FRAME_BYTES])


def test_a_text_takes_as_long_as_a_speaker_takes() -> None:
    text = "Please tell me how I can help you with the arrangements today. " * 3
    words_a_minute = len(text.split()) / (len(voice.synthesise(text)) / SAMPLE_RATE / 60)
    assert 120 < words_a_minute < 240
    assert len(voice.synthesise(text * 2)) == pytest.approx(2 * len(voice.synthesise(text)), rel=0.01)


def test_the_same_text_sounds_the_same_and_another_does_not() -> None:
    first = voice.synthesise("We will call you back.")
    voice.synthesise.cache_clear()
    assert voice.synthesise("We will call you back.") == first
    assert len({voice.synthesise(f"We will call {name} back.") for name in ("Ann", "Bob", "Eve", "Joe", "Kim")}) > 1


@pytest.mark.parametrize("line", CALLER, ids=lambda line: line.id)
def test_the_reply_to_a_recording_is_on_its_topic(line: Recording) -> None:
    said = voice.transcript([CALLER[0], line], Random(1))
    assert said.endswith(line.text)
    assert voice.reply(said, Random(1)).topic == line.topic


def test_what_was_not_recognised_gets_a_phrase_and_an_answer_that_repeat_with_the_seed() -> None:
    said = voice.transcript([], Random(7))
    assert said in voice.UNRECOGNISED
    assert voice.transcript([], Random(7)) == said
    assert {voice.reply(said, Random(seed)).topic for seed in range(50)} == {line.topic for line in AGENT} - {
        "greeting"
    }


def test_sentences_are_told_apart() -> None:
    assert voice.sentences("Of course. One of us will call back!  Is that right? ") == [
        "Of course.",
        "One of us will call back!",
        "Is that right?",
    ]
