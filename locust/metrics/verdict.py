"""Pass, fail or invalid: what a run's numbers are worth, decided from facts alone.

The rule, in order (docs/results.md explains it):

1. Something was lost or doubled on its way, or an error-rate target was missed: **fail**. It was seen; nothing that
   went wrong elsewhere undoes it. But for a double that was lost during the run: what a target answers that was left
   without its vendors does not show what it can do.
2. Another target was missed, and the generator did not distort the time that it measured: **fail**.
3. Anything makes the run invalid, a missed target of the generator's too: **invalid**.
4. Otherwise **pass**.

Every reason is listed, whichever of them decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metrics.areas import AREAS, area_of
from metrics.generator import Generator
from metrics.interception import Interception
from metrics.outcome import CONNECTION, FAILURES, LAB
from metrics.reconciliation import Reconciliation
from metrics.recorder import MAX_ENDPOINTS, MAX_SCENARIOS, Cell, Endpoint
from metrics.results import Measured, Result, Users, results_of
from metrics.targets import ERRORS, GENERATOR, Targets
from metrics.windows import Windows
from metrics.wording import counted

PASS, FAIL, INVALID = "pass", "fail", "invalid"
EXIT_CODES = {PASS: 0, FAIL: 1, INVALID: 2}
DIAL: Endpoint = ("CALL", "dial")
"""What fails when the Twilio double, and not the target, cannot be reached."""
CODE: Endpoint = ("SMS", "verification code")
"""What is not seen without the double, which holds the messages."""
NEVER_OF = 3
"""So many times a request has to fail, and never succeed, before that alone fails a run."""
MOST_DROPPED_PERCENT = 1.0
"""An open model that could not begin more than this of its starts did not apply the load that it says."""


@dataclass
class Plan:
    """What the suite says of a run besides its requests."""

    skipped: list[str] = field(default_factory=list)
    """A sentence for each task that the target lacks something for."""
    unknown_groups: Mapping[str, str] = field(default_factory=dict)
    """By name, the patterns of the targets' groups that no request of the suite on this target can fit."""
    profile: str = ""
    """The load profile's name, when there is one."""
    broke: str = ""
    """Which target broke and at how many users, when that ended the run before its time."""
    users: Sequence[int] = ()
    """How many users each second of the run was to have; empty when nobody said."""
    stages_missed: list[str] = field(default_factory=list)
    """A sentence for each stage of the load profile whose users were still to start, or to leave, at its end."""
    planned_s: float | None = None
    """How long the run was to last; None when nobody said."""
    interrupted_after_s: float | None = None
    """After how long a signal ended the run before its time."""
    unclean: str = ""
    """Why the clean-up after the run could not be done, when it was the target's silence."""
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    """What each side counted of webhooks, calls, SMS, mails and payments, and how the sides differ."""
    interception: Interception | None = None
    """What tried to leave the lab, when the lab has a sentinel to say so."""


