"""TwiML names wss://; a lab opens ws:// where its target is plain, and only there."""

import pytest

from mock_services.twilio.protocol.stream_url import StreamUrlError, parse_map, resolve

PLAIN = "http://127.0.0.1:8001/api/telephony/webhook/incoming-call"


@pytest.mark.parametrize(
    ("url", "webhook", "opened"),
    [
        ("wss://127.0.0.1:8001/stream", PLAIN, "ws://127.0.0.1:8001/stream"),
        ("wss://LAB.example:81/s", "http://lab.example:81/v", "ws://LAB.example:81/s"),
        ("wss://127.0.0.1:8001/stream", PLAIN.replace("http", "https"), "wss://127.0.0.1:8001/stream"),
        ("wss://127.0.0.1:9000/stream", PLAIN, "wss://127.0.0.1:9000/stream"),
        ("wss://media.example/a/b", PLAIN, "ws://10.0.0.1:7/a/b"),
        ("wss://media.example", PLAIN, "ws://10.0.0.1:7"),
    ],
)
def test_the_url_that_is_opened(url: str, webhook: str, opened: str) -> None:
    assert resolve(url, webhook, {"wss://media.example": "ws://10.0.0.1:7"}) == opened


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ws://127.0.0.1:8001/stream", "not a wss:// URL"),
        ("https://127.0.0.1:8001/stream", "not a wss:// URL"),
        ("/stream", "not a wss:// URL"),
        ("", "not a wss:// URL"),
        ("wss:///stream", "not a wss:// URL"),
        ("wss://lab.example/s?token=1", "query"),
        ("wss://lab.example/s#x", "query or fragment"),
        ("wss://lab.example/a b", "characters"),
        ("wss://lab.example/a\r\nX-Evil: 1", "characters"),
        ("wss://lab.example/ü", "characters"),
        ("wss://[::1/s", "malformed"),
    ],
)
def test_what_twilio_does_not_open_is_refused(url: str, why: str) -> None:
    with pytest.raises(StreamUrlError, match=why):
        resolve(url, PLAIN, {})


def test_a_map_is_a_comma_separated_list() -> None:
    assert parse_map(" wss://a:1=ws://b:2, wss://c=wss://d ,") == {"wss://a:1": "ws://b:2", "wss://c": "wss://d"}
    assert parse_map("") == {}


@pytest.mark.parametrize("text", ["wss://a", "ws://a=ws://b", "wss://a=http://b", "wss://a/x=ws://b", "wss://=ws://b"])
def test_a_bad_entry_of_a_map_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        parse_map(text)
