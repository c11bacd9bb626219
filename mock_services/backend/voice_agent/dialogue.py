"""The platform's end of a Deepgram agent conversation, without any I/O: what to send, and what the answers mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

KEEP_ALIVE = '{"type":"KeepAlive"}'
DEFAULT_VOICE = "aura-2-thalia-en"
TRANSCRIPTS = {
    "ConversationText",
    "Transcript",
    "TranscriptText",
    "UserText",
    "AgentText",
    "UserTranscript",
    "SpeechTranscript",
    "RecognitionResult",
}

Role = Literal["user", "assistant"]

PROMPT = """\
You are the receptionist of {organization}, a cemetery and funeral home. You speak with a caller on the telephone.

How you speak
- Calmly and warmly. Many callers have lost somebody within the last days. Say once that you are sorry for their loss, \
and then help; do not say it again and again.
- In short sentences. A caller cannot read what you say, so give one fact or ask one question at a time and then wait.
- In the caller's own language where you can. If you cannot follow, say so and ask them to repeat it.
- Never read out lists, links, abbreviations or symbols. Say numbers, dates and times the way people say them.

What you help with
- Opening hours, the way to the grounds, where a grave is and how to find it on the day of a visit.
- Plots, urn places and memorials: which kinds there are, and in general terms what they cost. Say that an adviser \
gives the exact price in writing, and offer to arrange a meeting.
- Funerals and memorial services: what has to be done first, which papers are needed, which days are free. You may \
note a wish for a date; you may not promise it.
- Flowers, upkeep of a grave, and questions about a bill: take the name, the number to call back on and the matter.

What you ask for
- The caller's name and how they are related to the deceased, the name of the deceased, and a telephone number.
- Ask for each only when it is needed, and repeat names and numbers back to be sure of them.

What you do not do
- You do not give legal, medical or financial advice, and you do not speak about other families.
- You do not take card numbers on the telephone. If the caller begins to give one, stop them kindly.
- You do not argue. If the caller is angry, let them finish, say what you can do and offer a call back by the manager.
- You do not invent. If you do not know, say so and offer that somebody calls back the same day.

When the caller wants a person, or says that a death has just happened, say that you put them through to the staff on \
duty, and stop speaking. When nothing is left to do, sum up in one sentence what was agreed, thank them and say goodbye.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said, as the agent understood it."""

    role: Role
    content: str
    at: datetime


@dataclass(slots=True)
class Dialogue:
    """One conversation. Audio may be sent once `applied` is true. At most `max_lines` lines are kept."""

    max_lines: int
    applied: bool = False
    lines: list[Line] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def receive(self, text: str, at: datetime) -> str:
        """Take in one text message and give its type; what is not understood is passed over."""
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return "unreadable"
        if not isinstance(message, dict) or not isinstance(kind := message.get("type"), str):
            return "unreadable"
        if kind == "SettingsApplied":
            self.applied = True
        elif kind in TRANSCRIPTS:
            self._hear(kind, message, at)
        elif kind == "Error":
            self.errors.append(f"{message.get('code')}: {message.get('message') or message.get('description')}")
        return kind

    def _hear(self, kind: str, message: dict[str, Any], at: datetime) -> None:
        content = message.get("content") or message.get("text") or message.get("transcript")
        if isinstance(content, str) and len(self.lines) < self.max_lines:
            by_agent = message.get("role") == "assistant" or kind == "AgentText"
            self.lines.append(Line("assistant" if by_agent else "user", content, at))


def settings_message(organization: str, voice: str | None) -> str:
    """Write the first message: μ-law both ways, who listens, thinks and speaks, and how."""
    return orjson.dumps(
        {
            "type": "Settings",
            "audio": {
                "input": {"encoding": "mulaw", "sample_rate": 8000},
                "output": {"encoding": "mulaw", "sample_rate": 8000, "container": "none"},
            },
            "agent": {
                "listen": {"provider": {"type": "deepgram", "model": "nova-3"}},
                "think": {
                    "provider": {"type": "open_ai", "model": "gpt-4o-mini", "temperature": 0.7},
                    "prompt": PROMPT.format(organization=organization),
                },
                "speak": {"provider": {"type": "deepgram", "model": voice or DEFAULT_VOICE}},
            },
        }
    ).decode()


def greeting_message(organization: str, welcome: str | None) -> str:
    """Write the message that makes the agent greet. The field is `content`, though Deepgram's own is `message`."""
    content = welcome or f"Hello! Thank you for calling {organization}. How can I help you today?"
    return orjson.dumps({"type": "InjectAgentMessage", "content": content}).decode()
