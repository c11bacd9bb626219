"""What the sentinel's counts say of a run, and how the reports say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.interception import Counts, Interception, Sightings
from metrics.recorder import Recorder
from metrics.report import console_block, write_report
from metrics.run import Ending, Run
from metrics.targets import Targets
from metrics.verdict import INVALID, PASS, Plan, Verdict

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9))
SIGHTINGS = st.builds(Sightings, COUNTS, COUNTS, COUNTS, COUNTS)


def total(a: Counts, b: Counts) -> Counts:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {*a, *b}}


@given(SIGHTINGS, SIGHTINGS)
def test_what_came_since_is_what_was_added(before: Sightings, added: Sightings) -> None:
    now = Sightings(
        total(before.doubles, added.doubles),
        total(before.outside, added.outside),
        total(before.nowhere, added.nowhere),
        total(before.refused, added.refused),
    )
    assert now.since(before) == added


@given(SIGHTINGS, SIGHTINGS)
def test_a_sentinel_that_began_anew_is_noticed(before: Sightings, now: Sightings) -> None:
    shrunk = any(
        getattr(now, kind).get(name, 0) < count
        for kind in ("doubles", "outside", "nowhere", "refused")
        for name, count in getattr(before, kind).items()
    )
    assert (now.since(before) is None) == shrunk


def metrics(outside: dict[str, int], refused: dict[str, int]) -> dict[str, Any]:
    lookups = {
        "double": {"total": 4, "names": {"api.openai.com": 4}},
        "outside": {"total": sum(outside.values()), "names": outside},
        "nowhere": {"total": 1, "names": {"wpad": 1}},
    }
    return {"sentinel": {"lookups": lookups, "refused": {"total": sum(refused.values()), "hosts": refused}}}


QUIET = Interception(Sightings.of(metrics({}, {})))
STRAY = Interception(Sightings.of(metrics({"<b>.example.org": 2, "a.example.org": 1}, {"<b>.example.org:443": 3})))


def test_a_lab_that_nothing_tried_to_leave_gives_no_reason() -> None:
    assert list(QUIET.reasons) == []
    assert QUIET.sentence == (
        "Interception: 0 requests left the lab, 0 connections to 0 hosts outside were refused;"
        " 4 lookups of vendors' names led to doubles."
    )
    assert QUIET.facts()["left"] == 0


def test_what_tried_is_named_and_counted() -> None:
    assert list(STRAY.reasons) == [
        "something tried to leave the lab: 3 lookups and 3 refused connections, to <b>.example.org, a.example.org"
    ]
    many = Interception(Sightings(outside={f"{n}.example.org": 1 for n in range(9)}))
    (reason,) = many.reasons
    assert reason.endswith("to 0.example.org, 1.example.org, 2.example.org, 3.example.org, 4.example.org and 4 more")


def test_a_lookup_alone_is_an_attempt_and_a_tolerated_one_is_none() -> None:
    seen = Sightings.of(metrics({"cache.example.org": 1}, {"cache.example.org:443": 1}))
    assert list(Interception(Sightings(outside={"cache.example.org": 1})).reasons)
    tolerated = Interception(seen, ["cache.example.org"])
    assert list(tolerated.reasons) == []
    assert tolerated.hosts == [("cache.example.org", 1, 1, True)]
    assert tolerated.connections == 1


def test_not_to_know_is_a_reason() -> None:
    silent = Interception(unknown="the sentinel did not say: no answer")
    assert list(silent.reasons) == ["whether a request left the lab is not known: the sentinel did not say: no answer"]
    assert silent.facts()["left"] is None


@pytest.mark.parametrize("other", [{}, {"sentinel": None}, {"sentinel": {"lookups": {}}}])
def test_the_metrics_of_another_double_are_not_a_sentinels(other: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        Sightings.of(other)


def judged(interception: Interception | None) -> tuple[Run, Verdict]:
    recorder = Recorder(clock=lambda: 1_700_000_000.0, cpu_clock=lambda: 0.0)
    run = Run("run-1", 7, "http://target", Targets(), None, 1_700_000_000.0)
    recorder.record("GET", "/api/crm/contacts", 20.0, context={"scenario": "Reader"})
    run.report("w", recorder.take(), 1_700_000_001.0)
    ending = Ending(["Reader"], {}, False, {}, Plan(interception=interception))
    return run, run.finish(ending, 1, 1_700_000_002.0)


def test_a_run_is_good_only_when_nothing_tried_to_leave() -> None:
    assert judged(None)[1].verdict == PASS
    assert judged(QUIET)[1].verdict == PASS
    verdict = judged(STRAY)[1]
    assert (verdict.verdict, verdict.reasons) == (INVALID, list(STRAY.reasons))


@pytest.mark.parametrize("interception", [QUIET, STRAY], ids=["quiet", "stray"])
def test_every_report_says_so(tmp_path: Path, interception: Interception) -> None:
    run, verdict = judged(interception)
    write_report(tmp_path, run, verdict)
    assert json.loads((tmp_path / "verdict.json").read_text())["interception"] == interception.facts()
    page, summary = (tmp_path / "report.html").read_text(), (tmp_path / "summary.md").read_text()
    assert "<h2>Interception</h2>" in page
    assert "0 requests left the lab" in summary
    assert interception.sentence in console_block(verdict, tmp_path)
    assert ("&lt;b&gt;.example.org" in page) == ("example.org: 2 lookups" in summary) == (interception is STRAY)
    assert "<b>.example.org" not in page


def test_without_a_sentinel_the_reports_say_nothing_of_it(tmp_path: Path) -> None:
    run, verdict = judged(None)
    write_report(tmp_path, run, verdict)
    assert json.loads((tmp_path / "verdict.json").read_text())["interception"] is None
    assert "Interception" not in (tmp_path / "report.html").read_text() + (tmp_path / "summary.md").read_text()