@dataclass(frozen=True)
class RunFacts:
    """What is known at the end of a run."""

    run_id: str
    duration_s: float
    """How long its requests were counted."""
    endpoints: Mapping[Endpoint, Cell]
    scenarios: Mapping[str, Sequence[int]]
    """Requests and failures by user class."""
    planned: Sequence[str]
    """The user classes that the run was to run."""
    generator: Generator
    plan: Plan = field(default_factory=Plan)
    outcome_span: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The first and last second of the run (counted from its start) in which each outcome was seen."""
    users: Users = field(default_factory=Users)
    windows: Windows | None = None
    """The targets that have a window, as they fared; None where all of the run is one."""
    groups: Mapping[str, Cell] | None = None
    """The sums of the targets' groups; None where they are still to be made."""
    own_turn_ms: float | None = None
    """What a turn took without the voice agent's part, on average; None where that is not known."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one run, its reasons as sentences, and what they rest on."""

    run_id: str
    verdict: str
    reasons: list[str]
    results: list[Result]
    areas: dict[str, dict[str, int]]
    scenarios: dict[str, dict[str, int]]
    generator: Generator
    invalid: list[str]
    """The reasons that make it invalid, also when it failed all the same."""
    plan: Plan = field(default_factory=Plan)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 2 invalid."""
        return EXIT_CODES[self.verdict]

    def unreported(self, why: str) -> Verdict:
        """The verdict on a run whose report cannot be written: no pass, as nobody can look at what it rests on."""
        reached = FAIL if self.verdict == FAIL else INVALID
        return replace(self, verdict=reached, reasons=[*self.reasons, why], invalid=[*self.invalid, why])

    def facts(self) -> dict[str, Any]:
        """The verdict as verdict.json holds it."""
        return {
            "run_id": self.run_id,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "reasons": self.reasons,
            "invalid": self.invalid,
            "targets": [
                {
                    "name": result.target.name,
                    "limit": result.target.limit,
                    "value": None if result.value is None else round(result.value, 3),
                    "ok": result.ok,
                    "status": result.status,
                    "group": result.target.group,
                    "measure": result.target.measure,
                    "unit": result.target.unit,
                    "requests": result.requests,
                    "window_s": result.target.window_s or None,
                    "from_s": result.begins,
                    "stop": result.target.stop,
                    "skipped_because": result.why_skipped,
                }
                for result in self.results
            ],
            "areas": self.areas,
            "scenarios": self.scenarios,
            "generator": self.generator.facts(),
            "skipped": self.plan.skipped,
            "profile": self.plan.profile,
            "broke": self.plan.broke,
            "reconciliation": [row.facts() for row in self.plan.reconciliation.rows],
            "not_reconciled": list(self.plan.reconciliation.not_compared),
            "interception": self.plan.interception.facts() if self.plan.interception else None,
        }


def judge(facts: RunFacts, targets: Targets) -> Verdict:
    """Decide a run."""
    generator = facts.generator
    measured = Measured(
        facts.endpoints,
        facts.duration_s,
        facts.users,
        generator.measures,
        facts.windows,
        facts.groups,
        facts.own_turn_ms,
    )
    results = results_of(measured, targets)
    missed = [result for result in results if result.ok is False and result.target.kind != GENERATOR]
    distorting = list(generator.distorting())
    distorting += [r.sentence for r in results if r.ok is False and r.target.kind == GENERATOR]
    invalid = distorting + list(_otherwise_invalid(facts)) + list(_unjudged(facts, results))
    never = list(_never_right(facts.endpoints)) if any(result.target.kind == ERRORS for result in results) else []
    errors = any(result.target.kind == ERRORS for result in missed) or bool(never)
    astray = facts.plan.reconciliation.differences
    verdict = INVALID if invalid else PASS
    if astray or (errors and not generator.doubles_lost) or (missed and not distorting):
        verdict = FAIL
    why = list(_why_errors(facts)) if errors else []
    reasons = why + [result.sentence for result in missed] + never + astray + invalid
    return Verdict(
        run_id=facts.run_id,
        verdict=verdict,
        reasons=reasons,
        results=results,
        areas=_counts_by_area(facts.endpoints),
        scenarios={
            name: {"requests": facts.scenarios.get(name, (0, 0))[0], "failures": facts.scenarios.get(name, (0, 0))[1]}
            for name in sorted({*facts.planned, *facts.scenarios})
        },
        generator=facts.generator,
        invalid=invalid,
        plan=facts.plan,
    )


def _counts_by_area(endpoints: Mapping[Endpoint, Cell]) -> dict[str, dict[str, int]]:
    counts = {area: {"requests": 0, "failures": 0} for area in AREAS}
    for endpoint, cell in endpoints.items():
        of_area = counts[area_of(*endpoint)]
        of_area["requests"] += cell.requests
        of_area["failures"] += cell.failures
    return counts


def _why_errors(facts: RunFacts) -> Iterator[str]:
    """What the failures were, the unreachable backend by its name."""
    kinds: dict[str, int] = {}
    requests = 0
    for cell in facts.endpoints.values():
        requests += cell.requests
        for outcome, count in cell.outcomes.items():
            if outcome in FAILURES and outcome != LAB:
                kinds[outcome] = kinds.get(outcome, 0) + count
    if kinds.get(CONNECTION):
        when = ""
        if span := facts.outcome_span.get(CONNECTION):
            when = f", from second {span[0]} to second {span[1]} of the run"
        broken = counted(kinds[CONNECTION], "connection error")
        yield f"backend unreachable: {broken} in {counted(requests, 'request')}{when}"
    if others := {kind: count for kind, count in kinds.items() if kind != CONNECTION}:
        yield f"failures by kind: {_listed(others)}"


def _never_right(endpoints: Mapping[Endpoint, Cell]) -> Iterator[str]:
    """The requests that failed every time: among many others they are too few for the error rate of all to notice."""
    for (request_type, name), cell in sorted(endpoints.items()):
        kinds = {kind: n for kind, n in cell.outcomes.items() if kind in FAILURES and kind != LAB}
        reached = cell.requests - cell.outcomes.get(LAB, 0)
        if reached >= NEVER_OF and sum(kinds.values()) == reached:
            yield f"{request_type} {name} never succeeded: each of {reached} failed ({_listed(kinds)})"


def _listed(kinds: Mapping[str, int]) -> str:
    """Failures by kind, the most frequent first."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))


