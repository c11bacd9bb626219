"""However a client cuts its audio up and however time passes, a stream keeps the rules of `/v1/listen`."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.core.conversation import Close, Output
from mock_services.deepgram.listen.options import read_options
from mock_services.deepgram.listen.session import ListenSession
from mock_services.deepgram.tally import ListenTally
from mock_services.deepgram.timing import ListenTiming
from tests.mock_services.deepgram.listen.sounds import CALLER, ulaw_silence

OPTIONS = {
    "model": "nova-3",
    "encoding": "mulaw",
    "interim_results": "true",
    "utterance_end_ms": "1000",
    "vad_events": "true",
}
LOUD = bytes([0x10]) * 160
sounds = st.one_of(
    st.tuples(st.just("silence"), st.integers(0, 300)),
    st.tuples(st.just("voice"), st.integers(0, 300)),
    st.tuples(st.just("line"), st.sampled_from(sorted(CALLER))),
    st.tuples(st.just("bytes"), st.binary(min_size=1, max_size=700)),
)
steps = st.one_of(
    sounds,
    st.tuples(st.just("text"), st.sampled_from(["Finalize", "KeepAlive", "Configure", "Nonsense"])),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.01, 0.3, 4.0])),
)


def audio(kind: str, value: Any) -> bytes:
    """The μ-law of a step; steps stay small, so that a failure can be read."""
    match kind:
        case "silence":
            return ulaw_silence(value * 20)
        case "voice":
            return LOUD * int(value)
        case "line":
            return CALLER[value].ulaw
    return bytes(value)


def transcribe(script: list[tuple[str, Any]], seed: int, cut: int | None, options: dict[str, str]) -> list[Output]:
    timing = ListenTiming(spread=0.5 if seed % 2 else 0.0)
    session = ListenSession("r", read_options(options), timing, Random(seed), ListenTally(), 0.0)
    now, sent = 0.0, []

    def pass_time(until: float) -> None:
        nonlocal now
        while session.due <= until:
            now = max(now, session.due)
            sent.extend(session.poll(now))
            assert session.due > now
        now = until

    for kind, value in [*script, ("text", "CloseStream"), ("pass", 30.0)]:
        if kind == "pass":
            pass_time(now + value)
        elif kind == "text":
            session.receive_text(json.dumps({"type": value}), now)
        else:
            sound = audio(kind, value)
            size = cut or len(sound) or 1
            for start in range(0, len(sound), size):
                session.receive_audio(sound[start : start + size], now)
    return sent


@settings(max_examples=60)
@given(st.lists(steps, max_size=8), st.integers(0, 3), st.sampled_from(["10", "1000", "false"]))
def test_the_rules_hold(script: list[tuple[str, Any]], seed: int, endpointing: str) -> None:
    sent = transcribe(script, seed, None, OPTIONS | {"endpointing": endpointing})
    assert isinstance(sent[-1], Close)
    assert sum(isinstance(output, Close) for output in sent) == 1
    messages = [json.loads(output) for output in sent if isinstance(output, str)]
    results = [message for message in messages if message["type"] == "Results"]
    finals = [result for result in results if result["is_final"]]

    at = 0.0
    for result in finals:  # they tile the time line
        assert abs(result["start"] - at) < 1e-6
        at = result["start"] + result["duration"]
        assert result["duration"] < 4.02 + 1e-6  # a frame more where the one before ended in the middle of one
    heard = sum(len(audio(*step)) for step in script if step[0] not in {"text", "pass"}) / 8000
    if sent[-1].code == 1000:
        assert heard - 0.02 - 1e-6 < at < heard + 1e-6
        assert abs(messages[-1]["duration"] - heard) < 1e-6

    words = [word for result in finals for word in result["channel"]["alternatives"][0]["words"]]
    for earlier, later in pairwise(words):
        assert earlier["start"] < earlier["end"] <= later["start"] + 1e-9
    for result in results:
        for word in result["channel"]["alternatives"][0]["words"]:
            assert result["start"] <= word["start"] < word["end"] <= result["start"] + result["duration"] + 1e-9
    starts = [message["timestamp"] for message in messages if message["type"] == "SpeechStarted"]
    assert starts == sorted(set(starts))
    ends = [message["last_word_end"] for message in messages if message["type"] == "UtteranceEnd"]
    assert ends == sorted(set(ends))
    assert len(ends) <= len(starts)
    if endpointing == "false":
        assert not any(result["speech_final"] for result in finals[:-1] if not result["from_finalize"])


@settings(max_examples=40)
@given(st.lists(sounds, max_size=6), st.integers(1, 1000))
def test_how_audio_is_cut_up_does_not_matter(script: list[tuple[str, Any]], cut: int) -> None:
    whole, cut_up = (transcribe(script, 2, size, OPTIONS) for size in (None, cut))
    assert [stable(output) for output in whole] == [stable(output) for output in cut_up]


def stable(output: Output) -> object:
    """What does not depend on the day."""
    if not isinstance(output, str):
        return output
    return {name: value for name, value in json.loads(output).items() if name != "created"}
