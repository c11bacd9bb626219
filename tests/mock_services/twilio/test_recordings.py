"""The account's recordings are bounded in number and length."""

from mock_services.twilio.recordings import Recording, RecordingLog

ULAW = bytes(range(160)) * 100  # two seconds


def log(kept: int = 2, longest_s: float = 60.0) -> RecordingLog:
    return RecordingLog(kept, longest_s, "https://api.lab.example")


def said(recording: Recording) -> Recording:
    recording.tape.caller(ULAW, recording.tape.began)
    recording.finish(recording.tape.began + 2)
    return recording


def test_a_recording_is_as_long_as_it_ran_and_tells_where_it_is() -> None:
    recording = said(log().begin("CA1", "RecordVerb", at=100.0))
    assert (recording.status, recording.duration) == ("completed", 2)
    assert dict(recording.fields("AC1")) == {
        "RecordingUrl": f"https://api.lab.example/2010-04-01/Accounts/AC1/Recordings/{recording.sid}",
        "RecordingSid": recording.sid,
        "RecordingDuration": "2",
    }


def test_it_ends_once() -> None:
    recording = said(log().begin("CA1", "RecordVerb", at=100.0))
    recording.finish(200.0)
    assert recording.duration == 2


def test_one_without_a_length_is_absent() -> None:
    recording = log().begin("CA1", "RecordVerb", at=100.0)
    recording.finish(100.0)
    assert (recording.status, recording.duration) == ("absent", 0)


def test_it_has_a_greatest_length() -> None:
    assert said(log(longest_s=1.0).begin("CA1", "RecordVerb", at=100.0)).tape.seconds == 1.0


def test_the_oldest_that_is_over_goes_first() -> None:
    recordings = log()
    going_on = recordings.begin("CA1", "RecordVerb")
    first = said(recordings.begin("CA1", "RecordVerb"))
    second = said(recordings.begin("CA2", "RecordVerb"))
    assert first.sid not in recordings.by_sid
    assert [each.sid for each in recordings.newest()] == [second.sid, going_on.sid]
    assert [each.sid for each in recordings.newest("CA2")] == [second.sid]


def test_while_as_many_as_are_kept_go_on_a_further_one_records_nothing() -> None:
    recordings = log()
    for _ in range(2):
        recordings.begin("CA1", "RecordVerb")
    further = said(recordings.begin("CA1", "RecordVerb"))
    assert (further.status, len(recordings.by_sid)) == ("absent", 2)