def _unjudged(facts: RunFacts, results: Sequence[Result]) -> Iterator[str]:
    """Of a run that was held to targets, what it could not show, and that it shows nothing of any of them."""
    unmet = {result.target.group for result in results if not result.requests} & set(facts.plan.unknown_groups)
    for group in sorted(unmet):
        yield (
            f"the group {group!r} fits no request: neither one of this run nor one that the suite makes or the target "
            f"offers matches {facts.plan.unknown_groups[group]}; mend its patterns in the file of targets"
        )
    made = any(cell.requests for cell in facts.endpoints.values())  # where none was, another reason says so
    if made and results and all(result.ok is None for result in results):
        first = results[0]
        yield f"no target was judged: each was skipped, such as {first.target.name}: {first.why_skipped}"


def _lost_with_double(endpoints: Mapping[Endpoint, Cell]) -> Iterator[str]:
    """What the Twilio double's absence cost, as the phone and the readers of SMS met it."""
    lost = sum(cell.outcomes.get(LAB, 0) for cell in endpoints.values())
    undialled = endpoints.get(DIAL, Cell()).outcomes.get(LAB, 0)
    unseen = endpoints.get(CODE, Cell()).outcomes.get(LAB, 0)
    if cut_off := lost - undialled - unseen:
        calls = counted(cut_off, "call")
        yield f"Twilio double lost: {calls} ended with its control socket, which counts for no target"
    if undialled:
        yield (
            f"Twilio double unreachable: {counted(undialled, 'call')} could not be dialled, which counts for no "
            "target; start it, or set LAB_TWILIO_URL to it"
        )
    if unseen:
        codes = counted(unseen, "verification code")
        yield f"Twilio double lost: whether {codes} came is not known, which counts for no target"


def _without_room(generator: Generator) -> Iterator[str]:
    if generator.overflow:
        yield (
            f"too many names: {counted(generator.overflow, 'request')} came under names after the {MAX_ENDPOINTS}th, "
            "and count for no target but those of all requests; name requests by their path's pattern, without ids"
        )
    if generator.scenario_overflow:
        yield (
            f"too many scenarios: {counted(generator.scenario_overflow, 'request')} came from user classes after the"
            f" {MAX_SCENARIOS}th, and count for none of them"
        )


def _otherwise_invalid(facts: RunFacts) -> Iterator[str]:
    generator = facts.generator
    plan = facts.plan
    yield from _lost_with_double(facts.endpoints)
    if plan.interrupted_after_s is not None and plan.planned_s is not None:
        yield f"interrupted after {plan.interrupted_after_s:.0f} of {plan.planned_s:.0f} s"
    if plan.unclean:
        yield f"the target stopped answering: {plan.unclean}"
    if plan.interception is not None:
        yield from plan.interception.reasons
    if not any(cell.requests for cell in facts.endpoints.values()):
        yield "no request was made"
    for name in facts.planned:
        if not facts.scenarios.get(name, (0, 0))[0]:
            yield (
                f"scenario {name} ran no task: none of the run's requests came from it; "
                "give the run more users or time, or name the classes to run on the command line"
            )
    if generator.starts_dropped * 100 > generator.starts * MOST_DROPPED_PERCENT:
        yield (
            f"schedule missed: nobody was free for {generator.starts_dropped} of "
            f"{counted(generator.starts, 'planned start')}; give the profile more users"
        )
    for missed in plan.stages_missed:
        yield f"schedule missed: {missed}; give the stage more time, or a higher spawn_rate"
    yield from _without_room(generator)
    if generator.points_lost:
        why = f": {generator.points_lost_because}" if generator.points_lost_because else ""
        yield f"points lost: {generator.points_lost} of the run's points are not in InfluxDB{why}"
    for fault in generator.faults:
        yield f"the lab failed: {fault}; the log has its traceback"
    if generator.task_errors:
        text, _ = max(generator.task_errors.items(), key=lambda item: item[1])
        count = sum(generator.task_errors.values())
        yield f"tasks raised {counted(count, 'exception')} that no request accounts for, such as: {text}"
