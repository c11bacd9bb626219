"""A journal keeps the newest entries and counts them all."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.journal import BODY_KEPT, RUNS_KEPT, Journal

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["GET /a", "POST /b/{id}"]),
        st.sampled_from(["/a", "/b/1", "/b/2"]),
        st.sampled_from([0, 200, 503]),
        st.sampled_from(["", "run-1", "run-2"]),
        st.sampled_from(["", "fault x: reset"]),
        st.sampled_from([b"", b"CallSid=CA1", b"urn"]),
    )
)
Entries = list[tuple[str, str, int, str, str, bytes]]


def filled(entries: Entries, capacity: int = 10) -> Journal:
    journal = Journal(capacity)
    for name, path, status, run_id, note, body in entries:
        journal.add("http", name, path, status, 1.5, run_id, note, body)
    return journal


@given(ENTRIES)
def test_counters_miss_none_however_many_entries_are_dropped(entries: Entries) -> None:
    journal = filled(entries)
    counted = Counter((name, str(status)) for name, _, status, *_ in entries)
    totals = journal.totals()
    assert {(name, status): n for name, by in totals.items() for status, n in by.items()} == dict(counted)
    of_run = journal.totals_of("run-1")
    assert sum(n for by in of_run.values() for n in by.values()) == sum(each[3] == "run-1" for each in entries)
    assert len(journal.find(limit=1000)) + journal.dropped == len(entries)


@given(ENTRIES, st.sampled_from(["", "run-1"]), st.sampled_from(["", "/b"]), st.sampled_from(["", "CA1", "fault"]))
def test_what_is_found_is_what_was_asked_for_newest_first(entries: Entries, run: str, path: str, text: str) -> None:
    found = filled(entries).find(run_id=run, path=path, contains=text, limit=1000)
    expected = [
        (each[1], each[3])
        for each in reversed(entries[-10:])
        if run in ("", each[3]) and each[1].startswith(path) and (text in each[4] or text.encode() in each[5])
    ]
    assert [(entry["path"], entry["run_id"]) for entry in found] == expected


def test_a_body_is_kept_up_to_its_bound() -> None:
    journal = filled([("GET /a", "/a", 200, "", "", b"x" * (BODY_KEPT + 1))])
    assert journal.find()[0]["body"] == "x" * BODY_KEPT


def test_of_many_runs_the_newest_are_counted_by_themselves() -> None:
    journal = filled([("GET /a", "/a", 200, f"run-{n}", "", b"") for n in range(RUNS_KEPT + 1)])
    assert journal.totals_of("run-0") == {}
    assert journal.totals_of("run-1") == {"GET /a": {"200": 1}}
    assert journal.totals() == {"GET /a": {"200": RUNS_KEPT + 1}}
    journal.clear()
    assert (journal.totals(), journal.totals_of("run-1"), journal.find()) == ({}, {}, [])


def test_runs_that_made_room_for_newer_ones_are_counted() -> None:
    journal = Journal()
    for number in range(RUNS_KEPT + 3):
        journal.add("http", "GET /a", "/a", 200, 1.0, f"run-{number}", "", b"")
    assert journal.runs_dropped == 3
    assert journal.totals_of("run-2") == {}
    journal.clear()
    assert journal.runs_dropped == 0


def test_an_entry_says_that_its_body_was_cut() -> None:
    journal = Journal()
    for size in (BODY_KEPT - 1, BODY_KEPT + 1):
        journal.add("http", "GET /a", "/a", 200, 1.0, "", "", b"x" * size)
    assert [entry["body_cut"] for entry in journal.find()] == [True, False]


def test_credentials_are_neither_shown_nor_found() -> None:
    journal = filled(
        [
            ("POST /login", "/login", 200, "", "", b'{"email":"a@b.co","password":"hush7hush"}'),
            (
                "POST {voice}",
                "/voice",
                0,
                "",
                "http://target/voice?token=hush7hush answered 404",
                b"CallToken=hush7hush",
            ),
            ("GET /rsvp/{invitation_token}", "/rsvp/hush7hush", 200, "", "", b""),
        ]
    )
    assert "hush" not in str(journal.find())
    assert journal.find(contains="hush") == []
    assert journal.find(path="/rsvp/hush") == []
    (rsvp,) = journal.find(path="/rsvp/")
    (login,) = journal.find(contains="a@b.co")
    assert (rsvp["path"], login["body"]) == ("/rsvp/[hidden]", '{"email":"a@b.co","password":"[hidden]"}')
