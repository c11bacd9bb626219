"""The voice agent's text messages: what a client may send, and what the server says.

After Deepgram's AsyncAPI document and its page on errors and warnings
(https://developers.deepgram.com/docs/voice-agent-errors-warnings). A message that does not have the expected form is
`UNPARSABLE_CLIENT_MESSAGE`; Settings of the right form with a value that cannot be are `INVALID_SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from mock_services.core.speech import SAMPLE_RATE

PROMPT_LIMIT: Final = 25_000
UNPARSABLE: Final = "Text message received from client did not match any of the formats we expect."


T = TypeVar("T")
OneOrMany = Annotated[list[T], BeforeValidator(lambda given: given if isinstance(given, list) else [given])]
"""One object, or several of which the later ones are fallbacks."""


class ClientError(Exception):
    """A message that ends the session: `code` and the description that the `Error` message carries."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class AudioFormat(BaseModel):
    """How audio is encoded in one direction."""

    encoding: Literal["linear16", "linear32", "flac", "alaw", "mulaw", "amr-nb", "amr-wb", "opus", "ogg-opus", "g729"]
    sample_rate: int = Field(gt=0)
    container: str = "none"


class Audio(BaseModel):
    """Both directions. This stub speaks and hears telephone audio only."""

    input: AudioFormat
    output: AudioFormat

    @model_validator(mode="after")
    def _telephone_audio(self) -> Audio:
        for direction, given in (("input", self.input), ("output", self.output)):
            if (given.encoding, given.sample_rate, given.container) != ("mulaw", SAMPLE_RATE, "none"):
                raise ValueError(
                    f"audio.{direction} is {given.encoding} at {given.sample_rate} Hz in container "
                    f"{given.container!r}; this stub takes mulaw at {SAMPLE_RATE} Hz in container 'none'"
                )
        return self


class ListenProvider(BaseModel):
    """Who transcribes."""

    type: Literal["deepgram"]
    model: str = "nova-3"
    version: Literal["v1", "v2"] = "v1"
    """The second finds the end of a turn itself (Flux), and can be told of it."""


class ThinkProvider(BaseModel):
    """Whose language model answers."""

    type: Literal["open_ai", "anthropic", "google", "groq", "aws_bedrock"]
    model: str


class SpeakProvider(BaseModel):
    """Whose voice speaks. Only Deepgram's own have a checked name."""

    type: Literal["deepgram", "eleven_labs", "cartesia", "open_ai", "aws_polly"]
    model: str | None = None

    @model_validator(mode="after")
    def _known_voice(self) -> SpeakProvider:
        if self.type == "deepgram" and not (self.model or "").startswith("aura-"):
            raise ValueError("Invalid agent.speak settings - model not available")
        return self


class Function(BaseModel):
    """A function that the agent may call: by URL, or on the client's side where it names no endpoint."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    endpoint: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call that the client is to carry out."""

    id: str
    name: str
    arguments: dict[str, JsonValue]

    def shown(self) -> dict[str, Any]:
        """Give it as messages have it."""
        arguments = orjson.dumps(self.arguments).decode()
        return {"id": self.id, "name": self.name, "arguments": arguments, "client_side": True}


class Listen(BaseModel):
    """How to listen."""

    provider: ListenProvider = ListenProvider(type="deepgram")


class Think(BaseModel):
    """How to think."""

    provider: ThinkProvider
    prompt: str = ""
    functions: list[Function] = []


def client_side(think: Sequence[Think]) -> frozenset[str]:
    """Give the functions that the client runs itself: those of the first choice that name no endpoint."""
    return frozenset(each.name for each in think[0].functions if each.endpoint is None) if think else frozenset()


class Speak(BaseModel):
    """How to speak."""

    provider: SpeakProvider


