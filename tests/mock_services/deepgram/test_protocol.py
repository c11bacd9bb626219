"""A voice-agent session: the order of its messages, their times, and what a client can and cannot do to it."""

import copy
import itertools
import json
from random import Random
from typing import Any

import pytest

from mock_services.core.conversation import Close, Output
from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SAMPLE_RATE, SILENCE, load_recordings
from mock_services.deepgram import voice
from mock_services.deepgram.protocol import AgentSession
from mock_services.deepgram.tally import AgentTally
from mock_services.deepgram.timing import Timing

CALLER = {line.topic: line for line in load_recordings("caller")}
AGENT = {line.topic: line for line in load_recordings("agent")}
QUIET = bytes([SILENCE]) * FRAME_BYTES


def settings(**agent: Any) -> dict[str, Any]:
    """The Settings that the platform sends, without the history that it does not turn off."""
    return {
        "type": "Settings",
        "flags": {"history": False},
        "audio": {
            "input": {"encoding": "mulaw", "sample_rate": 8000},
            "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
        },
        "agent": {
            "listen": {"provider": {"type": "deepgram", "model": "nova-3"}},
            "think": {
                "provider": {"type": "open_ai", "model": "gpt-4o-mini", "temperature": 0.7},
                "prompt": "You answer the phone.",
            },
            "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
            **agent,
        },
    }


class Client:
    """A session with its clock: says what is sent when, without any waiting."""

    def __init__(self, *, lenient: bool = True, **timing: Any) -> None:
        self.timing = Timing(**timing)
        self.tally = AgentTally()
        self.now = 100.0
        self.session = AgentSession("id", self.timing, Random(1), self.tally, self.now, lenient=lenient)
        self.received: list[tuple[float, Output]] = []
        self.run(0)

    def run(self, ms: float) -> "Client":
        """Let time pass: everything that falls due is received at the time it is due."""
        end = self.now + ms / 1000
        while self.session.due <= end:
            self.now = max(self.now, self.session.due)
            self.received += [(self.now, output) for output in self.session.poll(self.now)]
        self.now = end
        return self

    def send(self, message: object) -> "Client":
        text = message if isinstance(message, str) else json.dumps(message)
        self.session.receive_text(text, self.now)
        return self.run(0)

    def hear(self, audio: bytes) -> "Client":
        """Speak in real time, 20 ms a message."""
        for start in range(0, len(audio), FRAME_BYTES):
            self.run(FRAME_MS)
            self.session.receive_audio(audio[start : start + FRAME_BYTES], self.now)
            self.run(0)
        return self

    def texts(self) -> list[dict[str, Any]]:
        return [json.loads(output) for _, output in self.received if isinstance(output, str)]

    def kinds(self) -> list[str]:
        """What came, audio taken together."""
        kinds: list[str] = []
        for _, output in self.received:
            kind = {bytes: "audio", Close: "close"}.get(type(output)) or json.loads(str(output))["type"]
            if kind != "audio" or kinds[-1:] != ["audio"]:
                kinds.append(kind)
        return kinds

    def audio(self) -> bytes:
        return b"".join(output for _, output in self.received if isinstance(output, bytes))

    def at(self, kind: str) -> float:
        """When the first message of a kind came, or the first audio."""
        for at, output in self.received:
            if (kind == "audio") if isinstance(output, bytes) else f'"type":"{kind}"' in str(output):
                return at
        raise AssertionError(f"no {kind} in {self.kinds()}")

    def forget(self) -> "Client":
        self.received.clear()
        return self


def conversing(**timing: Any) -> Client:
    """A session that is ready, with nothing said yet."""
    return Client(**timing).send(settings()).run(1000).forget()


def test_the_greeting_of_the_settings_is_spoken_once_they_apply() -> None:
    client = Client().send(settings(greeting=AGENT["greeting"].text)).run(5000)
    assert client.kinds() == ["Welcome", "SettingsApplied", "ConversationText", "audio", "AgentAudioDone"]
    assert client.texts()[0] == {"type": "Welcome", "request_id": "id"}
    assert client.texts()[2] == {
        "type": "ConversationText",
        "role": "assistant",
        "content": AGENT["greeting"].text,
    }
    assert client.audio() == AGENT["greeting"].ulaw


