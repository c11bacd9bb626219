"""What a run leaves in `results/<run_id>/`: its verdict, reports and histograms (docs/results.md) and `results/latest`.

Every file is written whole or not at all, and the directory is named `latest` only once all of them are there. Each
report begins with a head that is made from verdict.json alone, so that what is learnt of a run later can be added.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metrics.page import context_of, environment, timestamp
from metrics.results import figure
from metrics.run import Run
from metrics.stored import FILE_NAME as HISTOGRAMS
from metrics.stored import StoredRun
from metrics.verdict import EXIT_CODES, FAIL, INVALID, Verdict

logger = logging.getLogger(__name__)

REPORTS = {"report.html": "head.html", "junit.xml": "head.xml", "summary.md": "head.md"}
"""Each report, and the template of its head."""
END_OF_HEAD = "<!-- end of the verdict -->"
"""Parts a report's head from the rest; a comment in all three of their languages."""
CLOSING = {
    "report.html": "<p>Nothing more is known of this run: it ended without a report.</p>\n</main>\n</body>\n</html>\n",
    "junit.xml": "<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n",
    "summary.md": "",
}
"""What ends a report that has nothing but its head."""


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader sees either the old one or the whole new one.

    Halves of characters, as an exception's text may hold them, become question marks.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8", errors="replace", newline="")
    fresh.replace(path)


def point_latest_at(directory: Path) -> None:
    """Make the link `latest` beside a run's directory name that directory, in one step.

    Where it cannot be made, the log says so: that costs a shorter name, and no run its verdict.
    """
    fresh = directory.parent / f".latest.{os.getpid()}"
    latest = directory.parent / "latest"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(directory.name, target_is_directory=True)
        fresh.replace(latest)
    except OSError as error:
        logger.warning("%s cannot be made to name %s: %s", latest, directory.name, error.strerror)
        fresh.unlink(missing_ok=True)


def write_report(directory: Path, run: Run, verdict: Verdict) -> None:
    """Write all files of a run into its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    facts = verdict.facts() | _run_facts(run, verdict)
    context = context_of(run, verdict) | {"facts": facts, "end_of_head": END_OF_HEAD}
    templates = environment()
    for name in REPORTS:
        write_atomically(directory / name, templates.get_template(name).render(context))
    stored = StoredRun(run.run_id, run.seed, run.ended - run.started, run.merge.endpoints)
    write_atomically(directory / HISTOGRAMS, stored.to_json())
    _write_verdict(directory, facts)


def amend(directory: Path, reasons: Sequence[str]) -> dict[str, Any]:
    """Add reasons of invalidity that were learnt after a run's report to all of its files; gives the facts.

    A run without a verdict gets one, and reports that hold what is known. A run that failed stays failed.
    """
    path = directory / "verdict.json"
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else _unknown(directory.name)
    facts["reasons"] = [*facts["reasons"], *reasons]
    facts["invalid"] = [*facts["invalid"], *reasons]
    facts["verdict"] = FAIL if facts["verdict"] == FAIL else INVALID
    facts["exit_code"] = EXIT_CODES[facts["verdict"]]
    directory.mkdir(parents=True, exist_ok=True)
    templates = environment()
    for name, head in REPORTS.items():
        report = directory / name
        written = report.read_text(encoding="utf-8") if report.is_file() else ""
        rest = written.partition(END_OF_HEAD)[2] or f"\n{CLOSING[name]}"
        write_atomically(report, templates.get_template(head).render(facts=facts) + END_OF_HEAD + rest)
    _write_verdict(directory, facts)
    return facts


def _unknown(run_id: str) -> dict[str, Any]:
    """The facts of a run that gave no verdict."""
    return {
        "run_id": run_id,
        "verdict": INVALID,
        "exit_code": EXIT_CODES[INVALID],
        "reasons": [],
        "invalid": [],
        "targets": [],
        "areas": {},
        "host": "",
        "started": None,
        "duration_s": None,
        "counted_from_s": 0,
        "broke": "",
    }


def _write_verdict(directory: Path, facts: dict[str, Any]) -> None:
    """Last of all: who waits for a verdict finds the rest beside it."""
    write_atomically(directory / "verdict.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def _run_facts(run: Run, verdict: Verdict) -> dict[str, Any]:
    overall = run.merge.overall
    outcomes = dict(sorted(overall.outcomes.items()))
    return {
        "host": run.host,
        "seed": run.seed,
        "started": timestamp(run.started),
        "ended": timestamp(run.ended),
        "duration_s": round(run.ended - run.started, 3),
        "counted_from_s": round(run.counted_from - run.started, 3),
        "planned_s": verdict.plan.planned_s,
        "interrupted": verdict.plan.interrupted_after_s is not None,
        "users": run.most_users,
        "failing_exchanges": run.failures.facts(),
        "totals": {"requests": overall.requests, "failures": overall.failures, "outcomes": outcomes},
    }


def console_block(verdict: Verdict, directory: Path) -> str:
    """What a run says at its end: verdict, reasons, targets, and where the report is."""
    rows = [("target", "value", "limit", "")]
    for result in verdict.results:
        unit = result.target.unit
        value = "–" if result.value is None else f"{figure(result.value)} {unit}"
        rows.append((result.target.name, value, f"{figure(result.target.limit)} {unit}", result.status))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = [f"  {a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]
    return "\n".join(
        [
            "",
            f"{verdict.verdict}: {verdict.run_id}",
            *(f"  - {reason}" for reason in verdict.reasons),
            *(table if verdict.results else []),
            *([verdict.generator.cut_off] if verdict.generator.unanswered else []),
            *([f"the run ended because {verdict.plan.broke}"] if verdict.plan.broke else []),
            *(f"skipped: {sentence}" for sentence in verdict.plan.skipped),
            *([verdict.plan.interception.sentence] if verdict.plan.interception else []),
            f"report: {directory / 'report.html'}",
            "",
        ]
    )
