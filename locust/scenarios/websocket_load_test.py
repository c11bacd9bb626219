"""The platform's sockets: conversations with agents, dictated speech, a call's media, and notifications.

    locust -f scenarios/websocket_load_test.py --headless --users 5 --run-time 60s

The sockets of conversations and notifications stay open, with a heartbeat every 30 s.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from clients.realtime_talk import DICTATION, DICTATION_IN, FRAMES_MS, MEDIA, Conversation, Dictation, MediaCall
from clients.realtime_talk import Notifications as NotificationsSocket
from configs.settings import websocket_url
from locust import task
from scenarios.base import PlatformUser, needs, takes_voice_socket
from scenarios.suite import install
from utils.speech import RECORDINGS

install()

MESSAGES = 8
"""So many messages a conversation has before the user opens another: the platform lets one user hold ten."""
READ_SHARE = 0.3
"""Of messages: the user looks the conversation up over REST as well."""
OTHER_SOCKET_SHARE = 0.3
"""Of dictation: over the socket that takes the language and the model."""


class WebSocketUser(PlatformUser):
    """Someone who works with the platform's agents and its voice, over sockets."""

    weight = 10
    account_kind = "line"
    begins_with = "media"
    thinks_between = (1.0, 3.0)

    def on_start(self) -> None:
        """Begin with no socket open."""
        super().on_start()
        self._conversation: Conversation | None = None
        self._messages = 0
        self._notifications = NotificationsSocket(self._address, self._count, self.lab.waits)

    def on_stop(self) -> None:
        """Close what stayed open."""
        if hasattr(self, "_notifications"):
            self._notifications.socket.close()
            if self._conversation is not None:
                self._conversation.socket.close()
        super().on_stop()

    @task(40)
    @needs("POST /api/conversations/")
    def converse(self) -> None:
        """Ask an agent something, in the conversation at hand or a new one."""
        question = self.records.question()
        reads = self.chance.random() < READ_SHARE
        conversation = self._at_hand()
        if conversation is None:
            return
        self._messages += 1
        answered = conversation.say(question) is not None
        if answered and reads and self.offers("GET /api/conversations/{id}/messages"):
            self.api.conversations.messages(conversation.id)
        if not answered:
            # An answer that comes late would be taken for that to the next question: not in another conversation.
            self._put_away(conversation)

    @task(25)
    def dictate(self) -> None:
        """Dictate a sentence and wait for its text."""
        recording = self.chance.choice(RECORDINGS)
        frame_ms = self.chance.choice(FRAMES_MS)
        if self.chance.random() < OTHER_SOCKET_SHARE:
            path, query = DICTATION_IN, "&" + urlencode({"language": "en-US", "model": "nova-2"})
        else:
            path, query = DICTATION, ""
        Dictation(path, query, frame_ms, self._address, self._count, self.lab.waits).dictate(recording)

    @task(20)
    def notifications(self) -> None:
        """Look for news."""
        self._notifications.look()

    @task(15)
    @takes_voice_socket
    @needs("POST /api/telephony/webhook/incoming-call")
    def media(self) -> None:
        """Stream a call's media, as Twilio does, for a few seconds."""
        call_sid = f"CA{self.chance.getrandbits(128):032x}"
        stream_sid = f"MZ{self.chance.getrandbits(128):032x}"
        number = self.grant.account.number
        parameters = {"from": self.records.phone(), "to": number, "org_phone": number}
        parameters["tenant_id"] = self.grant.account.organisation_id
        recording = self.chance.choice(RECORDINGS)
        call = MediaCall(lambda: self._origin + MEDIA, self._count, self.lab.waits)
        call.talk(call_sid, stream_sid, parameters, recording)

    def _at_hand(self) -> Conversation | None:
        """The conversation under way; after so many messages it is put away for a new one."""
        if self._conversation is not None and self._messages >= MESSAGES:
            self._put_away(self._conversation)
        if self._conversation is None:
            if self.offers("GET /api/conversations/"):
                self.api.conversations.conversations()
            made = self.api.conversations.create(self.records.conversation())
            if made is None:
                return None
            self._conversation = Conversation(made["id"], self._address, self._count, self.lab.waits)
            self._messages = 0
        return self._conversation

    def _put_away(self, conversation: Conversation) -> None:
        conversation.socket.close()
        self._conversation = None
        if self.offers("PATCH /api/conversations/{id}"):
            self.api.conversations.archive(conversation.id)

    @property
    def _origin(self) -> str:
        return self.lab.settings.ws_url or websocket_url(str(self.host))

    def _address(self, path: str) -> str:
        """A socket's address with a token that is good now: these sockets take it in the query and nowhere else."""
        return f"{self._origin}{path}?{urlencode({'token': self.api.session.access_token()})}"

    def _count(self, name: str, latency_ms: float, failure: Exception | None, also: Mapping[str, Any]) -> None:
        context = {**self.context(), **also}
        if name.endswith("[heartbeat]"):
            context["late_s"] = 0.0  # no task has it sent
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=latency_ms,
            response_length=0,
            exception=failure,
            context=context,
            start_time=time.time() - latency_ms / 1000,
            response=None,
        )
