"""What goes over the speech-to-text sockets, without any I/O: what a client says, and what Deepgram's words become."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from mock_services.core.operations import json_text

UNREADABLE: Final = '{"type":"error","message":"Invalid control message format"}'
NOT_STARTED: Final = '{"type":"error","message":"Failed to start live transcription session"}'
CLOSE_STREAM: Final = '{"type":"CloseStream"}'
LANGUAGE: Final = "en-US"
MODEL: Final = "nova-2"
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Manner:
    """In which language somebody speaks, and which model listens."""

    language: str = LANGUAGE
    model: str = MODEL

    def changed(self, given: Mapping[str, Any]) -> Manner:
        """Give the manner with what is named in a query or a message."""
        language, model = given.get("language"), given.get("model")
        return Manner(
            language[:LONGEST_NAME] if isinstance(language, str) and language else self.language,
            model[:LONGEST_NAME] if isinstance(model, str) and model else self.model,
        )

    def query(self) -> str:
        """Write the query of Deepgram's live socket: 16-bit samples, 16 kHz, one channel."""
        return urlencode(
            {
                "channels": 1,
                "encoding": "linear16",
                "endpointing": "true",
                "interim_results": "true",
                "language": self.language,
                "model": self.model,
                "multichannel": "false",
                "no_delay": "true",
                "numerals": "true",
                "punctuate": "true",
                "sample_rate": 16_000,
                "smart_format": "true",
                "utterance_end_ms": 1500,
                "vad_events": "true",
            }
        )


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class Start:
    """Announces a transcription; its audio begins it."""

    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the transcription."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Text that is not JSON."""


def read_control(text: str) -> Ping | Start | Stop | Unreadable | None:
    """Read a client's text; None for what is passed over, such as audio in JSON."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Unreadable()
    match given.get("type") if isinstance(given, dict) else None:
        case "ping":
            return Ping()
        case "start_transcription":
            return Start(given)
        case "stop_transcription":
            return Stop()
    return None


def connected(connection_id: uuid.UUID, at: datetime) -> str:
    """Write the greeting."""
    message = "Connected to the speech-to-text service"
    return json_text({"type": "connected", "message": message, "connection_id": connection_id, "timestamp": at})


def pong(at: datetime) -> str:
    """Write the answer to a ping."""
    return json_text({"type": "pong", "timestamp": at})


def ready(manner: Manner | None, at: datetime) -> str:
    """Write that audio may come; `manner` where the socket tells it."""
    told = {"language": manner.language, "model": manner.model} if manner else {}
    return json_text({"type": "transcription_ready", **told, "timestamp": at})


def stopped(at: datetime) -> str:
    """Write that the transcription has ended."""
    return json_text({"type": "transcription_stopped", "timestamp": at})


def transcript(text: str, manner: Manner | None, at: datetime) -> str | None:
    """Turn a message of Deepgram into the platform's; None for anything but a result with words."""
    try:
        result = orjson.loads(text)
        if result["type"] != "Results":
            return None
        (heard, *_) = result["channel"]["alternatives"]
        if not heard["transcript"]:
            return None
        message = {
            "type": "transcript",
            "is_final": bool(result.get("is_final")),
            "speech_final": bool(result.get("speech_final")),
            "transcript": heard["transcript"],
            "confidence": heard.get("confidence"),
            "words": [_word(word) for word in heard.get("words", ())],
            "timestamp": at,
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # whatever Deepgram sends besides results means nothing to the platform
    if manner is not None:
        message["detected_language"] = manner.language
    return json_text(message)


def _word(word: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "word": word["word"],
        "start": word["start"],
        "end": word["end"],
        "confidence": word.get("confidence"),
        "punctuated_word": word.get("punctuated_word", word["word"]),
        "speaker": word.get("speaker"),
    }
