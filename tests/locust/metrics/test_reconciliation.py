"""What one side sent, held against what the other got: nothing lost or doubled goes unnamed, and nothing else fails."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import reconciliation
from metrics.reconciliation import (
    SENDGRID,
    STRIPE,
    SUITE,
    TARGET,
    TWILIO,
    Book,
    Difference,
    Sides,
    Tally,
    compare,
    reconcile,
)


def tally(ids: str = "", unnamed: int = 0, uncertain: int = 0) -> Tally:
    """One whose items are named by letters."""
    return Tally(Counter(ids), unnamed, uncertain)


def held(sent: Tally, got: Tally) -> Difference:
    return compare("sms", "here", sent, "there", got)


@pytest.mark.parametrize(
    ("sent", "got", "lost", "doubled"),
    [
        pytest.param(tally("abc"), tally("cab"), "", "", id="the same in another order"),
        pytest.param(tally("abc"), tally("ac"), "b", "", id="one is lost"),
        pytest.param(tally("abc"), tally("abbc"), "", "b", id="one came twice"),
        pytest.param(tally("aab"), tally("ab"), "a", "", id="one of two alike is lost"),
        pytest.param(tally("ab"), tally("ac"), "b", "c", id="another one came"),
        pytest.param(tally(), tally("x"), "", "x", id="one was never sent"),
        pytest.param(
            tally("ab"), tally("a", unnamed=1), "", "", id="one without a name may be the one that is missing"
        ),
        pytest.param(tally("a", unnamed=1), tally("ab"), "", "", id="one without a name may be the one too many"),
        pytest.param(tally("ab"), tally("a", uncertain=1), "", "", id="it may have come"),
        pytest.param(tally("a", uncertain=1), tally("ab"), "", "", id="it may have been sent"),
        pytest.param(tally("ab", uncertain=1), tally("a"), "b", "", id="what may have been sent excuses no loss"),
        pytest.param(tally("a"), tally("ab", uncertain=1), "", "b", id="what may have come excuses no double"),
    ],
)
def test_what_is_lost_or_doubled_is_named(sent: Tally, got: Tally, lost: str, doubled: str) -> None:
    found = held(sent, got)
    assert (found.lost, found.doubled) == (len(lost), len(doubled))
    assert ("".join(found.lost_ids), "".join(found.doubled_ids)) == (lost, doubled)


def test_what_has_no_name_is_counted() -> None:
    assert held(tally(unnamed=3), tally(unnamed=1)).lost == 2
    assert held(tally(unnamed=1), tally("ab", unnamed=2)).doubled == 3


TALLIES = st.builds(tally, st.text("abcd", max_size=8), st.integers(0, 4), st.just(0))


@given(TALLIES)
def test_a_side_agrees_with_itself(one: Tally) -> None:
    found = held(one, one)
    assert (found.lost, found.doubled) == (0, 0)


@given(TALLIES, TALLIES)
def test_a_difference_seen_from_the_other_side_is_the_same(one: Tally, other: Tally) -> None:
    there, back = held(one, other), held(other, one)
    assert (there.lost, there.doubled) == (back.doubled, back.lost)


@given(TALLIES, TALLIES)
def test_what_arrived_is_what_was_sent_without_the_lost_and_with_the_doubled(sent: Tally, got: Tally) -> None:
    found = held(sent, got)
    assert sent.count - found.lost + found.doubled == got.count


@given(TALLIES, TALLIES, st.integers(0, 3), st.integers(0, 3))
def test_uncertainty_only_excuses(sent: Tally, got: Tally, unsure: int, unsure_too: int) -> None:
    plain = held(sent, got)
    excused = held(
        Tally(sent.ids, sent.unnamed, unsure),
        Tally(got.ids, got.unnamed, unsure_too),
    )
    assert excused.lost == max(0, plain.lost - unsure_too)
    assert excused.doubled == max(0, plain.doubled - unsure)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["", "a", "b"]), st.booleans())))
def test_tallies_of_many_workers_add_up_to_one(items: list[tuple[int, str, bool]]) -> None:
    workers = [Tally() for _ in range(3)]
    one, master = Tally(), Tally()
    for worker, identity, certain in items:
        workers[worker].add(identity, certain=certain)
        one.add(identity, certain=certain)
    for each in workers:
        master.merge(Tally.from_facts(each.facts()))
    assert master == one


def test_a_tally_forgets_names_before_it_miscounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "IDS_KEPT", 2)
    kept = Tally()
    for name in "abca":
        kept.add(name)
    assert kept == tally("aab", unnamed=1)
    other = Tally()
    other.merge(tally("abcc"))
    assert other == tally("ab", unnamed=2)


def test_what_is_compared_by_number_alone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "IDS_KEPT", 2)
    outcome = reconcile(sides(suite={"call": tally("ab", unnamed=1)}, twilio={"call": tally("ab", unnamed=1)}))
    assert outcome.differences == []
    assert len(outcome.not_compared) == 2
    assert outcome.not_compared[0].startswith(
        "calls were compared by their number alone beyond the first 2 of the suite: "
    )


def test_only_what_came_since_counts() -> None:
    assert tally("aab", 3, 1).since(tally("a", 1, 1)) == tally("ab", 2, 0)


# All sides.


def sides(**books: Mapping[str, Tally]) -> Sides:
    names = {"suite": SUITE, "twilio": TWILIO, "sendgrid": SENDGRID, "stripe": STRIPE, "target": TARGET}
    found: dict[str, Book] = {name: books.get(key, {}) for key, name in names.items()}
    return Sides(found)


def test_a_run_in_which_nothing_happened_has_no_row() -> None:
    outcome = reconcile(sides())
    assert (outcome.rows, outcome.not_compared, outcome.differences) == ((), (), [])


def test_a_message_that_the_target_only_says_it_sent_fails_by_the_number_it_was_for() -> None:
    outcome = reconcile(
        sides(
            suite={"sms": Tally(Counter(["+1555", "+1666"]))},
            target={"sms": Tally(Counter(["SM1"]), unnamed=1)},
            twilio={"sms": Tally(Counter(["SM1"])), "sms to": Tally(Counter(["+1555"]))},
        )
    )
    assert outcome.differences == [
        "sms lost between the suite and the Twilio double: 1 of 2 (+1666)",
        "sms lost between the target and the Twilio double: 1 of 2",
    ]
    (row,) = outcome.rows
    assert row.facts() == {
        "kind": "sms",
        "suite": 2,
        "suite_possible": 0,
        "double": 1,
        "target": 2,
        "ok": False,
        "lost": ["+1666"],
        "lost_count": 1,
        "doubled": [],
        "doubled_count": 0,
    }


def test_a_webhook_that_arrives_twice_and_one_that_never_does_are_each_of_their_kind() -> None:
    sent = {"webhook incoming-call": tally("ab"), "webhook call-status": tally("ab")}
    got = {"webhook incoming-call": tally("aab"), "webhook call-status": tally("a")}
    outcome = reconcile(sides(twilio=sent, target=got))
    assert outcome.differences == [
        "call-status webhooks lost between the Twilio double and the target: 1 of 2 (b)",
        "incoming-call webhooks doubled between the Twilio double and the target: 1 more than the 2 that were sent (a)",
    ]


def test_a_call_that_was_never_answered_may_be_unknown_to_the_target() -> None:
    placed = {"call": tally("abc"), "call answered": tally("ab")}
    suite = {"call": tally("abc")}
    assert reconcile(sides(suite=suite, twilio=placed, target={"call": tally("ab")})).differences == []
    assert reconcile(sides(suite=suite, twilio=placed, target={"call": tally("abc")})).differences == []
    (lost,) = reconcile(sides(suite=suite, twilio=placed, target={"call": tally("a")})).differences
    assert lost == "calls lost between the Twilio double and the target: 1 of 2 (b)"


def test_a_mail_or_payment_given_twice_is_doubled() -> None:
    outcome = reconcile(
        sides(
            suite={"mail": tally("p", uncertain=1)},
            target={"mail": tally("m"), "payment": tally("s")},
            sendgrid={"mail": tally("mn"), "mail to": tally("ppp")},
            stripe={"payment": tally("st")},
        )
    )
    assert outcome.differences == [
        "mails doubled between the suite and the SendGrid stub: 1 more than the 1 that were sent (among p, p)",
        "mails doubled between the target and the SendGrid stub: 1 more than the 1 that were sent (n)",
        "payments doubled between the target and the Stripe stub: 1 more than the 1 that were sent (t)",
    ]
    assert outcome.rows[0].suite_possible == 1


def test_a_target_that_shows_nothing_is_left_out_and_named_once() -> None:
    both = sides(
        suite={"sms": tally("abb"), "call": tally("c")},
        twilio={"call": tally("c"), "call answered": tally("c"), "webhook call-status": tally("c")},
    )
    del both.books[TARGET]
    both.absent[TARGET] = "it shows none"
    both.strays[TWILIO] = {"sms to": tally("abbzz"), "sms": tally("12345")}
    outcome = reconcile(both)
    assert outcome.differences == []
    assert outcome.not_compared == ("what concerns the target was not compared: it shows none",)
    assert [(row.kind, row.suite, row.target) for row in outcome.rows] == [
        ("calls", 1, None),
        ("sms", 3, None),
        ("call-status webhooks", None, None),
    ]
    both.strays[TWILIO] = {"sms to": tally("abzz")}
    assert reconcile(both).differences == ["sms lost between the suite and the Twilio double: 1 of 3 (b)"]


def test_a_side_that_is_away_matters_only_where_there_was_something() -> None:
    both = sides(suite={"mail": tally("a")})
    del both.books[SENDGRID], both.books[STRIPE]
    both.absent = {SENDGRID: "it does not answer", STRIPE: "neither does it"}
    outcome = reconcile(both)
    assert outcome.differences == []
    assert outcome.not_compared == ("what concerns the SendGrid stub was not compared: it does not answer",)


def test_of_many_names_a_sentence_shows_the_first() -> None:
    many = Tally(Counter(f"SM{number}" for number in range(9)))
    (sentence,) = held(many, Tally()).sentences()
    assert sentence == "sms lost between here and there: 9 of 9 (SM0, SM1, SM2, SM3, SM4, …)"
