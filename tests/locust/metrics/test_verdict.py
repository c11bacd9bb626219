"""Each target can fail, each fact can make a run invalid, and the rule says which of the two it is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from metrics.generator import Generator
from metrics.recorder import Cell, Endpoint
from metrics.sustained import Worst
from metrics.targets import Group, Target, Targets
from metrics.verdict import EXIT_CODES, Plan, RunFacts, judge

LOGIN, CONTACTS = ("POST", "/api/auth/login"), ("GET", "/api/crm/contacts")


def cell(requests: int = 10, failures: int = 0, ms: float = 20, outcome: str = "http_5xx") -> Cell:
    made = Cell()
    made.requests, made.failures = requests, failures
    made.outcomes = {"ok": requests - failures} | ({outcome: failures} if failures else {})
    for _ in range(requests):
        made.latency.record(int(ms * 1000))
    return made


def facts(endpoints: Mapping[Endpoint, Cell] | None = None, **changed: Any) -> RunFacts:
    good = RunFacts(
        run_id="r",
        duration_s=10,
        endpoints={LOGIN: cell(), CONTACTS: cell()} if endpoints is None else endpoints,
        scenarios={"Visitor": [20, 0]},
        planned=["Visitor"],
        generator=Generator(workers=2),
    )
    return replace(good, **changed)


SLOW = Target("slow", "crm", "avg_ms", 100)
ERRORS = Target("errors", "all", "error_percent", 1)
TARGETS = Targets((SLOW, ERRORS))
BUSY = Target("busy", "generator", "cpu_percent", 60)
SATURATED = Generator(workers=1, processes={"worker 0": Worst(cpu=95.0)})
TOO_SLOW = {CONTACTS: cell(ms=200)}
FAILING = {CONTACTS: cell(failures=5)}

INVALIDITIES = {
    "saturated": (facts(generator=SATURATED), "generator saturated: worker 0 used 95"),
    "warned": (facts(generator=Generator(cpu_warning=True)), "generator saturated: Locust saw"),
    "stub": (
        facts(generator=Generator(doubles={"vendors": Worst(cpu=97.0), "twilio": Worst(cpu=40.0)})),
        "stub saturated: vendors used 97 % of a core, over 90 %",
    ),
    "lost": (
        facts(generator=Generator(workers_lost={"worker 1": "its 5 users were not begun again"})),
        "worker lost: worker 1",
    ),
    "idle": (facts(planned=["Visitor", "Caller"]), "scenario Caller ran no task"),
    "points": (
        facts(generator=Generator(points_lost=7, points_lost_because="it is down")),
        "points lost: 7 of .* down",
    ),
    "tasks": (facts(generator=Generator(task_errors={"KeyError('id')": 3})), r"tasks raised 3 exceptions .* KeyError"),
    "interrupted": (facts(plan=Plan(planned_s=120, interrupted_after_s=7.2)), "^interrupted after 7 of 120 s$"),
    "unclean": (facts(plan=Plan(unclean="no answer")), "^the target stopped answering: no answer$"),
    "schedule": (facts(generator=Generator(starts=200, starts_dropped=3)), "schedule missed: .* 3 of 200 planned"),
    "stage": (
        facts(plan=Plan(stages_missed=["stage 1 had 6 of 40 users"])),
        "^schedule missed: stage 1 had 6 of 40 users; give",
    ),
    "nothing": (facts({}, scenarios={"Visitor": [1, 0]}), "no request was made"),
}


def test_a_run_that_meets_its_targets_passes() -> None:
    verdict = judge(facts(), TARGETS)
    assert (verdict.verdict, verdict.exit_code, verdict.reasons) == ("pass", 0, [])
    assert verdict.areas["crm"] == {"requests": 10, "failures": 0}
    assert verdict.areas["telephony"] == {"requests": 0, "failures": 0}


@pytest.mark.parametrize("name", INVALIDITIES)
def test_each_invalidity_makes_a_run_invalid_and_says_why(name: str) -> None:
    case, says = INVALIDITIES[name]
    verdict = judge(case, TARGETS)
    assert (verdict.verdict, verdict.exit_code) == ("invalid", 2)
    (reason,) = verdict.reasons
    assert re.search(says, reason)


@pytest.mark.parametrize(
    ("invalidity", "missed", "expected"),
    [
        # Errors were seen: they fail a run whatever else is wrong with it.
        *((name, FAILING, "fail") for name in INVALIDITIES if name != "nothing"),
        # A time that the generator may have distorted cannot fail it.
        ("saturated", TOO_SLOW, "invalid"),
        ("warned", TOO_SLOW, "invalid"),
        ("stub", TOO_SLOW, "invalid"),
        ("lost", TOO_SLOW, "invalid"),
        # What has no part in the time measured does not excuse it.
        ("idle", TOO_SLOW, "fail"),
        ("points", TOO_SLOW, "fail"),
        ("tasks", TOO_SLOW, "fail"),
    ],
)
def test_a_run_that_missed_a_target_and_is_invalid(
    invalidity: str, missed: Mapping[Endpoint, Cell], expected: str
) -> None:
    verdict = judge(replace(INVALIDITIES[invalidity][0], endpoints=missed), TARGETS)
    assert verdict.verdict == expected
    assert verdict.invalid, "the reason of invalidity is named all the same"
    assert set(verdict.invalid) < set(verdict.reasons), "and so is the missed target"


def test_a_dead_backend_fails_the_run_and_is_named() -> None:
    dead = facts({CONTACTS: cell(200, failures=123, outcome="connection")}, outcome_span={"connection": (12, 30)})
    verdict = judge(dead, TARGETS)
    assert verdict.exit_code == 1
    assert verdict.reasons[0] == (
        "backend unreachable: 123 connection errors in 200 requests, from second 12 to second 30 of the run"
    )


def test_a_dead_twilio_double_is_not_called_the_backend() -> None:
    lost = {
        ("CALL", "dial"): cell(4, failures=4, outcome="lab"),
        ("CALL", "turn"): cell(9, failures=3, outcome="lab"),
        ("SMS", "verification code"): cell(5, failures=2, outcome="lab"),
    }
    verdict = judge(facts({CONTACTS: cell(50), **lost}), TARGETS)
    assert verdict.verdict == "invalid"
    assert (
        verdict.reasons
        == verdict.invalid
        == [
            "Twilio double lost: 3 calls ended with its control socket, which counts for no target",
            "Twilio double unreachable: 4 calls could not be dialled, which counts for no target; start it, or set "
            "LAB_TWILIO_URL to it",
            "Twilio double lost: whether 2 verification codes came is not known, which counts for no target",
        ]
    )
    assert [(result.status, result.value) for result in verdict.results if result.target == ERRORS] == [("met", 0.0)]


def test_the_targets_own_failures_count_beside_those_of_the_lab() -> None:
    calls = cell(10, failures=6)
    calls.outcomes = {"ok": 4, "http_5xx": 2, "lab": 4}
    verdict = judge(facts({("CALL", "answer"): calls}), Targets((ERRORS,)))
    assert verdict.verdict == "fail"
    assert verdict.results[0].value == pytest.approx(100 * 2 / 6)
    assert verdict.reasons[0] == "failures by kind: 2 http_5xx"


def test_an_error_rate_without_a_request_that_reached_the_target_is_skipped() -> None:
    verdict = judge(facts({("CALL", "dial"): cell(4, failures=4, outcome="lab")}), Targets((ERRORS,)))
    assert verdict.results[0].why_skipped == "the lab itself lost every request of its group"


def test_what_a_target_answers_without_its_vendors_does_not_fail_the_run() -> None:
    verdict = judge(facts({CONTACTS: cell(failures=5)}, generator=Generator(doubles_lost={"vendors": 12})), TARGETS)
    assert verdict.verdict == "invalid"
    assert verdict.invalid[0].startswith("double lost: vendors no longer answered in second 12 of the run; ")
    assert "failures by kind: 5 http_5xx" in verdict.reasons


def test_failures_are_named_by_kind() -> None:
    verdict = judge(facts(FAILING), TARGETS)
    assert verdict.reasons == [
        "failures by kind: 5 http_5xx",
        "errors: 50 % of 10 requests failed, over its limit of 1 %",
    ]


REPLY = ("WS", "/api/ws/conversations/{id} [agent reply]")


def test_a_request_that_never_succeeds_fails_a_run_in_which_it_is_rare() -> None:
    """Three dead replies among a thousand requests are an error rate of 0.3 %, and no conversation worked."""
    replies = cell(3, failures=3)
    replies.outcomes = {"timeout": 1, "content": 2}
    verdict = judge(facts({CONTACTS: cell(1000), REPLY: replies}), TARGETS)
    assert verdict.verdict == "fail"
    assert [result.status for result in verdict.results] == ["met", "met"]
    assert verdict.reasons == [
        "failures by kind: 2 content, 1 timeout",
        "WS /api/ws/conversations/{id} [agent reply] never succeeded: each of 3 failed (2 content, 1 timeout)",
    ]


@pytest.mark.parametrize(
    "unsure",
    [
        facts({CONTACTS: cell(1000), REPLY: cell(3, failures=2)}),
        facts({CONTACTS: cell(1000), REPLY: cell(2, failures=2)}),
        facts({CONTACTS: cell(1000), REPLY: cell(3, failures=3)}, generator=Generator(doubles_lost={"vendors": 3})),
    ],
    ids=["one succeeded", "too few", "without its vendors"],
)
def test_a_request_that_may_have_failed_by_chance_fails_no_run(unsure: RunFacts) -> None:
    assert judge(unsure, TARGETS).verdict != "fail"


def test_a_run_that_is_held_to_no_error_rate_is_not_failed_for_errors() -> None:
    assert judge(facts({CONTACTS: cell(3, failures=3)}), Targets((SLOW,))).verdict == "pass"


def test_a_target_whose_group_saw_no_request_is_skipped() -> None:
    verdict = judge(facts({LOGIN: cell()}), TARGETS)
    assert verdict.verdict == "pass"
    found = {target["name"]: target for target in verdict.facts()["targets"]}
    assert (found["slow"]["value"], found["slow"]["ok"], found["slow"]["status"]) == (None, None, "skipped")
    assert (found["errors"]["value"], found["errors"]["ok"], found["errors"]["status"]) == (0, True, "met")


def test_a_group_that_fits_no_request_makes_a_run_invalid_unless_a_request_had_its_name_all_the_same() -> None:
    typo = Group("contacts", ("GET /api/crm/contcats*",))
    targets = Targets((Target("contacts p95", "contacts", "p95_ms", 1), ERRORS), {"contacts": typo})
    plan = Plan(unknown_groups={"contacts": typo.words})
    verdict = judge(facts(plan=plan), targets)
    assert verdict.verdict == "invalid"
    assert verdict.invalid == [
        "the group 'contacts' fits no request: neither one of this run nor one that the suite makes or the target "
        "offers matches 'GET /api/crm/contcats*'; mend its patterns in the file of targets"
    ]
    assert judge(facts(), targets).verdict == "pass", "nobody said that it is unknown: its scenario may not have run"
    of_another_suite = facts({("GET", "/api/crm/contcats"): cell(ms=0.5)}, plan=plan)
    assert judge(of_another_suite, targets).verdict == "pass"


def test_a_rate_that_is_not_reached_fails() -> None:
    verdict = judge(facts(), Targets((Target("rate", "all", "rate", 3),)))
    assert verdict.reasons == ["rate: 2 /s, under its limit of 3 /s"]


@pytest.mark.parametrize(("endpoints", "code"), [({CONTACTS: cell()}, 2), (TOO_SLOW, 2), (FAILING, 1)])
def test_a_target_that_the_generator_missed_makes_the_run_invalid(
    endpoints: Mapping[Endpoint, Cell], code: int
) -> None:
    generator = Generator(workers=1, processes={"worker 1": Worst(cpu=70.0)})
    verdict = judge(facts(endpoints, generator=generator), Targets((SLOW, ERRORS, BUSY)))
    assert verdict.exit_code == code
    assert verdict.invalid == ["busy: 70 %, over its limit of 60 %"]
    idle = Generator(workers=1, processes={"worker 1": Worst(cpu=20.0)}, starts=100, starts_dropped=1)
    dropped = Target("dropped", "generator", "starts_dropped_percent", 1)
    assert judge(facts(generator=idle), Targets((BUSY, dropped))).verdict == "pass"


def test_frames_that_the_double_skipped_can_be_held_to_less_than_the_verdict_itself_allows() -> None:
    skipping = Generator(workers=1, frames=1000, frames_skipped=5)
    assert judge(facts(generator=skipping), TARGETS).verdict == "pass"
    strict = Target("frames", "generator", "frames_skipped_percent", 0.2)
    verdict = judge(facts(generator=skipping), Targets((ERRORS, strict)))
    assert (verdict.verdict, verdict.invalid) == ("invalid", ["frames: 0.5 %, over its limit of 0.2 %"])
    no_calls = judge(facts(), Targets((ERRORS, strict)))
    assert no_calls.verdict == "pass"
    assert no_calls.results[1].why_skipped == "the generator said nothing of it"


def test_the_targets_own_part_of_a_turn_can_fail_a_run() -> None:
    own = Target("own part of a turn", "telephony", "own_turn_avg_ms", 200)
    calls = {("CALL", "turn"): cell(ms=900)}
    verdict = judge(facts(calls, own_turn_ms=250.0), Targets((own,)))
    assert verdict.verdict == "fail"
    assert verdict.reasons == ["own part of a turn: 250 ms, over its limit of 200 ms"]
    assert judge(facts(calls, own_turn_ms=200.0), Targets((own,))).verdict == "pass"
    (unknown,) = judge(facts(calls), Targets((own,))).results
    assert unknown.why_skipped == "no turn was timed, or no double said what the voice agent took of it"


def test_every_verdict_has_its_exit_code() -> None:
    assert EXIT_CODES == {"pass": 0, "fail": 1, "invalid": 2}