@pytest.mark.parametrize("field", ["message", "content"])
def test_a_greeting_injected_before_the_settings_apply_waits_for_them(field: str) -> None:
    client = Client().send(settings()).send({"type": "InjectAgentMessage", field: AGENT["greeting"].text}).run(5000)
    assert client.kinds() == ["Welcome", "SettingsApplied", "ConversationText", "audio", "AgentAudioDone"]
    assert client.audio() == AGENT["greeting"].ulaw


def test_a_strict_server_knows_neither_content_nor_update_instructions() -> None:
    for message in ({"type": "InjectAgentMessage", "content": "Hello!"}, {"type": "UpdateInstructions"}):
        assert Client().send(settings()).send(message).kinds() == ["Welcome"]
        client = Client(lenient=False).send(settings()).send(message)
        assert client.kinds() == ["Welcome", "Error", "close"]
        assert client.texts()[-1]["code"] == "UNPARSABLE_CLIENT_MESSAGE"


def test_every_delay_is_the_one_that_is_set() -> None:
    client = Client(settings_ms=100, greeting_ms=200, speak_ms=300).send(settings(greeting="Hello!")).run(3000)
    assert client.at("SettingsApplied") == pytest.approx(100.1)
    assert client.at("ConversationText") == pytest.approx(100.3)
    assert client.at("audio") == pytest.approx(100.6)


def test_audio_comes_in_chunks_faster_than_it_plays() -> None:
    client = Client(speed=4, chunk_ms=40).send(settings(greeting=AGENT["greeting"].text)).run(5000)
    chunks = [(at, output) for at, output in client.received if isinstance(output, bytes)]
    assert {len(chunk) for _, chunk in chunks[:-1]} == {320}
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(chunks)]
    assert gaps == pytest.approx([0.010] * len(gaps))
    assert client.at("AgentAudioDone") == chunks[-1][0]