class Agent(BaseModel):
    """The agent: `think` is required, as is a voice that exists."""

    language: str = "en"
    greeting: str | None = None
    listen: Listen = Listen()
    think: OneOrMany[Think] = Field(min_length=1)
    speak: OneOrMany[Speak] = [Speak(provider=SpeakProvider(type="deepgram", model="aura-2-thalia-en"))]


class Flags(BaseModel):
    """Switches of the session."""

    history: bool = True


class ClientMessage(BaseModel):
    """Any text message of a client."""


class Settings(ClientMessage):
    """The first message: what the session is to be."""

    audio: Audio
    agent: Agent
    flags: Flags = Flags()
    experimental: bool = False


class KeepAlive(ClientMessage):
    """Says only that the client is there; it has no reply."""


class UpdatePrompt(ClientMessage):
    """Replaces the prompt."""

    prompt: str


class UpdateInstructions(ClientMessage):
    """Not of the API, but sent by the platform: taken for an `UpdatePrompt` when the stub is lenient."""


class UpdateSpeak(ClientMessage):
    """Replaces the voice."""

    speak: OneOrMany[Speak]


class UpdateThink(ClientMessage):
    """Replaces the language model."""

    think: OneOrMany[Think]


class UpdateListen(ClientMessage):
    """Changes how the server listens."""

    listen: Listen


class InjectAgentMessage(ClientMessage):
    """Has the agent say `message`."""

    message: str = Field(min_length=1)
    behavior: Literal["default", "queue", "interrupt"] = "default"


class InjectUserMessage(ClientMessage):
    """Has the agent answer `content` as if the caller had said it."""

    content: str = Field(min_length=1)


class ForceEndTurn(ClientMessage):
    """Ends the caller's turn now."""


class FunctionCallResponse(ClientMessage):
    """The result of a function that ran on the client's side."""

    id: str | None = None
    name: str
    content: str


CLIENT_MESSAGES: Final[dict[str, type[ClientMessage]]] = {
    model.__name__: model
    for model in (
        Settings,
        KeepAlive,
        UpdatePrompt,
        UpdateSpeak,
        UpdateThink,
        UpdateListen,
        InjectAgentMessage,
        InjectUserMessage,
        ForceEndTurn,
        FunctionCallResponse,
    )
}
_SETTING: Final = (Settings, UpdateSpeak, UpdateThink, UpdateListen)
_OF_VALUE: Final = ("value_error", "literal_error", "greater_than")


def parse(text: str, *, lenient: bool) -> ClientMessage:
    """Read a client's text message; raise `ClientError` if it is none.

    A lenient server also takes what the platform sends beside the API: `InjectAgentMessage` with `content` in place of
    `message`, and `UpdateInstructions`.
    """
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as not_json:
        raise ClientError("UNPARSABLE_CLIENT_MESSAGE", UNPARSABLE) from not_json
    kind = given.get("type") if isinstance(given, dict) else None
    if lenient and kind == "UpdateInstructions":
        return UpdateInstructions()
    if lenient and kind == "InjectAgentMessage" and "message" not in given and "content" in given:
        given["message"] = given["content"]
    model = CLIENT_MESSAGES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise ClientError("UNPARSABLE_CLIENT_MESSAGE", UNPARSABLE)
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as misfit:
        raise _refusal(model, misfit) from misfit


def _refusal(model: type[ClientMessage], misfit: ValidationError) -> ClientError:
    errors = misfit.errors(include_url=False, include_input=False)
    if issubclass(model, _SETTING) and all(error["type"] in _OF_VALUE for error in errors):
        first = errors[0]
        where = ".".join(str(part) for part in first["loc"])
        return ClientError("INVALID_SETTINGS", f"{where}: {first['msg'].removeprefix('Value error, ')}")
    return ClientError("UNPARSABLE_CLIENT_MESSAGE", UNPARSABLE)


def server_message(kind: str, **fields: Any) -> str:
    """Encode a message of the server."""
    return orjson.dumps({"type": kind, **fields}).decode()
