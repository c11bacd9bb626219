"""The voice agent and live transcription through Deepgram's own SDK, with threads and with asyncio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.agent.v1.types import (
    AgentV1AgentAudioDone,
    AgentV1AgentStartedSpeaking,
    AgentV1AgentThinking,
    AgentV1ConversationText,
    AgentV1Error,
    AgentV1FunctionCallRequest,
    AgentV1InjectAgentMessage,
    AgentV1InjectionRefused,
    AgentV1InjectUserMessage,
    AgentV1ListenUpdated,
    AgentV1PromptUpdated,
    AgentV1SendFunctionCallResponse,
    AgentV1Settings,
    AgentV1SettingsApplied,
    AgentV1SpeakUpdated,
    AgentV1ThinkUpdated,
    AgentV1UpdateListen,
    AgentV1UpdatePrompt,
    AgentV1UpdateSpeak,
    AgentV1UpdateThink,
    AgentV1UserStartedSpeaking,
    AgentV1Warning,
    AgentV1Welcome,
    ConversationHistoryMessage,
    FunctionCallHistoryMessage,
)
from deepgram.core.api_error import ApiError
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mock_services.core.speech import FRAME_BYTES, SILENCE, load_recordings
from tests.mock_services.deepgram.listen.sounds import KEY, pcm, pcm_silence
from tests.mock_services.deepgram.listen.test_sockets import environment
from tests.support.doubles import serving

# The SDK imports a name that websockets calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CALLER = {line.topic: line for line in load_recordings("caller")}
AGENT = {line.topic: line for line in load_recordings("agent")}
TELEPHONE = {"encoding": "mulaw", "sample_rate": 8000}
THINK: dict[str, Any] = {"provider": {"type": "open_ai", "model": "gpt-4o-mini"}, "prompt": "Answer the phone."}
SPEAK: dict[str, Any] = {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}}
QUICK = {
    "DEEPGRAM_SETTINGS_MS": "5",
    "DEEPGRAM_GREETING_MS": "5",
    "DEEPGRAM_UPDATE_MS": "5",
    "DEEPGRAM_THINK_MS": "10",
    "DEEPGRAM_SPEAK_MS": "5",
    "DEEPGRAM_SPEED": "20",
    "DEEPGRAM_LISTEN_RESULT_MS": "5",
    "DEEPGRAM_LISTEN_FILE_MS": "5",
}


def settings(agent: dict[str, Any] | None = None, **given: Any) -> AgentV1Settings:
    whole: dict[str, Any] = {
        "audio": {"input": TELEPHONE, "output": {**TELEPHONE, "container": "none"}},
        "agent": {"listen": {"provider": {"type": "deepgram", "model": "nova-3"}}, "think": THINK, "speak": SPEAK}
        | (agent or {}),
        "flags": {"history": False},
        **given,
    }
    return AgentV1Settings.model_validate(whole)


def frames(audio: bytes) -> Iterator[bytes]:
    """Cut audio into messages of 20 ms, and add the silence that ends an utterance."""
    whole = audio + bytes([SILENCE]) * FRAME_BYTES * 25
    return (whole[start : start + FRAME_BYTES] for start in range(0, len(whole), FRAME_BYTES))


def receive(connection: Any, until: Callable[[Any], bool]) -> list[Any]:
    """Receive up to the first message that `until` takes."""
    messages: list[Any] = []
    while not messages or not until(messages[-1]):
        messages.append(connection.recv())
    return messages


def kinds(messages: list[Any]) -> list[type]:
    """Give what came, the messages of one stretch of audio taken together."""
    found: list[type] = []
    for message in messages:
        if type(message) is not bytes or found[-1:] != [bytes]:
            found.append(type(message))
    return found


def is_a(kind: type) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, kind)


@pytest.fixture(scope="module")
def stub() -> Iterator[str]:
    with serving("deepgram", **QUICK) as address:
        yield address


@pytest.fixture
def sdk(stub: str) -> Iterator[DeepgramClient]:
    with client(stub) as made:
        yield made


@contextmanager
def client(stub: str, key: str = KEY) -> Iterator[DeepgramClient]:
    """Give the SDK's client, whose connections are closed at the end: it has no way to close them itself."""
    with httpx.Client() as http:
        yield DeepgramClient(api_key=key, environment=environment(stub), httpx_client=http)


