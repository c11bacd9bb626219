"""A media stream numbers what it sends, plays what it receives at 8000 bytes a second, and echoes marks in order."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mock_services.core.speech import SILENCE, load_recordings
from mock_services.twilio.protocol.media import MARKS_PENDING, MediaStream, StreamState, StreamStateError
from mock_services.twilio.protocol.tape import Tape

STREAM = "MZ" + "0" * 32
PAYLOAD = base64.b64encode(bytes([SILENCE]) * 160)
VOICE = load_recordings("agent")[0].ulaw[:1600]  # 200 ms that begin and end with voice


def new_stream(parameters: dict[str, str] | None = None) -> MediaStream:
    return MediaStream("AC1", "CA1", STREAM, parameters or {})


def started() -> MediaStream:
    stream = new_stream()
    stream.connected()
    stream.start()
    return stream


def media(audio: bytes, stream: str = STREAM) -> bytes:
    payload = base64.b64encode(audio).decode()
    return json.dumps({"event": "media", "streamSid": stream, "media": {"payload": payload}}).encode()


def mark(name: Any) -> bytes:
    return json.dumps({"event": "mark", "streamSid": STREAM, "mark": {"name": name}}).encode()


CLEAR = json.dumps({"event": "clear", "streamSid": STREAM}).encode()


def names(messages: list[bytes]) -> list[str]:
    return [json.loads(message)["mark"]["name"] for message in messages]


def test_it_opens_with_connected_and_start() -> None:
    stream = new_stream({"tenant_id": "7", "from": "+1"})
    assert json.loads(stream.connected()) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(stream.start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "AC1",
            "streamSid": STREAM,
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"tenant_id": "7", "from": "+1"},
        },
        "streamSid": STREAM,
    }


def test_media_dtmf_and_stop_have_twilios_shape() -> None:
    stream = started()
    assert json.loads(stream.media(PAYLOAD)) == {
        "event": "media",
        "sequenceNumber": "2",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": PAYLOAD.decode()},
        "streamSid": STREAM,
    }
    assert json.loads(stream.dtmf("5")) == {
        "event": "dtmf",
        "sequenceNumber": "3",
        "dtmf": {"track": "inbound_track", "digit": "5"},
        "streamSid": STREAM,
    }
    assert json.loads(stream.stop()) == {
        "event": "stop",
        "sequenceNumber": "4",
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
        "streamSid": STREAM,
    }


@pytest.mark.parametrize("message", ["start", "stop", "media", "skip", "dtmf"])
def test_what_needs_an_open_stream_says_so_before_it_is_open(message: str) -> None:
    takes: dict[str, list[Any]] = {"media": [PAYLOAD], "dtmf": ["1"]}
    with pytest.raises(StreamStateError, match=f"{message} needs a stream that is (connected|started).*is new"):
        getattr(new_stream(), message)(*takes.get(message, []))


def test_nothing_follows_stop() -> None:
    stream = started()
    stream.stop()
    with pytest.raises(StreamStateError, match="this one is stopped"):
        stream.media(PAYLOAD)
    assert stream.state is StreamState.STOPPED


class Numbering(RuleBasedStateMachine):
    """Whatever is sent in whatever order: one sequence over all messages, one chunk a frame, 20 ms a frame period."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = started()
        self.sequence, self.chunk, self.periods = 1, 0, 0

    def follows(self, message: bytes) -> dict[str, Any]:
        self.sequence += 1
        content: dict[str, Any] = json.loads(message)
        assert content["sequenceNumber"] == str(self.sequence)
        assert content["streamSid"] == STREAM
        return content

    @rule()
    def send_media(self) -> None:
        self.chunk += 1
        frame = self.follows(self.stream.media(PAYLOAD))["media"]
        assert frame["chunk"] == str(self.chunk)
        assert frame["timestamp"] == str(5 + 20 * self.periods)
        self.periods += 1

    @rule(frames=st.integers(1, 1000))
    def skip(self, frames: int) -> None:
        self.stream.skip(frames)
        self.periods += frames

    @rule(digit=st.sampled_from("0123456789*#ABCD"))
    def press(self, digit: str) -> None:
        assert self.follows(self.stream.dtmf(digit))["dtmf"]["digit"] == digit

    @rule(name=st.text(max_size=20))
    def echo(self, name: str) -> None:
        self.stream.receive(mark(name), 0.0)
        (message,) = self.stream.due_marks(0.0)
        assert self.follows(message)["mark"]["name"] == name

    @invariant()
    def nothing_is_pending(self) -> None:
        assert self.stream.marks_pending == 0


TestNumbering = Numbering.TestCase

Step = tuple[str, float, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["media", "mark", "mark", "clear", "wait"]), st.floats(0, 2), st.integers(1, 16_000))
)


@given(STEPS)
def test_marks_come_back_once_in_order_and_never_before_the_audio_before_them(steps: list[Step]) -> None:
    stream = started()
    now = plays_until = 100.0
    due: list[tuple[float, str]] = []
    expected, echoed = [], []
    for count, (kind, seconds, size) in enumerate(steps):
        now += seconds
        if kind == "media":
            stream.receive(media(bytes([SILENCE]) * size), now)
            plays_until = max(plays_until, now) + size / 8000
        elif kind == "mark":
            stream.receive(mark(str(count)), now)
            due.append((max(plays_until, now), str(count)))
            expected.append(str(count))
        elif kind == "clear":
            stream.receive(CLEAR, now)
            plays_until = min(plays_until, now)
            due = [(now, name) for _, name in due]
        came = names(stream.due_marks(now))
        assert came == [name for at, name in due if at <= now]
        due = due[len(came) :]
        echoed += came
    stream.receive(CLEAR, now)
    echoed += names(stream.due_marks(now))
    assert echoed == expected


