"""The stream-input session as a state machine: what is spoken when, and how it ends, whatever the client sends."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from elevenlabs.types import AudioOutput, FinalOutput
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mock_services.core.conversation import Close, Output
from mock_services.elevenlabs.errors import ElevenLabsError, InvalidApiKey, NeedsAuthorization, QuotaExceeded
from mock_services.elevenlabs.formats import Format, FormatName
from mock_services.elevenlabs.protocol import SCHEDULE, Host, Options, State, StreamInput

ULAW = Format.named(FormatName.ULAW_8000)
FIRST_BYTE_S = 0.2
BLANK = {"text": " "}
END = {"text": ""}


class Client:
    """A client and the accounts: a clock that only the test moves, and what was received when."""

    def __init__(
        self,
        *,
        authenticated: bool = True,
        credit: int = 10_000,
        gap_s: Callable[[float], float] = lambda mean_s: mean_s,
        **options: Any,
    ) -> None:
        self.now = 100.0
        self.credit = credit
        self.errors: list[str] = []
        self.received: list[tuple[float, Output]] = []
        settings: dict[str, Any] = {"form": ULAW, "characters_per_second": 10.0, "speed": 5.0, **options}
        host = Host(self._authenticate, self._spend, lambda: FIRST_BYTE_S, gap_s, self._count_error)
        self.session = StreamInput(Options(**settings), host, self.now, authenticated=authenticated)

    def _count_error(self, error: ElevenLabsError) -> None:
        self.errors.append(error.word)

    def _authenticate(self, key: str, authorization: str) -> None:
        if not (key or authorization):
            raise NeedsAuthorization
        if "right" not in (key, authorization):
            raise InvalidApiKey

    def _spend(self, text: str) -> None:
        if len(text) > self.credit:
            raise QuotaExceeded(0, self.credit, len(text))
        self.credit -= len(text)

    def tell(self, *messages: Any) -> None:
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self.session.receive_text(text, self.now)
            self.wait(0)

    def wait(self, seconds: float) -> None:
        """Let time pass, and take what is due on the way."""
        until = self.now + seconds
        while self.session.due <= until:
            assert self.session.due >= self.now - 1e-9, "nothing is due in the past"
            self.now = max(self.now, self.session.due)
            sent = list(self.session.poll(self.now))
            assert sent, "what is due is sent"
            self.received += [(self.now, output) for output in sent]
        self.now = until

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(output) for _, output in self.received if isinstance(output, str)]

    @property
    def audio(self) -> bytes:
        return b"".join(base64.b64decode(each["audio"]) for each in self.messages if each.get("audio"))

    @property
    def spoken(self) -> str:
        return "".join("".join(each["alignment"]["chars"]) for each in self.messages if each.get("audio"))

    @property
    def last(self) -> Output:
        return self.received[-1][1]


def test_a_session_speaks_what_it_was_given_and_ends() -> None:
    client = Client()
    client.tell(BLANK, {"text": "Hello "}, {"text": "there. "}, END)
    assert client.received == [], "the first audio takes its time"
    client.wait(10)
    first, *_ = client.received
    assert first[0] == pytest.approx(100 + FIRST_BYTE_S)
    assert client.spoken == "Hello there. "
    assert len(client.audio) == 8000 * 13 / 10
    *audio, final = client.messages
    for message in audio:
        TypeAdapter(AudioOutput).validate_python(message)
        assert message["isFinal"] is None
    assert TypeAdapter(FinalOutput).validate_python(final).is_final is True
    assert final["audio"] is None
    assert client.last == Close(1000, "")
    assert client.session.due == float("inf")


def test_audio_is_sent_faster_than_it_plays_and_texts_follow_each_other() -> None:
    client = Client()
    client.tell(BLANK, {"text": "x" * 100, "flush": True}, {"text": "y" * 50, "flush": True}, END)
    client.wait(10)
    at = [when - 100 for when, output in client.received if isinstance(output, str)]
    assert at[:3] == pytest.approx([0.2, 0.2 + 0.8, 0.2 + 1.6]), "forty characters last 4 s, sent in 0.8 s"
    assert at[3] == pytest.approx(0.2 + 2.0), "the second text waits for the first"
    assert at[-1] == pytest.approx(0.2 + 3.0)


def test_gaps_between_chunks_vary_and_put_off_what_follows() -> None:
    client = Client(gap_s=lambda mean_s: mean_s * 1.5)
    client.tell(BLANK, {"text": "x" * 100, "flush": True}, {"text": "y" * 50, "flush": True}, END)
    client.wait(10)
    at = [when - 100 for when, output in client.received if isinstance(output, str)]
    assert at[:4] == pytest.approx([0.2, 0.2 + 1.2, 0.2 + 2.4, 0.2 + 3.0])
    assert client.spoken == "x" * 100 + "y" * 50


def test_alignment_is_of_the_chunk() -> None:
    client = Client()
    client.tell(BLANK, {"text": "x" * 60, "flush": True})
    client.wait(5)
    for message in client.messages:
        alignment = message["alignment"]
        assert alignment == message["normalizedAlignment"]
        assert alignment["charStartTimesMs"][0] == 0
        assert len(alignment["chars"]) == len(alignment["charStartTimesMs"]) == len(alignment["charDurationsMs"])
        seconds = len(base64.b64decode(message["audio"])) / 8000
        assert sum(alignment["charDurationsMs"]) == pytest.approx(seconds * 1000, abs=2)


def test_text_is_spoken_when_enough_has_come() -> None:
    client = Client()
    client.tell(BLANK)
    for threshold in SCHEDULE:
        client.tell({"text": "x" * (threshold - 1)})
        assert client.credit == 10_000, "not yet"
        client.tell({"text": "x"})
        assert client.credit == 10_000 - threshold
        client.credit = 10_000
    client.tell({"text": "x" * 49, "try_trigger_generation": True})
    assert client.credit == 10_000, "less than is worth a try"
    client.tell({"text": "x", "try_trigger_generation": True})
    assert client.credit == 9_950


@pytest.mark.parametrize(
    ("first", "options"),
    [
        ({"text": " ", "generation_config": {"chunk_length_schedule": [5]}}, {}),
        (BLANK, {"auto_mode": True}),
    ],
    ids=["its own schedule", "automatically"],
)
def test_a_client_may_ask_for_less(first: Any, options: Any) -> None:
    client = Client(**options)
    client.tell(first, {"text": "Hello."})
    client.wait(1)
    assert client.spoken == "Hello."


def test_the_first_message_sets_the_speed() -> None:
    client = Client()
    client.tell({"text": " ", "voice_settings": {"speed": 0.8}}, {"text": "x" * 8}, END)
    client.wait(5)
    assert len(client.audio) == 8000


@pytest.mark.parametrize("key", [{"xi_api_key": "right"}, {"xi-api-key": "right"}, {"authorization": "right"}])
def test_the_key_may_come_in_the_first_message(key: Any) -> None:
    client = Client(authenticated=False)
    client.tell({**BLANK, **key}, {"text": "Hello.", "flush": True})
    client.wait(1)
    assert client.spoken == "Hello."


@pytest.mark.parametrize(
    ("messages", "options", "error"),
    [
        ([BLANK], {"authenticated": False}, "needs_authorization"),
        ([{"text": " ", "xi_api_key": "wrong"}], {"authenticated": False}, "invalid_api_key"),
        (["no json"], {}, "invalid_input_message"),
        (["[]"], {}, "invalid_input_message"),
        ([{"words": "x"}], {}, "invalid_input_message"),
        ([{"text": 5}], {}, "invalid_input_message"),
        ([BLANK, {"text": None}], {}, "invalid_input_message"),
        ([{"text": " ", "generation_config": {"chunk_length_schedule": [0]}}], {}, "invalid_input_message"),
        ([{"text": " ", "voice_settings": {"stability": 5}}], {}, "invalid_voice_settings"),
        ([BLANK, {"text": "x" * 11, "flush": True}], {"credit": 10}, "quota_exceeded"),
    ],
)
def test_an_error_is_said_and_the_socket_closed(messages: list[Any], options: Any, error: str) -> None:
    client = Client(**options)
    client.tell(*messages)
    ((_, said), (_, closed)) = client.received
    assert json.loads(str(said))["error"] == error
    assert json.loads(str(said))["code"] == 1008
    assert closed == Close(1008, error)
    assert client.errors == [error]
    client.tell(BLANK, END, "more")
    client.wait(60)
    assert len(client.received) == 2, "nothing follows"


def test_binary_messages_are_not_of_the_protocol() -> None:
    client = Client()
    client.session.receive_audio(b"x", client.now)
    client.wait(0)
    assert client.last == Close(1008, "invalid_input_message")


def test_a_client_that_says_nothing_is_closed_and_blanks_keep_it_open() -> None:
    client = Client(inactivity_timeout_s=20)
    for _ in range(3):
        client.wait(19)
        client.tell(BLANK)
    assert client.received == []
    client.wait(20)
    assert client.last == Close(1008, "input_timeout_exceeded")
    assert "the timeout of 20 seconds" in client.messages[0]["message"]


def test_who_has_ended_is_not_timed_out() -> None:
    client = Client(inactivity_timeout_s=1)
    client.tell(BLANK, {"text": "x" * 200}, END)
    client.wait(30)
    assert client.last == Close(1000, "")
    assert client.spoken == "x" * 200


def test_a_client_that_writes_far_ahead_of_what_it_hears_is_stopped() -> None:
    client = Client(credit=10_000_000)
    client.tell(BLANK)
    for _ in range(300):
        client.session.receive_text(json.dumps({"text": "x" * 1_000, "flush": True}), client.now)
    client.wait(0)
    assert client.last == Close(1008, "max_character_limit_exceeded")


TEXTS = st.lists(
    st.fixed_dictionaries(
        {"text": st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)},
        optional={"flush": st.booleans(), "try_trigger_generation": st.booleans()},
    ),
    max_size=12,
)


@given(TEXTS, st.lists(st.floats(0, 3), min_size=12, max_size=12), st.just(0.0) | st.floats(0.5, 50), st.booleans())
def test_every_text_is_spoken_once_and_in_order(
    texts: list[dict[str, Any]], pauses: list[float], speed: float, auto: bool
) -> None:
    client = Client(speed=speed, auto_mode=auto)
    client.tell(BLANK)
    for message, pause in zip(texts, pauses, strict=False):
        client.tell(message)
        client.wait(pause)
    client.tell(END)
    client.wait(10_000)
    said = "".join(each["text"] for each in texts)
    assert "".join(client.spoken.split()) == "".join(said.split()), "but for blanks between texts"
    assert len(client.audio) == pytest.approx(len(client.spoken) * 800, abs=len(client.messages))
    assert client.last == Close(1000, "")
    assert [when for when, _ in client.received] == sorted(when for when, _ in client.received)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("text", "flush", "voice_settings", "generation_config", "xi_api_key", "xi-api-key", "authorization")


@given(st.lists(st.text(max_size=10) | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), max_size=8))
def test_whatever_comes_a_session_ends_once_and_in_order(messages: list[Any]) -> None:
    client = Client(authenticated=False)
    client.tell(*messages)
    client.wait(1_000)
    closes = [output for _, output in client.received if isinstance(output, Close)]
    assert len(closes) == 1
    assert client.last == closes[0]
    assert client.session.state is State.CLOSED
    assert len(client.errors) == (closes[0].code == 1008)
