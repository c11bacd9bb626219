"""Words that the client puts into the agent's mouth or the caller's: spoken, kept waiting, or refused."""

import pytest

from tests.mock_services.deepgram.test_protocol import AGENT, CALLER, QUIET, conversing


def test_the_agent_ignores_an_injection_while_somebody_speaks() -> None:
    injection = {"type": "InjectAgentMessage", "message": "One moment, please."}
    client = conversing().hear(CALLER["hours"].ulaw).send(injection)
    warning, refusal = client.texts()[-2:]
    assert (warning["code"], refusal["type"]) == ("INJECT_AGENT_MESSAGE_DURING_USER_SPEECH", "InjectionRefused")
    client.hear(QUIET * 50).forget().send(injection)
    warning, refusal = client.texts()[-2:]
    assert (warning["code"], refusal["type"]) == ("INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH", "InjectionRefused")
    client.hear(QUIET * 100)
    assert client.kinds().count("AgentAudioDone") == 1, "the session goes on, with the reply alone"


def test_an_injection_can_wait_or_interrupt() -> None:
    first, second = AGENT["prices"], AGENT["thanks"]
    client = conversing().send({"type": "InjectAgentMessage", "message": first.text}).run(700)
    client.send({"type": "InjectAgentMessage", "message": second.text, "behavior": "queue"}).run(5000)
    assert client.audio() == first.ulaw + second.ulaw
    client = conversing().send({"type": "InjectAgentMessage", "message": first.text}).run(700)
    cut = client.audio()
    client.send({"type": "InjectAgentMessage", "message": second.text, "behavior": "interrupt"}).run(5000)
    assert client.audio() == cut + second.ulaw
    assert 0 < len(cut) < len(first.ulaw)


def test_an_injection_can_wait_for_a_caller_who_speaks_or_interrupt_them() -> None:
    injection = {"type": "InjectAgentMessage", "message": AGENT["thanks"].text}
    client = conversing().hear(CALLER["hours"].ulaw).forget().send({**injection, "behavior": "queue"})
    assert client.run(300).kinds() == []
    client.hear(QUIET * 400)
    assert client.audio() == AGENT["hours"].ulaw + AGENT["thanks"].ulaw, "first the reply, then what waited"

    client = conversing().hear(CALLER["hours"].ulaw).forget().send({**injection, "behavior": "interrupt"}).run(500)
    assert client.kinds() == ["ConversationText", "audio"]
    assert 0 < len(client.audio()) < len(AGENT["thanks"].ulaw)
    client.forget().hear(CALLER["prices"].ulaw + QUIET * 300)
    assert client.kinds()[:2] == ["audio", "UserStartedSpeaking"], "a caller who speaks on interrupts in turn"
    assert client.audio().endswith(AGENT["prices"].ulaw)


def test_injections_that_wait_are_bounded() -> None:
    client = conversing()
    for _ in range(30):
        client.send({"type": "InjectAgentMessage", "message": "Please hold.", "behavior": "queue"})
    assert client.tally.warnings["INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH"] == 30 - 1 - 16


def test_words_injected_for_the_user_are_answered_without_the_wait_for_silence() -> None:
    client = conversing().send({"type": "InjectUserMessage", "content": CALLER["flowers"].text}).run(5000)
    assert client.kinds() == ["ConversationText", "AgentThinking", "ConversationText", "audio", "AgentAudioDone"]
    assert client.audio() == AGENT["flowers"].ulaw
    assert client.at("audio") - client.at("AgentThinking") == pytest.approx(0.380)


def test_words_for_the_user_are_refused_while_somebody_speaks() -> None:
    client = conversing().hear(CALLER["hours"].ulaw).send({"type": "InjectUserMessage", "content": "Hello?"})
    assert client.kinds() == ["UserStartedSpeaking", "InjectionRefused"]