def test_a_conversation(sdk: DeepgramClient) -> None:
    with sdk.agent.v1.connect() as agent:
        agent.send_settings(settings({"greeting": AGENT["greeting"].text}, flags={"history": True}, experimental=True))
        messages = receive(agent, is_a(AgentV1AgentAudioDone))
        assert kinds(messages) == [
            AgentV1Welcome,
            AgentV1SettingsApplied,
            AgentV1ConversationText,
            ConversationHistoryMessage,
            bytes,
            AgentV1AgentAudioDone,
        ]
        assert (messages[2].role, messages[2].content) == ("assistant", AGENT["greeting"].text)
        assert b"".join(message for message in messages if isinstance(message, bytes)) == AGENT["greeting"].ulaw
        agent.send_keep_alive()
        for frame in frames(CALLER["hours"].ulaw):
            agent.send_media(frame)
        messages = receive(agent, is_a(AgentV1AgentAudioDone))
        assert kinds(messages) == [
            AgentV1UserStartedSpeaking,
            AgentV1ConversationText,
            ConversationHistoryMessage,
            AgentV1AgentThinking,
            AgentV1ConversationText,
            ConversationHistoryMessage,
            AgentV1AgentStartedSpeaking,
            bytes,
            AgentV1AgentAudioDone,
        ]
        assert (messages[1].role, messages[1].content) == ("user", CALLER["hours"].text)
        assert messages[4].content == AGENT["hours"].text
        assert messages[6].ttt_latency == pytest.approx(0.01)


def test_what_can_be_changed_while_they_talk(sdk: DeepgramClient) -> None:
    changes: list[tuple[str, Any, type]] = [
        ("send_update_prompt", AgentV1UpdatePrompt(prompt="Be brief."), AgentV1PromptUpdated),
        ("send_update_think", AgentV1UpdateThink.model_validate({"think": THINK}), AgentV1ThinkUpdated),
        ("send_update_speak", AgentV1UpdateSpeak.model_validate({"speak": SPEAK}), AgentV1SpeakUpdated),
        (
            "send_update_listen",
            AgentV1UpdateListen.model_validate({"listen": {"provider": {"type": "deepgram", "model": "nova-3"}}}),
            AgentV1ListenUpdated,
        ),
    ]
    with sdk.agent.v1.connect() as agent:
        agent.send_settings(settings())
        receive(agent, is_a(AgentV1SettingsApplied))
        for send, message, confirmed in changes:
            getattr(agent, send)(message)
            assert kinds(receive(agent, lambda message: True)) == [confirmed]


def test_words_put_into_either_mouth(sdk: DeepgramClient) -> None:
    with sdk.agent.v1.connect() as agent:
        agent.send_settings(settings())
        receive(agent, is_a(AgentV1SettingsApplied))
        agent.send_inject_user_message(AgentV1InjectUserMessage(content=CALLER["prices"].text))
        agent.send_inject_user_message(AgentV1InjectUserMessage(content="And another thing."))
        messages = receive(agent, is_a(AgentV1AgentAudioDone))
        assert AgentV1InjectionRefused in kinds(messages), "the agent is already answering"
        said = next(message for message in messages if isinstance(message, AgentV1ConversationText))
        assert (said.role, said.content) == ("user", CALLER["prices"].text)
        assert b"".join(message for message in messages if isinstance(message, bytes)) == AGENT["prices"].ulaw
        agent.send_inject_agent_message(AgentV1InjectAgentMessage(message=AGENT["greeting"].text))
        agent.send_inject_agent_message(AgentV1InjectAgentMessage(message="Hello?"))
        agent.send_inject_agent_message(AgentV1InjectAgentMessage(message="Goodbye.", behavior="queue"))
        messages = receive(agent, is_a(AgentV1AgentAudioDone)) + receive(agent, is_a(AgentV1AgentAudioDone))
        assert [message.content for message in messages if isinstance(message, AgentV1ConversationText)] == [
            AGENT["greeting"].text,
            "Goodbye.",
        ]
        assert [message.code for message in messages if isinstance(message, AgentV1Warning)] == [
            "INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH"
        ]


def test_a_function_is_run_for_the_agent(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text('[[rule]]\nsaid = "open"\ncall = "look_up"\nreply = "From {result}."\n', encoding="utf-8")
    function = {"name": "look_up", "description": "Opening hours", "parameters": {"type": "object", "properties": {}}}
    with (
        serving("deepgram", DEEPGRAM_SCRIPT=str(script), **QUICK) as address,
        client(address) as sdk,
        sdk.agent.v1.connect() as agent,
    ):
        agent.send_settings(settings({"think": {**THINK, "functions": [function]}}, flags={"history": True}))
        agent.send_force_end_turn()
        receive(agent, is_a(AgentV1SettingsApplied))
        agent.send_inject_user_message(AgentV1InjectUserMessage(content="When do you open?"))
        (call,) = receive(agent, is_a(AgentV1FunctionCallRequest))[-1].functions
        assert (call.name, call.arguments, call.client_side) == ("look_up", "{}", True)
        agent.send_function_call_response(
            AgentV1SendFunctionCallResponse(id=call.id, name=call.name, content="nine to five")
        )
        history, *messages = receive(agent, is_a(AgentV1AgentAudioDone))
        assert isinstance(history, FunctionCallHistoryMessage)
        assert history.function_calls[0].response == "nine to five"
        assert messages[0].content == "From nine to five."


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "NoSuchMessage"}, "UNPARSABLE_CLIENT_MESSAGE"),
        (settings({"speak": {"provider": {"type": "deepgram", "model": "a-voice"}}}), "INVALID_SETTINGS"),
        ({"type": "KeepAlive"}, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"),
    ],
)
def test_what_cannot_be_is_an_error_and_the_end(sdk: DeepgramClient, message: Any, code: str) -> None:
    with sdk.agent.v1.connect() as agent:
        if isinstance(message, AgentV1Settings):
            agent.send_settings(message)
        else:
            agent.send_raw(message)
        (error,) = receive(agent, is_a(AgentV1Error))[1:]
        assert error.code == code
        with pytest.raises(ConnectionClosed):
            agent.recv()


