"""What a user says on each of the platform's sockets, and what it may expect back.

Not here: the secure conversation socket, which cannot carry messages and locks a user out of both after ten of them.
"""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from clients.realtime import Awaited, Count, Message, RealtimeSocket, typed
from clients.waits import Waits
from utils import speech
from utils.pacing import Schedule

CONVERSATION = "/api/ws/conversations/{id}"
NOTIFICATIONS = "/api/ws/notifications"
DICTATION = "/api/ws/voice/streaming-stt"
DICTATION_IN = "/api/ws/stt/stream"
MEDIA = "/api/ws/telephony/voice-agent/stream"
PATHS = (CONVERSATION, NOTIFICATIONS, DICTATION, DICTATION_IN, MEDIA)

ANSWER_S = 10.0
AGENT_S = 20.0
TRANSCRIPT_S = 10.0
FIRST_AUDIO_S = 8.0
FRAMES_MS = (20, 40, 100)
"""How much audio a frame of dictated speech may hold."""
AGENT_ERROR = "I encountered an error"
"""How an agent's message begins that could not ask its model: an error inside a success."""

Address = Callable[[str], str]
"""Makes a socket's address, with its token, of its path."""


class Conversation:
    """One conversation on its socket, which stays open."""

    def __init__(self, conversation_id: str, address: Address, count: Count, waits: Waits | None = None) -> None:
        """Take the conversation's id, where sockets are, who counts, and who knows how long answers take."""
        self.id = conversation_id
        self.socket = RealtimeSocket(
            CONVERSATION,
            lambda: address(CONVERSATION.replace("{id}", conversation_id)),
            count,
            waits,
            greeting=typed("system"),
            pong=typed("pong"),
        )

    def say(self, content: str) -> str | None:
        """Send a message: `[message]` runs to its own echo, `[agent reply]` to what the agent says; give that."""
        if not self.socket.open():
            return None
        echo = self.socket.expect(lambda message: _is_new(message, "user") and message.get("content") == content)
        reply = self.socket.expect(lambda message: _is_new(message, "agent"))
        since = time.monotonic()
        self.socket.send({"type": "message", "content": content})
        if self.socket.settle("message", since, echo, ANSWER_S) is None:
            return None
        said = self.socket.settle("agent reply", since, reply, AGENT_S, wrong=_agent_failed)
        return str(said["content"]) if said else None


class Notifications:
    """The notifications socket, which stays open: nothing is pushed, and each frame is answered."""

    def __init__(self, address: Address, count: Count, waits: Waits | None = None) -> None:
        """Take where sockets are, who counts, and who knows how long answers take."""
        update = typed("notification_update")
        self.socket = RealtimeSocket(NOTIFICATIONS, lambda: address(NOTIFICATIONS), count, waits, pong=update)

    def look(self) -> bool:
        """Ask for news: `[update]`."""
        asked = {"type": "get_notifications"}
        return self.socket.open() and bool(self.socket.ask("update", asked, typed("notification_update"), ANSWER_S))


class Dictation:
    """Speech streamed as raw linear16 of 16 kHz in binary frames, and transcribed as it is spoken."""

    def __init__(
        self, path: str, query: str, frame_ms: int, address: Address, count: Count, waits: Waits | None = None
    ) -> None:
        """Take one of the two paths, its query, how much audio a frame holds (20 to 100 ms), and the same as above."""
        self._frame_bytes = speech.PCM_FRAME * frame_ms // speech.FRAME_MS
        self._frame_s = frame_ms / 1000
        self.socket = RealtimeSocket(path, lambda: address(path) + query, count, waits, greeting=typed("connected"))

    def dictate(self, recording: str) -> str | None:
        """Speak a recording into a new session; `[transcript]` runs from the end of the words to their final text."""
        try:
            if not self.socket.open():
                return None
            if not self.socket.ask("start", {"type": "start_transcription"}, typed("transcription_ready"), ANSWER_S):
                return None
            text = self._speak(speech.pcm(recording))
            if text is not None:
                self.socket.ask("stop", {"type": "stop_transcription"}, typed("transcription_stopped"), ANSWER_S)
            return text
        finally:
            self.socket.close()

    def _speak(self, pcm: bytes) -> str | None:
        spoken: list[float] = []  # when the last frame of speech was to leave

        def wanted(message: Message) -> bool:
            final = typed("transcript")(message) and message.get("is_final") is True
            return bool(spoken) and final and bool(message.get("transcript"))

        final = self.socket.expect(wanted)
        size = self._frame_bytes
        frames = [pcm[start : start + size].ljust(size, b"\0") for start in range(0, len(pcm), size)]
        schedule = Schedule(self._frame_s)
        taken = schedule.send(frames, self.socket.send)
        spoken.append(schedule.pace.due)
        if taken:
            silence = itertools.repeat(bytes(size), int(TRANSCRIPT_S / self._frame_s))
            schedule.send(silence, self.socket.send, final.ready)
        said = self.socket.settle("transcript", spoken[0], final, TRANSCRIPT_S, also=_media(schedule))
        return str(said["transcript"]) if said else None


