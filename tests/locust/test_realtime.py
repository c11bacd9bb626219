"""The suite's sockets against a small server: every reply paired with its cause, every loss counted, and no hang.

The sockets run under gevent, as in Locust, and so in a process of its own.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

SUITE = Path(__file__).resolve().parents[2] / "locust"
CONVERSATION = "/api/ws/conversations/{id} "
DICTATION = "/api/ws/voice/streaming-stt "
MEDIA = "/api/ws/telephony/voice-agent/stream "
NOTIFICATIONS = "/api/ws/notifications "

DRIVER = """
from gevent import monkey; monkey.patch_all()
import json, sys
import gevent
from clients import realtime, realtime_talk as talk
from clients.waits import Waits

for name, seconds in {"CONNECT_S": 1.0, "GREETING_S": 0.5, "HEARTBEAT_WITHIN_S": 0.5, "SEND_S": 0.1,
                      "OVERDUE_S": 0.1}.items():
    setattr(realtime, name, seconds)
for name, seconds in {"ANSWER_S": 0.5, "AGENT_S": 0.5, "TRANSCRIPT_S": 0.5, "FIRST_AUDIO_S": 0.5}.items():
    setattr(talk, name, seconds)
origin, steps = sys.argv[1], json.loads(sys.argv[2])
counted = []
count = lambda name, ms, failure, also: counted.append(
    [name, ms, str(failure) if failure else None, getattr(failure, "outcome", None), also])
address = lambda path: f"{origin}{path}?token=good"
waits = Waits()
conversation = talk.Conversation("c1", address, count, waits)
notifications = talk.Notifications(address, count)
if any(step[0] == "rest" for step in steps):
    conversation.socket._heartbeat_s = notifications.socket._heartbeat_s = 0.3
returned = []
for step in steps:
    with gevent.Timeout(15):
        if step[0] == "say": returned.append(conversation.say(step[1]))
        elif step[0] == "look": returned.append(notifications.look())
        elif step[0] == "dictate":
            returned.append(talk.Dictation(talk.DICTATION, "", step[1], address, count).dictate("hours"))
        elif step[0] == "media":
            parameters = {"from": "+1", "to": "+2", "org_phone": "+2", "tenant_id": "t"}
            returned.append(talk.MediaCall(lambda: origin + talk.MEDIA, count).talk("CA1", "MZ1", parameters, "hours"))
        elif step[0] == "rest": gevent.sleep(step[1])
        elif step[0] == "cut off":
            talking = gevent.spawn(conversation.say, step[2])
            talking.join(timeout=step[1])
            talking.kill()