def test_who_is_let_in(stub: str) -> None:
    """With websockets 17 the SDK passes its own exception on in place of an `ApiError`."""
    with client(stub, "wrong") as stranger:
        with pytest.raises((InvalidStatus, ApiError), match="401"), stranger.agent.v1.connect():
            pass
        with pytest.raises(ApiError) as refused:
            stranger.listen.v1.media.transcribe_file(request=b"RIFF", model="nova-3")
        assert refused.value.status_code == 401
        assert refused.value.body["err_code"] == "INVALID_AUTH"


def test_no_place_is_left() -> None:
    with serving("deepgram", DEEPGRAM_MAX_SESSIONS="0", DEEPGRAM_MAX_STREAMS="0") as address, client(address) as sdk:
        with pytest.raises((InvalidStatus, ApiError), match="429"), sdk.agent.v1.connect():
            pass
        with pytest.raises((InvalidStatus, ApiError), match="429"), sdk.listen.v1.connect(model="nova-3"):
            pass
        with pytest.raises(ApiError) as refused:
            sdk.listen.v1.media.transcribe_file(request=b"RIFF", model="nova-3", request_options={"max_retries": 0})
        assert refused.value.status_code == 429
        assert refused.value.body["err_code"] == "TOO_MANY_REQUESTS"


@pytest.mark.parametrize(
    ("refused_for", "code"),
    [
        (lambda media: media.transcribe_file(request=b"RIFF", model="no-model"), "Bad Request"),
        (lambda media: media.transcribe_url(url="https://example.com/a.wav"), "REMOTE_CONTENT_ERROR"),
    ],
)
def test_what_a_file_cannot_be(sdk: DeepgramClient, refused_for: Callable[[Any], object], code: str) -> None:
    with pytest.raises(ApiError) as refused:
        refused_for(sdk.listen.v1.media)
    assert refused.value.status_code == 400
    assert refused.value.body["err_code"] == code


@pytest.mark.anyio
async def test_both_with_asyncio(stub: str) -> None:
    async with httpx.AsyncClient() as http:
        sdk = AsyncDeepgramClient(api_key=KEY, environment=environment(stub), httpx_client=http)
        async with sdk.agent.v1.connect() as agent:
            await agent.send_settings(settings({"greeting": AGENT["greeting"].text}))
            heard = b""
            async for message in agent:
                heard += message if isinstance(message, bytes) else b""
                if isinstance(message, AgentV1AgentAudioDone):
                    break
            assert heard == AGENT["greeting"].ulaw
            for frame in frames(CALLER["visit"].ulaw):
                await agent.send_media(frame)
            said = []
            async for message in agent:
                if isinstance(message, AgentV1ConversationText):
                    said.append((message.role, message.content))
                if isinstance(message, AgentV1AgentAudioDone):
                    break
            assert said[0] == ("user", CALLER["visit"].text)
            assert " ".join(content for role, content in said if role == "assistant") == AGENT["visit"].text

        live: dict[str, Any] = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
        async with sdk.listen.v1.connect(**live) as stream:
            await stream.send_media(pcm(CALLER["visit"].ulaw) + pcm_silence(1000))
            await stream.send_close_stream()
            results = [message async for message in stream]
        assert isinstance(results[-1], ListenV1Metadata)
        finals = [each for each in results if isinstance(each, ListenV1Results) and each.is_final]
        words = " ".join(filter(None, (each.channel.alternatives[0].transcript for each in finals)))
        assert words == CALLER["visit"].text.lower().translate({ord(mark): None for mark in ".,?!"})

        audio = CALLER["plot"].ulaw
        answer: Any = await sdk.listen.v1.media.transcribe_file(
            request=audio, model="nova-3", encoding="mulaw", punctuate=True
        )
        assert answer.results.channels[0].alternatives[0].transcript == CALLER["plot"].text
        stranger = AsyncDeepgramClient(api_key="wrong", environment=environment(stub), httpx_client=http)
        with pytest.raises((InvalidStatus, ApiError), match="401"):
            async with stranger.agent.v1.connect():
                pass
