"""A live transcription: what comes when, in audio time, and how a stream ends."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from mock_services.core.conversation import Close, Output
from mock_services.deepgram.listen.options import read_options
from mock_services.deepgram.listen.session import ListenSession
from mock_services.deepgram.tally import ListenTally
from mock_services.deepgram.timing import ListenTiming
from tests.mock_services.deepgram.listen.sounds import CALLER, pcm, pcm_silence, tone, ulaw_silence, wave

PLATFORM = {
    "channels": "1",
    "encoding": "linear16",
    "endpointing": "true",
    "interim_results": "true",
    "language": "en-US",
    "model": "nova-2",
    "multichannel": "false",
    "no_delay": "true",
    "numerals": "true",
    "punctuate": "true",
    "sample_rate": "16000",
    "smart_format": "true",
    "utterance_end_ms": "1500",
    "vad_events": "true",
}
MULAW = {"model": "nova-3", "encoding": "mulaw", "sample_rate": "8000"}


class Client:
    """A session with its clock: what is sent when, without any waiting."""

    def __init__(self, options: dict[str, str], **timing: Any) -> None:
        self.now = 100.0
        self.tally = ListenTally()
        self.session = ListenSession(
            "r-1", read_options(options), ListenTiming(**timing), Random(3), self.tally, self.now
        )
        self.received: list[tuple[float, Output]] = []

    def run(self, ms: float) -> Client:
        end = self.now + ms / 1000
        while self.session.due <= end:
            self.now = max(self.now, self.session.due)
            self.received += [(self.now, output) for output in self.session.poll(self.now)]
        self.now = end
        return self

    def hear(self, audio: bytes, piece: int = 640, piece_ms: float = 20) -> Client:
        """Send audio in real time."""
        for start in range(0, len(audio), piece):
            self.session.receive_audio(audio[start : start + piece], self.now)
            self.run(piece_ms)
        return self

    def dump(self, audio: bytes) -> Client:
        """Send audio at once."""
        self.session.receive_audio(audio, self.now)
        return self

    def say(self, kind: str, **fields: Any) -> Client:
        self.session.receive_text(json.dumps({"type": kind, **fields}), self.now)
        return self

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        texts = [json.loads(output) for _, output in self.received if isinstance(output, str)]
        return [text for text in texts if kind in (None, text["type"])]

    def finals(self) -> list[dict[str, Any]]:
        return [result for result in self.messages("Results") if result["is_final"]]

    def transcripts(self) -> list[str]:
        return [text for text in map(transcript, self.finals()) if text]

    def closed(self) -> Close | None:
        return next((output for _, output in self.received if isinstance(output, Close)), None)


def transcript(result: dict[str, Any]) -> str:
    text: str = result["channel"]["alternatives"][0]["transcript"]
    return text


def test_what_the_platform_sends_comes_back_as_words() -> None:
    line = CALLER["prices"]
    client = Client(PLATFORM)
    client.hear(pcm_silence(500) + pcm(line.ulaw) + pcm_silence(2000))
    assert client.messages()[0] == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.5}
    assert " ".join(client.transcripts()) == line.text
    *earlier, last = [result for result in client.finals() if transcript(result)]
    assert last["speech_final"]
    assert not any(result["speech_final"] for result in earlier)
    (end,) = client.messages("UtteranceEnd")
    word = last["channel"]["alternatives"][0]["words"][-1]
    assert word["punctuated_word"] == "costs?"
    assert word["word"] == "costs"
    assert end == {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": word["end"]}
    assert 4.0 < word["end"] <= 0.5 + line.duration_ms / 1000

    result = client.messages("Results")[0]
    assert set(result) == {
        "type", "channel_index", "duration", "start", "is_final", "speech_final", "channel", "metadata", "from_finalize"
    }  # fmt: skip
    assert result["metadata"]["request_id"] == "r-1"
    assert result["metadata"]["model_info"]["arch"] == "nova-2"
    assert set(result["metadata"]["model_info"]) == {"name", "version", "arch"}


def test_results_come_the_set_time_after_their_audio_and_in_order() -> None:
    client = Client(PLATFORM, result_ms=400.0)
    client.hear(pcm(CALLER["hours"].ulaw) + pcm_silence(1000))
    (sent_at,) = [at for at, out in client.received if isinstance(out, str) and json.loads(out).get("speech_final")]
    heard_at = 100.0 + CALLER["hours"].duration_ms / 1000 + 0.3 - 0.02
    assert sent_at == pytest.approx(heard_at + 0.4)
    assert [at for at, _ in client.received] == sorted(at for at, _ in client.received)


def test_interim_results_cover_what_is_open_every_second() -> None:
    client = Client(PLATFORM).hear(tone(3500)).run(1000)
    interims = [result for result in client.messages("Results") if not result["is_final"]]
    assert [(each["start"], each["duration"]) for each in interims] == [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]
    texts = [transcript(each) for each in interims]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len(texts[0]) < len(texts[1]) < len(texts[2])

    options = {name: value for name, value in PLATFORM.items() if name not in {"interim_results", "utterance_end_ms"}}
    client = Client(options).hear(tone(3500) + pcm_silence(3000)).run(1000)
    assert all(result["is_final"] for result in client.messages("Results"))
    assert client.messages("UtteranceEnd") == []


def test_finals_lie_end_to_end_through_long_speech_and_silence() -> None:
    client = Client(PLATFORM).hear(tone(9000) + pcm_silence(9000) + tone(500)).say("CloseStream").run(1000)
    finals = client.finals()
    at = 0.0
    for result in finals:
        assert result["start"] == pytest.approx(at)
        at = result["start"] + result["duration"]
    assert at == pytest.approx(18.5)
    assert max(result["duration"] for result in finals) <= 4.0
    assert sum(not transcript(result) for result in finals) >= 2  # silence has results too, empty ones
    speech = [result for result in finals if transcript(result)]
    assert [result["speech_final"] for result in speech] == [False, False, True, True]
    words = [word for result in speech for word in result["channel"]["alternatives"][0]["words"]]
    assert all(earlier["end"] <= later["start"] for earlier, later in pairwise(words))
    for result in speech:  # no word is cut where the result is
        for word in result["channel"]["alternatives"][0]["words"]:
            assert result["start"] <= word["start"] < word["end"] <= result["start"] + result["duration"] + 1e-9


@pytest.mark.parametrize(("endpointing", "pause_ms", "ends"), [("10", 400, 2), ("1000", 400, 1), ("false", 400, 0)])
def test_endpointing_says_how_much_silence_ends_speech(endpointing: str, pause_ms: int, ends: int) -> None:
    options = PLATFORM | {"endpointing": endpointing}
    client = Client(options).hear(tone(500) + pcm_silence(pause_ms) + tone(500) + pcm_silence(1200)).run(1000)
    assert sum(result["speech_final"] for result in client.finals()) == ends
    client.say("CloseStream").run(1000)
    spoken = [word for r in client.finals() for word in r["channel"]["alternatives"][0]["words"]]
    assert spoken[0]["start"] == 0.0
    assert spoken[-1]["end"] == pytest.approx((1000 + pause_ms) / 1000)


def test_a_click_is_no_speech() -> None:
    client = Client(PLATFORM).hear(tone(40) + pcm_silence(3000)).run(1000)
    assert client.messages("SpeechStarted") == []
    assert client.transcripts() == []


def test_a_word_that_begins_at_a_results_end_is_not_lost() -> None:
    line = CALLER["thanks"]
    client = Client(PLATFORM).hear(pcm_silence(3960) + pcm(line.ulaw) + pcm_silence(1000)).run(1000)
    assert " ".join(client.transcripts()) == line.text


def test_finalize_gives_what_is_open_at_once() -> None:
    client = Client(PLATFORM).hear(pcm(CALLER["visit"].ulaw)[: 16_000 * 2]).say("Finalize").run(1000)
    (result,) = client.finals()
    assert result["from_finalize"]
    assert CALLER["visit"].text.startswith(transcript(result))
    assert transcript(result)
    client.hear(pcm(CALLER["visit"].ulaw)[16_000 * 2 :] + pcm_silence(500)).run(1000)
    said = " ".join(client.transcripts())
    assert said == CALLER["visit"].text
    client.say("Finalize").run(1000)
    assert client.finals()[-1]["from_finalize"]
    assert transcript(client.finals()[-1]) == ""


@pytest.mark.parametrize("end", ["CloseStream", "an empty message"])
def test_a_stream_ends_with_its_metadata(end: str) -> None:
    audio = pcm(CALLER["hello"].ulaw)
    client = Client(PLATFORM).hear(audio, piece=1000, piece_ms=31)
    if end == "CloseStream":
        client.say(end)
    else:
        client.dump(b"")
    client.run(1000)
    assert transcript(client.finals()[-1]) == CALLER["hello"].text
    metadata = client.messages()[-1]
    assert metadata["type"] == "Metadata"
    assert metadata["sha256"] == hashlib.sha256(audio).hexdigest()
    assert metadata["duration"] == pytest.approx(len(audio) / 32_000)
    assert (metadata["request_id"], metadata["channels"], metadata["transaction_key"]) == ("r-1", 1, "deprecated")
    assert metadata["model_info"][metadata["models"][0]]["arch"] == "nova-2"
    assert client.closed() == Close(1000, "")
    client.dump(audio).say("Finalize").run(20_000)
    assert client.messages()[-1] == metadata, "nothing follows"


def test_ten_seconds_of_nothing_close_the_stream_and_keep_alive_prevents_it() -> None:
    client = Client(PLATFORM)
    for _ in range(4):
        client.run(9_000).say("KeepAlive")
    client.run(9_990)
    assert client.closed() is None
    client.run(20)
    closed = client.closed()
    assert closed is not None
    assert closed.code == 1011
    assert closed.reason.startswith("NET-0001")
    assert client.messages() == []  # KeepAlive has no reply
    assert client.tally.errors == {"NET-0001": 1}


@pytest.mark.parametrize("text", ["", "{", "7", "null", '{"type":"Nonsense"}', '{"type":7}', "{}"])
def test_a_message_that_is_none_is_reported_and_changes_nothing(text: str) -> None:
    client = Client(PLATFORM)
    client.session.receive_text(text, client.now)
    client.run(1000)
    (error,) = client.messages()
    assert (error["type"], error["variant"], error["message"]) == ("Error", "SchemaError", text)
    client.hear(pcm(CALLER["hours"].ulaw) + pcm_silence(500)).run(1000)
    assert client.transcripts() == [CALLER["hours"].text]


def test_keyterms_may_be_changed_where_the_model_takes_them() -> None:
    client = Client(MULAW).say("Configure", keyterms=["columbarium"], features={"numerals": True}).run(1000)
    assert client.messages() == [{"type": "ConfigureSuccess", "request_id": "r-1", "keyterms": ["columbarium"]}]
    client = Client(PLATFORM).say("Configure", keyterms=[]).say("Configure").run(1000)
    failure, success = client.messages()
    assert (failure["type"], failure["code"]) == ("ConfigureFailure", "CONFIGURE_KEYTERMS_NOT_SUPPORTED")
    assert success == {"type": "ConfigureSuccess", "request_id": "r-1"}


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_a_recording_is_known_at_every_rate_that_holds_its_samples(rate: int) -> None:
    line = CALLER["transfer"]
    audio = pcm(line.ulaw, rate // 8_000) + pcm_silence(400, rate)
    client = Client(PLATFORM | {"sample_rate": str(rate)}).dump(audio).run(1000)
    assert client.transcripts() == [line.text]


def test_telephone_audio_is_heard_too() -> None:
    line = CALLER["flowers"]
    client = Client(MULAW).hear(line.ulaw + ulaw_silence(400), piece=160).run(1000)
    assert client.transcripts() == ["where should the flowers be delivered for the service on saturday"]
    words = client.finals()[-1]["channel"]["alternatives"][0]["words"]
    assert "punctuated_word" not in words[0]
    assert "speaker" not in words[0]
    assert client.messages("SpeechStarted") == []  # nobody asked for events
    client = Client(MULAW | {"diarize": "true"}).dump(line.ulaw + ulaw_silence(400)).run(1000)
    assert client.finals()[-1]["channel"]["alternatives"][0]["words"][0]["speaker"] == 0


def test_each_channel_has_its_own_results_where_that_is_asked_for() -> None:
    one, other = CALLER["hours"].ulaw, CALLER["hello"].ulaw
    length = max(len(one), len(other)) + 8_000
    pair = zip(one.ljust(length, b"\xff"), other.ljust(length, b"\xff"), strict=True)
    audio = bytes(code for both in pair for code in both)
    client = Client(MULAW | {"channels": "2", "multichannel": "true", "punctuate": "true"}).dump(audio).run(1000)
    said = {tuple(result["channel_index"]): transcript(result) for result in client.finals() if transcript(result)}
    assert said == {(0, 2): CALLER["hours"].text, (1, 2): CALLER["hello"].text}
    client = Client(MULAW | {"channels": "2", "punctuate": "true"}).dump(audio).run(1000)
    assert client.transcripts() == [CALLER["hours"].text]
    client.say("CloseStream").run(1000)
    assert client.messages("Metadata")[0]["channels"] == 2


def test_without_an_encoding_the_audio_says_itself_what_it_is() -> None:
    audio = wave(pcm(CALLER["hours"].ulaw) + pcm_silence(400))
    client = Client({"model": "nova-2", "punctuate": "true"}).dump(audio[:1000]).dump(audio[1000:]).run(1000)
    assert client.transcripts() == [CALLER["hours"].text]
    for noise in (b"\x00", b"OggS" + bytes(100), audio[:30]):
        client = Client({"model": "nova-2"}).dump(noise).run(1000)
        closed = client.closed()
        assert closed is not None
        assert closed.code == 1008
        assert closed.reason.startswith("DATA-0000")
    client = Client({"model": "nova-2"}).say("Finalize").say("CloseStream").run(1000)
    assert [message["type"] for message in client.messages()] == ["Metadata"]


def test_a_client_that_does_not_read_costs_bounded_memory() -> None:
    client = Client(PLATFORM)
    for _ in range(60):
        client.dump(pcm_silence(60_000))
    waiting = client.tally.finals + client.tally.interims
    assert client.tally.interims_left_out > 1_000
    assert waiting < 2_000
    for _ in range(30_000):
        client.say("Finalize")
    client.run(1000)
    closed = client.closed()
    assert closed is not None
    assert closed.reason.startswith("NET-0000")
    assert len(client.received) <= 20_001


def test_other_speech_gets_words_of_the_seed() -> None:
    def said(seed: int) -> list[str]:
        session = ListenSession("r", read_options(PLATFORM), ListenTiming(), Random(seed), ListenTally(), 0.0)
        session.receive_audio(tone(3000) + pcm_silence(500), 0.0)
        messages = [json.loads(output) for output in session.poll(1.0) if isinstance(output, str)]
        return [transcript(each) for each in messages if each["type"] == "Results" and each["is_final"]]

    assert said(1) == said(1)
    assert len({tuple(said(seed)) for seed in range(20)}) > 1
    assert len(said(1)[0].split()) == 8  # one in 400 ms
