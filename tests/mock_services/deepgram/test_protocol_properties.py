"""Whatever a client does and however time passes, a session keeps the rules of the conversation."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.core.conversation import Close, Output
from mock_services.core.speech import FRAME_BYTES, SILENCE, load_recordings
from mock_services.deepgram.protocol import AgentSession
from mock_services.deepgram.script import Script
from mock_services.deepgram.tally import AgentTally
from mock_services.deepgram.timing import Timing

SCRIPT = Script.model_validate({"rule": [{"said": "opening", "call": "look_up", "reply": "From {result}."}]})
VOICE = load_recordings("caller")[0].ulaw[: 20 * FRAME_BYTES]
QUIET = bytes([SILENCE]) * FRAME_BYTES
FORMAT = {"encoding": "mulaw", "sample_rate": 8000}
SETTINGS: dict[str, Any] = {
    "type": "Settings",
    "audio": {"input": FORMAT, "output": FORMAT},
    "agent": {
        "listen": {"provider": {"type": "deepgram", "model": "flux-general-en", "version": "v2"}},
        "think": {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "functions": [{"name": "look_up"}]},
        "greeting": "Hello there.",
    },
    "flags": {"history": True},
    "experimental": True,
}

Step = tuple[str, Any]
conversation_steps = st.one_of(
    st.tuples(st.just("audio"), st.sampled_from([VOICE, VOICE[:50], QUIET * 25, QUIET * 3, QUIET[:7], b""])),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.001, 0.02, 0.3, 2.0, 5.0])),
    st.tuples(
        st.just("text"),
        st.sampled_from(
            [
                {"type": "KeepAlive"},
                {"type": "UpdatePrompt", "prompt": "Be brief."},
                {"type": "UpdatePrompt", "prompt": "x" * 25_001},
                {"type": "InjectAgentMessage", "content": "Please hold the line for a moment."},
                {"type": "InjectAgentMessage", "message": "One moment.", "behavior": "queue"},
                {"type": "InjectAgentMessage", "message": "Stop.", "behavior": "interrupt"},
                {"type": "InjectUserMessage", "content": "What are your opening hours?"},
                {"type": "ForceEndTurn"},
                {"type": "FunctionCallResponse", "name": "look_up", "content": "nine to five"},
            ]
        ).map(json.dumps),
    ),
)
any_step = st.one_of(
    conversation_steps,
    st.tuples(st.just("text"), st.just(json.dumps(SETTINGS))),
    st.tuples(st.just("text"), st.sampled_from(["", "{", '{"type":"Settings"}', '{"type":"Nonsense"}', "7"])),
    st.tuples(st.just("text"), st.text(max_size=20)),
    st.tuples(st.just("pass"), st.just(13.0)),
)
good_start: Step = ("text", json.dumps(SETTINGS))


def converse(steps: list[Step], timing: Timing, *, late_s: float = 0.0) -> tuple[list[Output], AgentTally]:
    """Play the steps, each poll `late_s` after what it is for was due; give all that was sent."""
    tally = AgentTally()
    session = AgentSession("id", timing, Random(5), tally, 0.0, script=SCRIPT)
    now = 0.0
    sent: list[Output] = []

    def pass_time(until: float) -> None:
        nonlocal now
        while session.due + late_s <= until:
            now = max(now, session.due + late_s)
            before = session.due
            sent.extend(session.poll(now))
            assert session.due > now, f"polling at {now} left something due at {session.due} (it was {before})"
        now = until

    for kind, value in steps:
        if kind == "pass":
            pass_time(now + value)
        else:
            pass_time(now)
            if kind == "audio":
                session.receive_audio(value, now)
            else:
                session.receive_text(value, now)
    pass_time(now + 30.0)
    return sent, tally


def kind_of(output: Output) -> str:
    if isinstance(output, str):
        return str(json.loads(output)["type"])
    return "audio" if isinstance(output, bytes) else "close"


@settings(max_examples=150)
@given(st.lists(any_step, max_size=25), st.booleans(), st.sampled_from([0.0, 0.5]), st.sampled_from([20, 100]))
def test_the_order_of_messages_always_holds(steps: list[Step], begin_well: bool, spread: float, chunk_ms: int) -> None:
    sent, tally = converse([good_start, *steps] if begin_well else steps, Timing(spread=spread, chunk_ms=chunk_ms))
    kinds = [kind_of(output) for output in sent]

    assert kinds[0] == "Welcome"
    assert kinds.count("Welcome") == 1
    assert kinds.count("SettingsApplied") <= 1

    # The end is an Error and the close, and as nobody says anything for 30 s it always comes.
    assert kinds[-2:] == ["Error", "close"]
    assert kinds.count("Error") == kinds.count("close") == 1
    assert sum(tally.errors.values()) == 1

    applied = kinds.index("SettingsApplied") if "SettingsApplied" in kinds else len(kinds)
    for conversational in ("ConversationText", "audio", "UserStartedSpeaking", "AgentThinking", "AgentAudioDone"):
        assert conversational not in kinds[:applied]

    for output in sent:
        if isinstance(output, bytes):
            assert 0 < len(output) <= chunk_ms * 8
            assert len(output) % FRAME_BYTES == 0


@settings(max_examples=150)
@given(st.lists(conversation_steps.filter(lambda step: "interrupt" not in str(step[1])), max_size=40))
def test_the_agent_never_talks_over_the_user_unless_told_to(steps: list[Step]) -> None:
    sent, tally = converse([good_start, ("pass", 0.2), *steps], Timing())
    user_speaking = False
    agent_audible = False
    for output in sent:
        kind = kind_of(output)
        if kind == "UserStartedSpeaking":
            assert not user_speaking, "an utterance ends before the next begins"
            user_speaking, agent_audible = True, False
        elif kind == "ConversationText" and json.loads(str(output))["role"] == "user":
            user_speaking = False
        elif kind == "audio":
            assert not user_speaking
            agent_audible = True
        elif kind == "AgentAudioDone":
            assert agent_audible, "nothing is done that was not begun"
            agent_audible = False
    assert tally.audio_bytes_sent == sum(len(output) for output in sent if isinstance(output, bytes))


@settings(max_examples=60)
@given(st.lists(conversation_steps, max_size=10), st.floats(0.0, 0.004))
def test_polling_a_little_late_changes_nothing_that_is_sent(steps: list[Step], late_s: float) -> None:
    # What the client does in between is spaced so that lateness cannot change what it interrupts.
    spaced = [part for step in steps for part in (step, ("pass", 4.0), ("text", '{"type":"KeepAlive"}'))]
    prompt, _ = converse([good_start, ("pass", 4.0), *spaced], Timing(speed=50))
    late, _ = converse([good_start, ("pass", 4.0), *spaced], Timing(speed=50), late_s=late_s)
    assert late == prompt


def test_a_close_carries_a_code_and_a_reason() -> None:
    sent, _ = converse([], Timing())
    assert sent[-1] == Close(1011, "CLIENT_MESSAGE_TIMEOUT")