def test_a_mark_on_an_empty_buffer_is_due_at_once() -> None:
    stream = started()
    stream.receive(mark("now"), 5.0)
    assert names(stream.due_marks(5.0)) == ["now"]


def test_clear_returns_all_pending_marks_in_order() -> None:
    stream = started()
    stream.receive(media(VOICE * 10), 5.0)
    for name in ("a", "b", "c"):
        stream.receive(mark(name), 5.0)
    assert stream.due_marks(6.9) == []
    stream.receive(CLEAR, 6.9)
    assert names(stream.due_marks(6.9)) == ["a", "b", "c"]


def test_voice_is_heard_after_what_is_buffered_before_it() -> None:
    stream = started()
    assert stream.receive(media(bytes([SILENCE]) * 8000), 5.0) is None
    assert stream.receive(media(bytes([SILENCE]) * 160 + VOICE), 5.5) == pytest.approx(6.02)
    assert stream.voiced_until == pytest.approx(6.22)
    assert stream.plays_until == pytest.approx(6.22)


def test_clear_cuts_the_voice_that_was_not_heard_yet() -> None:
    stream = started()
    stream.receive(media(VOICE * 5), 5.0)
    stream.receive(CLEAR, 5.3)
    assert (stream.voiced_until, stream.plays_until) == (5.3, 5.3)


def test_a_tape_is_given_what_is_played_and_when_and_what_was_cleared() -> None:
    heard: list[tuple[str, float]] = []

    class Listener(Tape):
        def agent(self, ulaw: bytes, at: float) -> None:
            heard.append((f"{len(ulaw)} bytes", at))

        def cut(self, at: float) -> None:
            heard.append(("cut", at))

    stream = MediaStream("AC1", "CA1", STREAM, {}, Listener(0.0, 60.0))
    stream.connected()
    stream.start()
    stream.receive(media(VOICE), 5.0)
    stream.receive(media(VOICE), 5.1)
    stream.receive(CLEAR, 5.25)
    stream.receive(media(VOICE), 6.0)
    times = [("1600 bytes", 5.0), ("1600 bytes", pytest.approx(5.2)), ("cut", 5.25), ("1600 bytes", 6.0)]
    assert heard == times


@given(st.lists(st.sampled_from(["voice", "silence", "clear", "wait"]), max_size=30))
def test_voice_is_never_heard_twice_at_a_time_nor_after_a_clear(steps: list[str]) -> None:
    stream, now, voiced_until = started(), 10.0, 10.0
    for step in steps:
        if step == "wait":
            now += 0.15
        elif step == "clear":
            stream.receive(CLEAR, now)
            assert stream.voiced_until <= now
            assert stream.plays_until <= now
            voiced_until = min(voiced_until, now)
        else:
            heard_at = stream.receive(media(VOICE if step == "voice" else bytes([SILENCE]) * 800), now)
            if step == "voice":
                assert heard_at is not None
                assert heard_at >= max(now, voiced_until) - 1e-9
                voiced_until = stream.voiced_until
                assert voiced_until == pytest.approx(heard_at + 0.2)
            else:
                assert heard_at is None
        assert stream.plays_until >= stream.voiced_until - 1e-9


@pytest.mark.parametrize(
    "message",
    [
        b"not JSON",
        b"[]",
        b"null",
        b'"media"',
        b"{}",
        b'{"event":"media"}',
        b'{"event":"media","streamSid":"%s"}' % STREAM.encode(),
        b'{"event":"media","streamSid":"%s","media":{"payload":7}}' % STREAM.encode(),
        b'{"event":"media","streamSid":"%s","media":{"payload":"\xc3\xa9"}}' % STREAM.encode(),
        b'{"event":"media","streamSid":"%s","media":{"payload":"A"}}' % STREAM.encode(),
        b'{"event":"media","streamSid":"%s","media":[]}' % STREAM.encode(),
        b'{"event":["media"],"streamSid":"%s"}' % STREAM.encode(),
        b'{"event":"greet","streamSid":"%s"}' % STREAM.encode(),
        media(VOICE, "MZother"),
        mark(None),
        mark("x" * 2000),
        b"[" * 100_000,
    ],
)
def test_what_twilio_ignores_is_counted_and_changes_nothing(message: bytes) -> None:
    stream = started()
    assert stream.receive(message, 5.0) is None
    assert (stream.warnings, stream.messages_received, stream.audio_received) == (1, 1, 0)
    assert stream.warning
    assert stream.due_marks(100.0) == []


@given(st.binary())
def test_no_bytes_break_a_stream(message: bytes) -> None:
    stream = started()
    stream.receive(message, 5.0)
    stream.media(PAYLOAD)


def test_pending_marks_are_bounded() -> None:
    stream = started()
    stream.receive(media(VOICE), 5.0)
    for count in range(MARKS_PENDING + 5):
        stream.receive(mark(str(count)), 5.0)
    assert (stream.marks_pending, stream.warnings) == (MARKS_PENDING, 5)