def test_gaps_between_chunks_vary_around_the_pace_that_is_set() -> None:
    client = Client(speed=10, jitter=0.5).send(settings(greeting="x" * 1000)).run(11_000)
    at = [at for at, output in client.received if isinstance(output, bytes)]
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(at))
    assert sum(gaps) / len(gaps) == pytest.approx(0.002, rel=0.1)
    assert gaps[round(len(gaps) * 0.9)] > 1.5 * gaps[len(gaps) // 2]
    assert client.audio() == voice.synthesise("x" * 1000)
    assert client.at("AgentAudioDone") == at[-1]


@pytest.mark.parametrize("topic", sorted(CALLER))
def test_the_caller_is_heard_understood_and_answered(topic: str) -> None:
    client = conversing().hear(QUIET * 5 + CALLER[topic].ulaw)
    spoken_at = client.now
    client.hear(QUIET * 100)
    replies = voice.sentences(AGENT[topic].text)
    assert client.kinds() == [
        "UserStartedSpeaking",
        "ConversationText",
        "AgentThinking",
        *["ConversationText"] * len(replies),
        "audio",
        "AgentAudioDone",
    ]
    said = [(text["role"], text["content"]) for text in client.texts() if text["type"] == "ConversationText"]
    assert said == [("user", CALLER[topic].text), *(("assistant", reply) for reply in replies)]
    assert client.audio() == AGENT[topic].ulaw
    assert client.at("AgentThinking") == pytest.approx(spoken_at + 0.400)
    assert client.at("audio") == pytest.approx(spoken_at + client.timing.turn_ms / 1000)
    assert client.tally.user_turns == 1


def test_noise_and_silence_bring_no_answer() -> None:
    assert conversing().hear(QUIET * 500).kinds() == []


def test_audio_before_the_settings_apply_is_ignored() -> None:
    client = Client().hear(CALLER["hello"].ulaw).send(settings()).forget()
    client.hear(CALLER["hello"].ulaw[:1120])
    assert client.kinds() == []
    client.run(100).hear(QUIET * 100)
    assert client.kinds() == ["SettingsApplied"]


def test_a_caller_who_barges_in_silences_the_agent_and_is_answered() -> None:
    client = conversing(speed=1).send({"type": "InjectAgentMessage", "message": AGENT["prices"].text}).run(1500)
    client.hear(CALLER["hours"].ulaw + QUIET * 400)
    assert client.kinds() == [
        "ConversationText",
        "audio",
        "UserStartedSpeaking",
        "ConversationText",
        "AgentThinking",
        "ConversationText",
        "audio",
        "AgentAudioDone",
    ]
    cut_short = client.audio().removesuffix(AGENT["hours"].ulaw)
    spoken_s = client.at("UserStartedSpeaking") - client.at("audio")
    assert AGENT["prices"].ulaw.startswith(cut_short)
    assert len(cut_short) / SAMPLE_RATE == pytest.approx(spoken_s, abs=0.04)
    assert client.tally.barge_ins == 1


def test_speaking_on_while_the_agent_thinks_takes_the_reply_back() -> None:
    client = conversing().hear(CALLER["hello"].ulaw + QUIET * 21).hear(CALLER["thanks"].ulaw + QUIET * 200)
    assert client.kinds() == [
        *("UserStartedSpeaking", "ConversationText", "AgentThinking"),
        *("UserStartedSpeaking", "ConversationText", "AgentThinking", "ConversationText", "ConversationText"),
        *("audio", "AgentAudioDone"),
    ]
    assert client.audio() == AGENT["thanks"].ulaw
    assert client.tally.barge_ins == 0


@pytest.mark.parametrize(
    ("update", "confirmed"),
    [
        ({"type": "UpdatePrompt", "prompt": "Be brief."}, "PromptUpdated"),
        ({"type": "UpdateInstructions", "instructions": "Be brief."}, "PromptUpdated"),
        ({"type": "UpdateSpeak", "speak": settings()["agent"]["speak"]}, "SpeakUpdated"),
        ({"type": "UpdateThink", "think": settings()["agent"]["think"]}, "ThinkUpdated"),
        ({"type": "UpdateListen", "listen": settings()["agent"]["listen"]}, "ListenUpdated"),
    ],
)
def test_updates_are_confirmed(update: dict[str, Any], confirmed: str) -> None:
    client = conversing().send(update)
    assert client.kinds() == []
    assert client.run(220).kinds() == [confirmed]


@pytest.mark.parametrize(
    "message", [{"type": "KeepAlive"}, {"type": "FunctionCallResponse", "name": "f", "content": ""}]
)
def test_some_messages_have_no_reply(message: dict[str, Any]) -> None:
    assert conversing().send(message).run(5000).kinds() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"Settings"',
        "{}",
        '{"type":7}',
        '{"type":"Sing"}',
        '{"type":"UpdatePrompt"}',
        "[" * 10_000,
    ],
)
def test_what_cannot_be_read_ends_the_session(text: str) -> None:
    client = conversing().send(text)
    assert client.kinds() == ["Error", "close"]
    assert client.texts()[0]["code"] == "UNPARSABLE_CLIENT_MESSAGE"
    assert client.send({"type": "KeepAlive"}).hear(CALLER["hello"].ulaw).run(60_000).kinds() == ["Error", "close"]
    assert client.tally.errors == {"UNPARSABLE_CLIENT_MESSAGE": 1}


def altered(path: str, value: object) -> dict[str, Any]:
    message = copy.deepcopy(settings())
    *parents, last = path.split(".")
    place = message
    for parent in parents:
        place = place[parent]
    place[last] = value
    return message


@pytest.mark.parametrize(
    ("path", "value", "code", "named"),
    [
        ("audio.input", {"encoding": "linear16", "sample_rate": 16000}, "INVALID_SETTINGS", "audio.input is linear16"),
        ("audio.output", {"encoding": "mulaw", "sample_rate": 16000}, "INVALID_SETTINGS", "audio.output is mulaw"),
        ("audio.input", {"encoding": "mp5", "sample_rate": 8000}, "INVALID_SETTINGS", "audio.input.encoding"),
        ("audio.input", {"encoding": "mulaw", "sample_rate": 0}, "INVALID_SETTINGS", "audio.input.sample_rate"),
        ("agent.think.provider.type", "abacus", "INVALID_SETTINGS", "agent.think.0.provider.type"),
        ("agent.speak.provider.model", "someone", "INVALID_SETTINGS", "model not available"),
        ("agent.think.provider", {"type": "open_ai"}, "UNPARSABLE_CLIENT_MESSAGE", "formats"),
        ("audio.input.sample_rate", "8000", "UNPARSABLE_CLIENT_MESSAGE", "formats"),
        ("agent", [], "UNPARSABLE_CLIENT_MESSAGE", "formats"),
        ("agent.think.functions", [{"name": "f", "client_side": True}], "UNPARSABLE_CLIENT_MESSAGE", "formats"),
    ],
)
def test_bad_settings_are_refused_by_what_is_wrong_with_them(path: str, value: object, code: str, named: str) -> None:
    client = Client().send(altered(path, value)).run(5000)
    assert client.kinds() == ["Welcome", "Error", "close"]
    assert client.texts()[-1]["code"] == code
    assert named in client.texts()[-1]["description"]
    assert client.received[-1][1] == Close(1008, code)


