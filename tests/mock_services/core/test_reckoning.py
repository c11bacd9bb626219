"""What a service did for each run, item by item, within bounds."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mock_services.core import reckoning
from mock_services.core.reckoning import Reckoning, webhook_identity, webhook_kind

ITEMS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("sms", "mail")), st.sampled_from(("", "1", "2"))))


def tally(reckoning: Reckoning, run_id: str, kind: str) -> Any:
    return reckoning.facts(run_id)["kinds"].get(kind)


@given(ITEMS)
def test_every_item_of_a_run_is_counted_once_and_by_its_identity(items: list[tuple[str, str, str]]) -> None:
    book = Reckoning()
    for run_id, kind, identity in items:
        book.note(run_id, kind, identity)
    for run_id in "ab":
        for kind in ("sms", "mail"):
            mine = [identity for run, what, identity in items if (run, what) == (run_id, kind)]
            found = tally(book, run_id, kind)
            assert (found or {"count": 0})["count"] == len(mine)
            if found:
                assert found["ids"] == Counter(filter(None, mine))
                assert found["unnamed"] == mine.count("")


def test_an_item_that_is_not_certain_is_counted_apart() -> None:
    book = Reckoning()
    book.note("run", "webhook call-status", "CA1", certain=False)
    assert tally(book, "run", "webhook call-status") == {"count": 0, "ids": {}, "unnamed": 0, "uncertain": 1}


def test_what_is_under_way_is_told_until_it_is_over() -> None:
    book = Reckoning(pending=lambda run_id: 2 if run_id == "run" else 0)
    with book.under_way("run"):
        assert book.facts("run")["under_way"] == 3
        assert book.facts("other")["under_way"] == 0
    assert book.facts("run")["under_way"] == 2


def test_memory_is_bounded_and_the_count_stays_exact(monkeypatch: Any) -> None:
    monkeypatch.setattr(reckoning, "IDS_KEPT", 3)
    monkeypatch.setattr(reckoning, "KINDS_KEPT", 2)
    monkeypatch.setattr(reckoning, "RUNS_KEPT", 2)
    book = Reckoning()
    for number in range(10):
        book.note("run", "sms", str(number))
        book.note("run", f"webhook {number}")
    found = tally(book, "run", "sms")
    assert found["count"] == 10
    assert found["unnamed"] == 7
    assert list(found["ids"]) == ["0", "1", "2"]
    assert len(book.facts("run")["kinds"]) == 2
    assert book.facts("run")["uncounted"] == 9, "what there was no room for is said"
    book.note("second", "sms")
    book.note("run", "sms", "0")
    book.note("third", "sms")
    assert book.facts("second")["kinds"] == {}, "the run that was silent for longest is forgotten first"
    assert [book.facts(run)["forgotten"] for run in ("run", "second", "third")] == [0, 1, 0]
    assert tally(book, "run", "sms")["count"] == 11
    book.note("second", "sms")
    assert book.facts("second")["forgotten"] == 1, "also once it counts again"


def test_after_it_was_cleared_it_says_since_when_it_remembers() -> None:
    book = Reckoning()
    before = book.facts("run")["since"]
    book.note("run", "sms")
    book.clear()
    assert book.facts("run")["kinds"] == {}
    assert book.facts("run")["since"] > before


def test_both_sides_name_a_webhook_alike() -> None:
    assert webhook_kind("/api/telephony/webhook/call-status/") == "webhook call-status"
    assert webhook_identity({"CallSid": "CA1", "CallStatus": "completed", "From": "+1"}) == "CA1 completed"
    assert webhook_identity({"MessageSid": "SM1", "MessageStatus": "sent", "SmsSid": "SM1"}) == "SM1 sent"
    assert webhook_identity({}) == ""