conversation.socket.close()
notifications.socket.close()
print(json.dumps([counted, returned]))
"""

Talk = Callable[[ServerConnection], None]


class Platform:
    """A server whose sockets do what a test says."""

    def __init__(self) -> None:
        self.talk: Talk = lambda connection: None
        self.refusal: int | None = None
        self.paths: list[str] = []
        self.received: list[Any] = []
        self.at: list[float] = []
        self.url = ""

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        return Response(self.refusal, "Forbidden", Headers()) if self.refusal else None

    def handle(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the suite has left
            self.talk(connection)

    def take(self, connection: ServerConnection) -> Any:
        frame = connection.recv()
        self.at.append(time.monotonic())
        self.received.append(frame if isinstance(frame, bytes) else json.loads(frame))
        return self.received[-1]

    def run(self, *steps: list[Any]) -> tuple[list[list[Any]], list[Any]]:
        """What was counted (name, ms, failure, outcome, more), and what each step gave."""
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, self.url, json.dumps(steps)],
            cwd=SUITE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        counted, returned = json.loads(done.stdout)
        return counted, returned


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    server: Server = serve(made.handle, "127.0.0.1", 0, process_request=made.admit)
    thread = Thread(target=server.serve_forever)
    thread.start()
    made.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join(10)


def pass_time(seconds: float) -> None:
    """Let time pass that the suite must measure."""
    Event().wait(seconds)


def send(connection: ServerConnection, **message: Any) -> None:
    connection.send(json.dumps(message))


def greet(connection: ServerConnection) -> None:
    send(connection, type="system", content="Welcome to conversation c1")
    send(connection, type="message", content="An old one", sender_type="user", is_history=True)
    send(connection, type="user_joined", email="me@example.com")


def echo(connection: ServerConnection, content: str) -> None:
    send(connection, type="message", content=content, sender_type="user", is_owner=True)


def reply(connection: ServerConnection, content: str) -> None:
    send(connection, type="message", content=content, sender_type="agent", message_type="agent")


def summary(counted: list[list[Any]]) -> list[tuple[str, str | None]]:
    return [(name, failure) for name, _, failure, _, _ in counted]


def conversing(platform: Platform, answer: Callable[[ServerConnection, str], None]) -> Talk:
    def talk(connection: ServerConnection) -> None:
        greet(connection)
        while True:
            message = platform.take(connection)
            if message["type"] == "ping":
                send(connection, type="pong")
            else:
                answer(connection, message["content"])

    return talk


def test_a_message_is_paired_with_its_own_echo_and_with_the_agents_reply(platform: Platform) -> None:
    def answer(connection: ServerConnection, content: str) -> None:
        echo(connection, "Somebody else's")
        pass_time(0.05)
        echo(connection, content)
        pass_time(0.1)
        reply(connection, f"About {content}")

    platform.talk = conversing(platform, answer)
    counted, returned = platform.run(["say", "one"], ["say", "two"])
    assert returned == ["About one", "About two"]
    assert summary(counted) == [(CONVERSATION + "[connect]", None)] + 2 * [
        (CONVERSATION + "[message]", None),
        (CONVERSATION + "[agent reply]", None),
    ]
    for _, echoed_ms, *_ in counted[1::2]:
        assert 50 <= echoed_ms < 150
    for _, replied_ms, *_ in counted[2::2]:
        assert 150 <= replied_ms < 450
    assert parse_qs(urlsplit(platform.paths[0]).query) == {"token": ["good"]}


def test_an_agent_that_could_not_ask_its_model_is_a_failure(platform: Platform) -> None:
    def answer(connection: ServerConnection, content: str) -> None:
        echo(connection, content)
        reply(connection, "I encountered an error: Connection error.")

    platform.talk = conversing(platform, answer)
    counted, returned = platform.run(["say", "one"])
    assert returned == [None]
    assert counted[-1][2:4] == ["an error inside a reply", "content"]


def test_silence_is_a_timeout_and_the_socket_is_opened_anew(platform: Platform) -> None:
    """As on the platform whose sockets stop passing messages on after five minutes, and stay open."""
    platform.talk = conversing(platform, lambda connection, content: None)
    counted, returned = platform.run(["say", "one"], ["say", "two"])
    assert returned == [None, None]
    assert [(name, failure, outcome) for name, _, failure, outcome, _ in counted] == [
        (CONVERSATION + "[connect]", None, None),
        (CONVERSATION + "[message]", "timeout", "timeout"),
        (CONVERSATION + "[reconnect]", None, None),
        (CONVERSATION + "[message]", "timeout", "timeout"),
    ]
    assert 500 <= counted[1][1] < 1500


def test_a_socket_that_is_accepted_and_then_closed_is_a_failure(platform: Platform) -> None:
    platform.talk = lambda connection: connection.close(4001)
    counted, returned = platform.run(["say", "one"], ["look"])
    assert returned == [None, False]
    assert counted[0][0] == CONVERSATION + "[connect]"
    assert counted[0][2:4] == ["closed 4001", "socket"]
    # Nothing greets on the notifications socket: the refusal shows where an answer should have come.
    assert counted[-1][0] in (NOTIFICATIONS + "[update]", NOTIFICATIONS + "[connect]")
    assert counted[-1][2] in ("closed 4001", "not open")


def test_an_error_message_in_the_place_of_the_greeting_is_a_failure(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        send(connection, type="error", content="Authentication failed")
        connection.close(4001)

    platform.talk = talk
    counted, _ = platform.run(["say", "one"])
    assert summary(counted) == [(CONVERSATION + "[connect]", "an error message")]


def test_a_refused_handshake_carries_its_status(platform: Platform) -> None:
    platform.refusal = 403
    counted, returned = platform.run(["say", "one"], ["look"], ["dictate", 20], ["media"])
    assert returned == [None, False, None, False]
    assert summary(counted) == [
        (path + "[connect]", "handshake 403") for path in (CONVERSATION, NOTIFICATIONS, DICTATION, MEDIA)
    ]
    assert {outcome for *_, outcome, _ in counted} == {None}, "the metrics go by the status"


def test_a_server_that_never_greets_or_is_not_there_is_a_bounded_failure(platform: Platform) -> None:
    platform.talk = lambda connection: (platform.take(connection), None)[1]
    counted, _ = platform.run(["say", "one"])
    assert summary(counted) == [(CONVERSATION + "[connect]", "timeout")]
    platform.url = "ws://127.0.0.1:1"
    counted, _ = platform.run(["say", "one"])
    assert counted[0][2:4] == ["not connected", "connection"]


def test_an_open_socket_beats_and_an_idle_loss_shows_as_a_reconnection(platform: Platform) -> None:
    visits: list[int] = []

    def talk(connection: ServerConnection) -> None:
        visits.append(1)
        while True:
            asked = platform.take(connection)
            send(connection, type="notification_update", count=0)
            if len(visits) == 1 and asked["type"] == "ping" and platform.received.count({"type": "ping"}) == 2:
                return

    platform.talk = talk
    counted, returned = platform.run(["look"], ["rest", 0.9], ["look"])
    assert returned == [True, True]
    assert summary(counted) == [
        (NOTIFICATIONS + "[connect]", None),
        (NOTIFICATIONS + "[update]", None),
        (NOTIFICATIONS + "[heartbeat]", None),
        (NOTIFICATIONS + "[heartbeat]", None),
        (NOTIFICATIONS + "[reconnect]", None),
        (NOTIFICATIONS + "[update]", None),
    ]


def test_an_error_message_belongs_to_what_the_user_asked_and_not_to_a_heartbeat(platform: Platform) -> None:
    pinged = Event()

    def talk(connection: ServerConnection) -> None:
        greet(connection)
        while message := platform.take(connection):
            if message["type"] == "ping":
                pinged.set()
            elif message["content"] == "again":
                send(connection, type="error", content="Not now")
            else:
                echo(connection, message["content"])
                reply(connection, "Yes.")

    platform.talk = talk
    counted, _ = platform.run(["say", "hello"], ["rest", 0.4], ["say", "again"])
    assert pinged.is_set()
    assert summary(counted)[1:] == [
        (CONVERSATION + "[message]", None),
        (CONVERSATION + "[agent reply]", None),
        (CONVERSATION + "[message]", "an error message"),
    ]


@pytest.mark.parametrize(("known", "failed"), [(3, False), (20, True)])
def test_a_wait_that_its_users_end_cuts_short_has_failed_where_the_answers_before_it_say_so(
    platform: Platform, known: int, failed: bool
) -> None:
    def talk(connection: ServerConnection) -> None:
        greet(connection)
        while (content := platform.take(connection)["content"]) != "last":
            echo(connection, content)
            reply(connection, "Yes.")
        platform.take(connection)

    platform.talk = talk
    counted, _ = platform.run(*(["say", str(number)] for number in range(known)), ["cut off", 0.4, "last"])
    overdue = [(CONVERSATION + "[message]", "timeout")] if failed else []
    assert summary(counted)[1 + 2 * known :] == overdue


def test_a_heartbeat_without_an_answer_is_a_failure(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        greet(connection)
        while True:
            message = platform.take(connection)
            if message["type"] == "message":
                echo(connection, message["content"])
                reply(connection, "Yes.")

    platform.talk = talk
    counted, _ = platform.run(["say", "one"], ["rest", 1.2])
    assert summary(counted)[-1] == (CONVERSATION + "[heartbeat]", "timeout")


@pytest.mark.parametrize("frame_ms", [20, 100])
def test_speech_goes_out_in_binary_on_schedule_and_its_text_is_timed_from_the_end_of_the_words(
    platform: Platform, frame_ms: int
) -> None:
    words = 67 * 20 * 32  # bytes of the recording

    def talk(connection: ServerConnection) -> None:
        send(connection, type="connected", connection_id="x")
        assert platform.take(connection) == {"type": "start_transcription"}
        send(connection, type="transcription_ready")
        heard = 0
        while heard < words:
            heard += len(platform.take(connection))
            if heard < words:
                send(connection, type="transcript", is_final=True, transcript="too early")
        send(connection, type="transcript", is_final=False, transcript="what are")
        pass_time(0.2)
        send(connection, type="transcript", is_final=True, transcript="")
        send(connection, type="transcript", is_final=True, speech_final=True, transcript="What are your hours?")
        while platform.take(connection) != {"type": "stop_transcription"}:
            pass
        send(connection, type="transcription_stopped")

    platform.talk = talk
    counted, returned = platform.run(["dictate", frame_ms])
    assert returned == ["What are your hours?"]
    assert summary(counted) == [(DICTATION + f"[{step}]", None) for step in ("connect", "start", "transcript", "stop")]
    latency_ms, media = counted[2][1], counted[2][4]["media"]
    assert 200 <= latency_ms < 450
    frames = [frame for frame in platform.received if isinstance(frame, bytes)]
    assert {len(frame) for frame in frames} == {32 * frame_ms}
    assert media["frames_sent"] == len(frames) > words / (32 * frame_ms)
    audio = [at for at, frame in zip(platform.at, platform.received, strict=True) if isinstance(frame, bytes)]
    assert audio[-1] - audio[0] == pytest.approx((len(audio) - 1) * frame_ms / 1000, abs=0.15)


def test_speech_without_a_text_is_a_timeout(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        send(connection, type="connected")
        while True:
            if not isinstance(platform.take(connection), bytes):
                send(connection, type="transcription_ready")

    platform.talk = talk
    counted, returned = platform.run(["dictate", 20])
    assert returned == [None]
    assert counted[-1][0] == DICTATION + "[transcript]"
    assert counted[-1][2:4] == ["timeout", "timeout"]


def test_media_streams_like_twilios_until_the_agent_is_heard_and_then_stops(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        assert platform.take(connection)["event"] == "connected"
        start = platform.take(connection)
        silence = base64.b64encode(b"\xff" * 160).decode()
        send(connection, event="media", streamSid="MZ1", media={"payload": silence})
        pass_time(0.2)
        loud = base64.b64encode(b"\x10\x90" * 80).decode()
        send(connection, event="media", streamSid="MZ1", media={"payload": loud})
        assert start["start"]["customParameters"]["org_phone"] == "+2"
        while platform.take(connection)["event"] != "stop":
            pass
        with pytest.raises(ConnectionClosed):  # the server never closes this socket: the suite must
            connection.recv()
        platform.received.append("closed")

    platform.talk = talk
    counted, returned = platform.run(["media"])
    assert returned == [True]
    assert summary(counted) == [(MEDIA + "[connect]", None), (MEDIA + "[first audio]", None)]
    assert 200 <= counted[1][1] < 450
    media = [frame["media"] for frame in platform.received if frame != "closed" and frame["event"] == "media"]
    assert {len(base64.b64decode(each["payload"])) for each in media} == {160}
    assert [each["chunk"] for each in media] == [str(number) for number in range(1, len(media) + 1)]
    assert len(media) >= 67 + 8
    assert platform.received[-1] == "closed"
    assert "token" not in platform.paths[0]


def test_a_silent_agent_is_a_timeout(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        while True:
            platform.take(connection)

    platform.talk = talk
    counted, returned = platform.run(["media"])
    assert returned == [False]
    assert counted[-1][0] == MEDIA + "[first audio]"
    assert counted[-1][2:4] == ["timeout", "timeout"]


def test_what_is_no_json_object_ends_the_socket(platform: Platform) -> None:
    def talk(connection: ServerConnection) -> None:
        connection.send("[1, 2]")
        platform.take(connection)

    platform.talk = talk
    counted, _ = platform.run(["say", "one"])
    assert counted[0][2:4] == ["no JSON object", "content"]


def test_a_failure_says_what_was_waited_for_and_what_came_before_it(platform: Platform) -> None:
    platform.talk = conversing(platform, lambda connection, content: echo(connection, "Somebody else's"))
    counted, _ = platform.run(["say", "one"])
    *good, (name, _, failure, _, also) = counted
    assert (name, failure) == (CONVERSATION + "[message]", "timeout")
    assert all("exchange" not in more for *_, more in good)
    exchange = also["exchange"]
    assert (exchange["url"], exchange["waited_for"]) == (
        f"{platform.url}/api/ws/conversations/c1?token=good",
        "message",
    )
    assert [message.get("content") for message in exchange["last_messages"]][-1] == "Somebody else's"
    assert len(exchange["last_messages"]) == 3


def test_a_failure_of_a_calls_media_says_which_call_it_is(platform: Platform) -> None:
    platform.refusal = 403
    counted, _ = platform.run(["media"])
    assert counted[-1][4]["exchange"]["call_sid"] == "CA1"
