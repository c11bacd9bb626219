"""What the agent answers by rule, and the functions that it has its client run."""

import json
import re
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from mock_services.core.speech import FRAME_BYTES
from mock_services.deepgram import voice
from mock_services.deepgram.protocol import AgentSession
from mock_services.deepgram.script import Script
from mock_services.deepgram.settings import DeepgramSettings
from tests.mock_services.deepgram.test_protocol import AGENT, CALLER, QUIET, Client, settings
from tests.support.doubles import ROOT

RULES = {
    "rule": [
        {"said": "OPEN", "call": "look_up_hours", "arguments": {"day": "Sunday"}, "reply": "We are open {result}."},
        {"said": "open", "reply": "I cannot look that up."},
        {"said": "thank", "reply": AGENT["thanks"].text},
    ]
}
HOURS = {"name": "look_up_hours", "description": "When we are open", "parameters": {"type": "object"}}


def conversing(*functions: dict[str, Any], **given: Any) -> Client:
    """A session with the rules above that is ready, with nothing said yet."""
    client = Client()
    client.session = AgentSession(
        "id", client.timing, Random(1), client.tally, client.now, script=Script.model_validate(RULES)
    )
    think = {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "functions": list(functions)}
    return client.send({**settings(think=think), **given}).run(1000).forget()


def ask(client: Client, words: str) -> Client:
    return client.send({"type": "InjectUserMessage", "content": words})


def contents(client: Client) -> list[str]:
    return [text["content"] for text in client.texts() if text["type"] == "ConversationText"]


def called(client: Client) -> dict[str, Any]:
    """The function that the client was told to run."""
    (request,) = [text for text in client.texts() if text["type"] == "FunctionCallRequest"]
    (function,) = request["functions"]
    assert isinstance(function, dict)
    return function


def give_back(client: Client, content: str, **given: Any) -> Client:
    return client.send({"type": "FunctionCallResponse", "name": "look_up_hours", "content": content, **given})


def test_a_rule_decides_what_the_agent_says() -> None:
    client = ask(conversing(), "Are you open?").run(5000)
    assert contents(client) == ["Are you open?", "I cannot look that up."]
    assert client.audio() == voice.synthesise("I cannot look that up.")
    client = conversing().hear(CALLER["prices"].ulaw + QUIET * 400)
    assert client.audio() == AGENT["prices"].ulaw, "where no rule fits the agent answers on the caller's topic"


def test_a_function_is_run_by_the_client_before_the_reply() -> None:
    client = ask(conversing(HOURS), "When are you open?")
    asked_at = client.now
    client.run(5000)
    assert client.kinds() == ["ConversationText", "AgentThinking", "FunctionCallRequest"]
    assert client.at("FunctionCallRequest") - asked_at == pytest.approx(0.25)
    function = called(client)
    assert (function["name"], json.loads(function["arguments"])) == ("look_up_hours", {"day": "Sunday"})
    assert function["client_side"] is True
    client.forget()
    given_at = client.now
    give_back(client, "from ten to four", id=function["id"]).run(5000)
    assert client.kinds() == ["ConversationText", "audio", "AgentAudioDone"]
    assert contents(client) == ["We are open from ten to four."]
    assert client.at("audio") - given_at == pytest.approx(0.38)
    assert client.tally.function_calls == 1


@pytest.mark.parametrize("functions", [(), ({**HOURS, "endpoint": {"url": "https://example.com"}},)])
def test_a_function_that_the_client_does_not_run_is_not_called(functions: tuple[dict[str, Any], ...]) -> None:
    client = ask(conversing(*functions), "When are you open?").run(5000)
    assert contents(client)[1] == "I cannot look that up."


def test_functions_can_be_offered_later() -> None:
    client = conversing()
    think = {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "functions": [HOURS]}
    ask(client.send({"type": "UpdateThink", "think": think}), "When are you open?").run(5000)
    assert called(client)["name"] == "look_up_hours"


def test_a_result_that_nobody_waits_for_changes_nothing() -> None:
    client = give_back(conversing(HOURS), "never").run(3000)
    assert client.kinds() == []
    ask(client, "When are you open?").run(1000)
    function = called(client)
    client.forget()
    give_back(client, "never", id="another").run(1000)
    assert client.kinds() == []
    client.hear(CALLER["thanks"].ulaw + QUIET * 400)
    assert contents(client)[-1].startswith(voice.sentences(AGENT["thanks"].text)[-1])
    client.forget()
    give_back(client, "too late", id=function["id"]).run(3000)
    assert client.kinds() == [], "the caller went on: the call is void"


def test_the_agent_may_fill_the_wait_and_says_one_thing_after_the_other() -> None:
    client = ask(conversing(HOURS), "When are you open?").run(1000).forget()
    client.send({"type": "InjectAgentMessage", "message": "One moment."}).run(10)
    give_back(client, "from ten to four").run(5000)
    assert contents(client) == ["One moment.", "We are open from ten to four."]
    assert client.kinds().count("AgentAudioDone") == 2


def test_the_history_tells_of_the_call() -> None:
    client = ask(conversing(HOURS, flags={"history": True}), "When are you open?").run(1000).forget()
    give_back(client, "from ten to four").run(1000)
    told = client.texts()[0]
    assert told["type"] == "History"
    (done,) = told["function_calls"]
    assert (done["name"], done["response"], done["client_side"]) == ("look_up_hours", "from ten to four", True)


def test_a_turn_is_ended_by_the_client_where_the_listener_can_be_told() -> None:
    frames = CALLER["hours"].ulaw[: FRAME_BYTES * 100]
    client = conversing(HOURS).send({"type": "ForceEndTurn"})
    assert client.kinds() == [], "there is no turn to end"
    client.hear(frames).forget().send({"type": "ForceEndTurn"})
    assert [(text["type"], text["code"]) for text in client.texts()] == [("Warning", "FORCE_END_TURN_UNSUPPORTED")]
    flux = {"provider": {"type": "deepgram", "model": "flux-general-en", "version": "v2"}}
    client = conversing().send({"type": "UpdateListen", "listen": flux}).run(1000)
    client.hear(frames).forget().send({"type": "ForceEndTurn"})
    assert contents(client) == [CALLER["hours"].text]
    client.run(5000)
    assert client.kinds()[-1] == "AgentAudioDone"


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "deepgram.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "script.toml"
    path.write_text(example, encoding="utf-8")
    monkeypatch.setenv("DEEPGRAM_SCRIPT", str(path))
    script = DeepgramSettings().script
    assert script == Script.model_validate(tomllib.loads(example))
    found = script.find("Are you open?", {"look_up_hours"})
    assert found is not None
    assert found.call == "look_up_hours"
    found = script.find("Are you open?", ())
    assert found is not None
    assert found.reply == "Let me put you through."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rule = 1", "rule"),
        ('[[rule]]\nreply = ""', "reply"),
        ('[[rule]]\nreply = "x"\nsaid = "("', "no regular expression"),
        ('[[rule]]\nreply = "x"\nsays = "x"', "says"),
        ("[[rule", "no TOML"),
    ],
)
def test_a_script_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    path = tmp_path / "script.toml"
    path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("DEEPGRAM_SCRIPT", str(path))
    with pytest.raises(ValidationError, match="DEEPGRAM_SCRIPT") as refused:
        DeepgramSettings()
    assert message in str(refused.value)
    monkeypatch.setenv("DEEPGRAM_SCRIPT", str(tmp_path / "none"))
    with pytest.raises(ValidationError, match="cannot be read"):
        DeepgramSettings()
