"""The queue of webhooks, without sockets: nothing is lost or doubled, whatever order things happen in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.stripe.models import Cause
from mock_services.stripe.webhooks import RUNS_KEPT, Delivery, Outbox

ENDPOINT = {"id": "we_1", "url": "http://127.0.0.1:9/"}


def delivery(number: int = 0, run_id: str = "") -> Delivery:
    event: dict[str, Any] = {"id": f"evt_{number}", "type": "customer.created", "_cause": Cause(run_id=run_id)}
    return Delivery(event, ENDPOINT)


def test_the_earliest_comes_first_and_not_before_its_time() -> None:
    outbox = Outbox(10, retries=0, retry_s=1)
    late, early = delivery(1), delivery(2)
    outbox.add(late, 5.0)
    outbox.add(early, 3.0)
    assert (outbox.due, outbox.take(2.9)) == (3.0, None)
    assert [outbox.take(9.0), outbox.take(9.0), outbox.take(9.0)] == [early, late, None]
    assert outbox.due == float("inf")


def test_pauses_double() -> None:
    outbox = Outbox(10, retries=3, retry_s=1)
    outbox.add(delivery(), 0.0)
    now, pauses = 0.0, []
    while (taken := outbox.take(now)) is not None:
        outbox.done(taken, "HTTP 500", False, now)
        if outbox.due < float("inf"):
            pauses.append(outbox.due - now)
            now = outbox.due
    assert pauses == [1, 2, 4]
    assert outbox.counts == {"queued": 1, "attempts": 4, "retries": 3, "failed": 1}


def test_what_was_under_way_at_a_reset_is_not_counted_after_it() -> None:
    outbox = Outbox(10, retries=3, retry_s=1)
    outbox.add(delivery(run_id="run"), 0.0)
    taken = outbox.take(0.0)
    assert taken is not None
    outbox.clear()
    outbox.done(taken, "HTTP 500", False, 0.0)
    assert (len(outbox), dict(outbox.counts), outbox.by_run) == (0, {}, {})


def test_only_the_newest_runs_are_remembered() -> None:
    outbox = Outbox(1_000, retries=0, retry_s=1)
    for number in range(RUNS_KEPT + 5):
        outbox.add(delivery(number, f"run-{number}"), 0.0)
    assert len(outbox.by_run) == RUNS_KEPT
    assert f"run-{RUNS_KEPT + 4}" in outbox.by_run


STEPS = st.lists(st.sampled_from(["add", "deliver", "fail", "withdraw"]), max_size=60)


@given(STEPS, st.integers(1, 5), st.integers(0, 3))
def test_every_delivery_has_one_fate(steps: list[str], capacity: int, retries: int) -> None:
    outbox = Outbox(capacity, retries, retry_s=0)
    for number, step in enumerate(steps):
        if step == "add":
            outbox.add(delivery(number, "run"), 0.0)
            continue
        taken = outbox.take(0.0)
        if taken is None:
            continue
        if step == "withdraw":
            outbox.withdraw(taken)
        else:
            outbox.done(taken, step, step == "deliver", 0.0)
        assert len(outbox) <= capacity
    counts = outbox.counts
    fates = counts["delivered"] + counts["failed"] + counts["dropped"] + counts["withdrawn"]
    assert counts["queued"] == fates + len(outbox)
    assert counts["queued"] == steps.count("add")
    assert sum(outbox.by_run.get("run", {}).values()) == sum(counts.values())
    assert len(outbox.newest) == fates


def test_a_full_queue_says_so() -> None:
    outbox = Outbox(1, retries=0, retry_s=1)
    assert [outbox.add(delivery(number), 0.0) for number in range(2)] == [True, False]
    assert outbox.newest[0]["fate"] == "dropped"


@pytest.mark.parametrize("attempts", [40, 2_000])
def test_pauses_stay_finite(attempts: int) -> None:
    outbox = Outbox(1, retries=attempts, retry_s=1)
    outbox.add(delivery(), 0.0)
    now = 0.0
    for _ in range(attempts):
        taken = outbox.take(now)
        assert taken is not None
        outbox.done(taken, "no", False, now)
        assert outbox.due - now <= 86_400
        now = outbox.due
