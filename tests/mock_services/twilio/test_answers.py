"""What callers do when a call listens, and what Twilio makes of it: no clock, no call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mock_services.twilio.protocol.answers import Act, cut_off, gather, lines_in, moments, over_prompt, record
from mock_services.twilio.protocol.turns import Script
from mock_services.twilio.protocol.verbs import Gather, Record

ANSWERS = st.lists(st.sampled_from(["1", "42#", "w", "5w*", "caller-hours", "caller-hello", "hangup"])).map(" ".join)
SECONDS = st.floats(0, 10).map(lambda seconds: round(seconds, 1))
GATHERS = st.builds(
    Gather,
    dtmf=st.booleans(),
    speech=st.booleans(),
    timeout=SECONDS,
    speech_timeout=st.none() | SECONDS,
    finish_on_key=st.sampled_from(["#", "", "*#"]),
    num_digits=st.none() | st.integers(1, 4),
)
RECORDS = st.builds(
    Record, timeout=SECONDS, max_length=SECONDS, finish_on_key=st.sampled_from(["#", "", "12"]), trim=st.booleans()
)


def two_seconds(_line: str) -> float:
    return 2.0


def test_an_answer_is_laid_out_in_time() -> None:
    first, second, spoken, gone = moments("1w2 caller-hours hangup", two_seconds)
    assert [(each.act, each.value) for each in (first, second)] == [(Act.KEY, "1"), (Act.KEY, "2")]
    assert second.at == pytest.approx(0.8)
    assert (spoken.value, spoken.until - spoken.at) == ("caller-hours", 2.0)
    assert (gone.act, gone.at) == (Act.HANG_UP, spoken.until)


def test_an_answer_over_the_prompt_is_the_same_answer() -> None:
    assert over_prompt("!12")
    assert not over_prompt("12")
    assert moments("!12", two_seconds) == moments("12", two_seconds)
    assert lines_in("!1 caller-hours # hangup") == ["caller-hours"]


@pytest.mark.parametrize("answer", ["Hello!", "12x", "caller_hours", "!!1"])
def test_an_answer_that_is_none_is_refused(answer: str) -> None:
    with pytest.raises(ValidationError, match="neither keys"):
        Script.model_validate({"answers": [answer]})


@pytest.mark.parametrize(
    ("verb", "answer", "digits", "speech"),
    [
        (Gather(), "12#3", "12", ()),
        (Gather(), "#", "", ()),
        (Gather(finish_on_key=""), "1#", "1#", ()),
        (Gather(num_digits=2), "123", "12", ()),
        (Gather(timeout=0.4), "1ww2", "1", ()),
        (Gather(), "caller-hours", "", ()),
        (Gather(dtmf=False, speech=True), "1 caller-hours", "", ("caller-hours",)),
        (Gather(speech=True), "caller-hours 1#", "1", ()),
        (Gather(speech=True, speech_timeout=0), "caller-hours w caller-hello", "", ("caller-hours",)),
        (Gather(speech=True, speech_timeout=2), "caller-hours w caller-hello", "", ("caller-hours", "caller-hello")),
        (Gather(), "", "", ()),
    ],
)
def test_input_is_gathered(verb: Gather, answer: str, digits: str, speech: tuple[str, ...]) -> None:
    gathered = gather(verb, moments(answer, two_seconds))
    assert (gathered.digits, gathered.speech, gathered.hung_up) == (digits, speech, False)


def test_speech_ends_after_silence() -> None:
    spoken = moments("caller-hours", two_seconds)
    assert gather(Gather(speech=True, speech_timeout=3), spoken).at == 5
    assert gather(Gather(speech=True, speech_timeout=None), spoken).at == 3


def test_a_caller_hangs_up_in_the_middle() -> None:
    assert gather(Gather(), moments("1 hangup", two_seconds)).hung_up
    assert not gather(Gather(num_digits=1), moments("1 hangup", two_seconds)).hung_up


@given(GATHERS, ANSWERS)
def test_what_is_gathered_was_done_in_time(verb: Gather, answer: str) -> None:
    course = moments(answer, two_seconds)
    gathered = gather(verb, course)
    pressed = "".join(each.value for each in course if each.act is Act.KEY)
    assert not gathered.digits or verb.dtmf
    assert not gathered.speech or verb.speech
    assert not (gathered.digits and gathered.speech) or gathered.hung_up
    assert len(gathered.digits) <= (verb.num_digits or len(pressed))
    assert not set(gathered.digits) & set(verb.finish_on_key)
    assert pressed.startswith(gathered.digits) or not verb.dtmf
    assert gathered.at >= 0
    assert gathered.at <= (course[-1].until if course else 0) + max(
        verb.timeout, 1.0 if verb.speech_timeout is None else verb.speech_timeout
    )


@pytest.mark.parametrize(
    ("verb", "answer", "begin", "end", "key"),
    [
        (Record(), "caller-hours", 0, 2, ""),
        (Record(), "w caller-hours #", 0.5, 2.5, "#"),
        (Record(trim=False), "w caller-hours #", 0, 2.5, "#"),
        (Record(finish_on_key="#"), "1 caller-hours", 0.3, 2.3, ""),
        (Record(max_length=1), "caller-hours", 0, 1, ""),
        (Record(), "caller-hours hangup", 0, 2, "hangup"),
        (Record(timeout=0.2), "caller-hours w caller-hello", 0, 2, ""),
        (Record(timeout=1), "caller-hours w caller-hello", 0, 4.5, ""),
    ],
)
def test_what_is_said_is_recorded(verb: Record, answer: str, begin: float, end: float, key: str) -> None:
    recorded = record(verb, moments(answer, two_seconds))
    assert [recorded.begin, recorded.end] == pytest.approx([begin, end])
    assert recorded.key == key


@given(RECORDS, ANSWERS, st.floats(0, 10))
def test_a_recording_that_is_cut_off_ends_there_with_what_was_said(verb: Record, answer: str, at: float) -> None:
    course = moments(answer, two_seconds)
    whole = record(verb, course)
    at = min(at, whole.at)
    cut = record(verb, cut_off(course, at))
    assert (cut.at, cut.key) == (at, "hangup")
    assert cut.lines == tuple(line for line in whole.lines if line[0] < at)
    assert cut.end <= max(at, cut.begin)


def test_silence_is_no_recording() -> None:
    assert record(Record(), moments("", two_seconds)).lines == ()
    assert record(Record(), moments("hangup", two_seconds)).key == "hangup"


@given(RECORDS, ANSWERS)
def test_a_recording_has_its_bounds(verb: Record, answer: str) -> None:
    recorded = record(verb, moments(answer, two_seconds))
    assert 0 <= recorded.begin <= recorded.end <= max(recorded.at, recorded.begin)
    assert recorded.at <= verb.max_length
    assert all(recorded.begin <= at <= recorded.at for at, _ in recorded.lines)
    assert recorded.key in {"", "hangup", *verb.finish_on_key}