class MediaCall:
    """A call's media stream, opened directly as Twilio opens it: mu-law of 8 kHz in JSON, 20 ms a message."""

    def __init__(self, address: Callable[[], str], count: Count, waits: Waits | None = None) -> None:
        """Take where the socket is (it takes no token), who counts, and who knows how long answers take."""
        self.socket = RealtimeSocket(MEDIA, address, count, waits)

    def talk(self, call_sid: str, stream_sid: str, parameters: Mapping[str, str], recording: str) -> bool:
        """Stream a call of a few seconds; `[first audio]` runs from `start` to the agent's first sound.

        The server never closes this socket: we do, after `stop`.
        """
        self.socket.call_sid = call_sid
        try:
            if not self.socket.open():
                return False
            heard = self.socket.expect(_audible)
            self.socket.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
            since = time.monotonic()
            self.socket.send(_start(call_sid, stream_sid, parameters))
            schedule = Schedule(speech.FRAME_MS / 1000)
            first = self._stream(schedule, stream_sid, heard, since, recording)
            if first:
                self.socket.send({"event": "stop", "streamSid": stream_sid, "stop": {"callSid": call_sid}})
            return first
        finally:
            self.socket.close()

    def _stream(self, schedule: Schedule, stream_sid: str, heard: Awaited, since: float, recording: str) -> bool:
        numbers = itertools.count(1)

        def give(frame: bytes) -> bool:
            number = next(numbers)
            return self.socket.send(_frame(stream_sid, number, frame))

        silence = bytes([speech.ULAW_SILENCE]) * speech.ULAW_FRAME
        most = int(FIRST_AUDIO_S * 1000 / speech.FRAME_MS)
        schedule.send(itertools.repeat(silence, most), give, heard.ready)
        if self.socket.settle("first audio", since, heard, FIRST_AUDIO_S, also=_media(schedule)) is None:
            return False
        return schedule.send(speech.ulaw_frames(recording), give)


def _is_new(message: Message, sender: str) -> bool:
    return message.get("type") == "message" and message.get("sender_type") == sender and not message.get("is_history")


def _agent_failed(message: Message) -> str | None:
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        return "an empty reply"
    return "an error inside a reply" if content.startswith(AGENT_ERROR) else None


def _audible(message: Message) -> bool:
    media = message.get("media")
    payload = media.get("payload") if message.get("event") == "media" and isinstance(media, Mapping) else None
    try:
        return isinstance(payload, str) and speech.is_audible(base64.b64decode(payload))
    except ValueError:
        return False


def _start(call_sid: str, stream_sid: str, parameters: Mapping[str, str]) -> Message:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream_sid,
        "start": {
            "streamSid": stream_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"call_sid": call_sid, **parameters},
        },
    }


def _frame(stream_sid: str, number: int, ulaw: bytes) -> Message:
    return {
        "event": "media",
        "sequenceNumber": str(number + 1),
        "streamSid": stream_sid,
        "media": {
            "track": "inbound",
            "chunk": str(number),
            "timestamp": str((number - 1) * speech.FRAME_MS),
            "payload": base64.b64encode(ulaw).decode(),
        },
    }


def _media(schedule: Schedule) -> dict[str, Any]:
    """How punctually the audio left, for the metrics."""
    return {"media": asdict(schedule.pace)}