def test_settings_may_name_several_providers() -> None:
    agent = settings()["agent"]
    client = Client().send(settings(think=[agent["think"]] * 2, speak=[agent["speak"]] * 2)).run(1000)
    assert client.kinds() == ["Welcome", "SettingsApplied"]


def test_settings_come_once_and_first() -> None:
    client = conversing().send(settings())
    assert [text["code"] for text in client.texts()] == ["SETTINGS_ALREADY_APPLIED"]
    client = Client().send({"type": "KeepAlive"})
    assert client.texts()[-1]["code"] == "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"
    assert client.kinds()[-1] == "close"


def test_a_client_that_sends_nothing_is_given_up() -> None:
    client = conversing(idle_timeout_ms=12_000).run(10_900)
    assert client.kinds() == []
    client.run(200)
    assert client.kinds() == ["Error", "close"]
    assert client.texts()[0]["code"] == "CLIENT_MESSAGE_TIMEOUT"
    assert client.received[-1][1] == Close(1011, "CLIENT_MESSAGE_TIMEOUT")


def test_keep_alive_and_audio_hold_the_session() -> None:
    client = conversing(idle_timeout_ms=2_000).send({"type": "KeepAlive"})
    for _ in range(5):
        client.run(1_900).send({"type": "KeepAlive"})
    assert client.hear(QUIET * 200).run(1_900).kinds() == []


def test_too_long_a_prompt_is_warned_of() -> None:
    client = conversing().send({"type": "UpdatePrompt", "prompt": "x" * 25_001}).run(500)
    assert [text.get("code", text["type"]) for text in client.texts()] == ["PROMPT_TOO_LONG", "PromptUpdated"]


def test_history_and_latencies_come_where_they_are_asked_for() -> None:
    asked = {**settings(), "experimental": True}
    del asked["flags"]  # the history is told unless it is turned off
    client = Client().send(asked).run(200).forget().hear(CALLER["hours"].ulaw + QUIET * 100)
    assert client.kinds() == [
        "UserStartedSpeaking",
        "ConversationText",
        "History",
        "AgentThinking",
        "ConversationText",
        "History",
        "AgentStartedSpeaking",
        "audio",
        "AgentAudioDone",
    ]
    latencies = next(text for text in client.texts() if text["type"] == "AgentStartedSpeaking")
    assert latencies["total_latency"] == pytest.approx(0.780)
    assert (latencies["ttt_latency"], latencies["tts_latency"]) == (0.25, 0.13)


def test_delays_that_vary_have_the_median_that_is_set_and_repeat_with_the_seed() -> None:
    timing = Timing(spread=0.5)
    drawn = sorted(timing.draw_s(250, Random(seed)) for seed in range(2000))
    assert drawn[1000] == pytest.approx(0.250, rel=0.05)
    assert drawn[1900] / drawn[1000] == pytest.approx(2.28, rel=0.1)
    assert timing.draw_s(250, Random(4)) == timing.draw_s(250, Random(4))


def test_the_delay_meant_for_each_turn_is_counted() -> None:
    client = conversing(spread=0.5).hear(CALLER["hours"].ulaw)
    spoken_at = client.now
    client.hear(QUIET * 300)
    taken_ms = (client.at("audio") - spoken_at) * 1000
    assert client.tally.turn_delay_ms.summary()["mean"] == pytest.approx(taken_ms, abs=0.01)


def test_a_late_poll_loses_nothing_and_shifts_no_later_time() -> None:
    client = Client().send(settings(greeting=AGENT["hours"].text))
    outputs = client.session.poll(client.now + 9.0)
    assert b"".join(output for output in outputs if isinstance(output, bytes)) == AGENT["hours"].ulaw
    assert client.session.due == pytest.approx(client.now + 12.0)


def test_a_long_text_is_spoken_to_its_end() -> None:
    client = Client(speed=100).send(settings(greeting="x" * 1000)).run(11_000)
    assert client.audio() == voice.synthesise("x" * 1000)
    assert len(client.audio()) > 30 * SAMPLE_RATE
    assert client.kinds()[-1] == "AgentAudioDone"
