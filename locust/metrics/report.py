"""What a run leaves in `results/<run_id>/`: its verdict, reports and histograms (docs/results.md) and `results/latest`.

Every file is written whole or not at all, and the directory is named `latest` only once all of them are there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from metrics.charts import MOST_POINTS, Line, line_chart
from metrics.recorder import Cell
from metrics.results import figure
from metrics.run import Moment, Run
from metrics.stored import FILE_NAME as HISTOGRAMS
from metrics.stored import StoredRun
from metrics.verdict import Plan, Verdict

TEMPLATES = Path(__file__).with_name("templates")
ILLEGAL_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader sees either the old one or the whole new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8", newline="")
    fresh.replace(path)


def point_latest_at(directory: Path) -> None:
    """Make the link `latest` beside a run's directory name that directory, in one step."""
    fresh = directory.parent / f".latest.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(directory.name, target_is_directory=True)
    fresh.replace(directory.parent / "latest")


def write_report(directory: Path, run: Run, verdict: Verdict) -> None:
    """Write all files of a run into its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    context = _context(run, verdict)
    environment = _environment()
    for name in ("report.html", "junit.xml", "summary.md"):
        write_atomically(directory / name, environment.get_template(name).render(context))
    stored = StoredRun(run.run_id, run.seed, run.ended - run.started, run.merge.endpoints)
    write_atomically(directory / HISTOGRAMS, stored.to_json())
    # Last of all: who waits for a verdict finds the rest beside it.
    content = verdict.facts() | _run_facts(run, verdict)
    write_atomically(directory / "verdict.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _run_facts(run: Run, verdict: Verdict) -> dict[str, Any]:
    overall = run.merge.overall
    outcomes = dict(sorted(overall.outcomes.items()))
    return {
        "host": run.host,
        "seed": run.seed,
        "started": _timestamp(run.started),
        "ended": _timestamp(run.ended),
        "duration_s": round(run.ended - run.started, 3),
        "planned_s": verdict.plan.planned_s,
        "interrupted": verdict.plan.interrupted_after_s is not None,
        "users": run.most_users,
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
            *([f"the profile {verdict.plan.profile} ended because {verdict.plan.broke}"] if verdict.plan.broke else []),
            *(f"skipped: {sentence}" for sentence in verdict.plan.skipped),
            f"report: {directory / 'report.html'}",
            "",
        ]
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html", "xml")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = figure
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["clean"] = lambda text: ILLEGAL_XML.sub("?", text)
    environment.filters["cell"] = markdown_cell
    environment.filters["plain"] = _plain
    return environment


def markdown_cell(text: str) -> str:
    """Text that cannot break out of a Markdown table's cell or start a tag."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", " ".join(text.split()))


def _plain(value: Any) -> str:
    """A fact of the generator for a reader."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {item}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no", "": "–"}[value] if isinstance(value, bool) or value == "" else str(value)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part) or "0 s"


def _lasted(seconds: float, plan: Plan) -> str:
    """How long a run lasted and, where that is known, was to last."""
    lasted = _duration(seconds)
    if plan.planned_s is not None:
        lasted += f" of {_duration(plan.planned_s)} planned"
    return lasted + (", interrupted" if plan.interrupted_after_s is not None else "")


def _context(run: Run, verdict: Verdict) -> dict[str, Any]:
    moments = [run.moments[at] for at in sorted(run.moments)]
    statuses = [result.status for result in verdict.results]
    return {
        "run": run,
        "verdict": verdict,
        "overall": run.merge.overall,
        "generator": verdict.generator.facts(),
        "started": _timestamp(run.started),
        "duration": _lasted(run.ended - run.started, verdict.plan),
        "rows": [_row(*endpoint, cell) for endpoint, cell in sorted(run.merge.endpoints.items())],
        "charts": _charts(moments),
        "thinned": -(-len(moments) // MOST_POINTS),
        "missed": statuses.count("missed"),
        "skipped": statuses.count("skipped"),
    }


def _row(request_type: str, name: str, cell: Cell) -> dict[str, Any]:
    quantiles = (None if micros is None else micros / 1000 for micros in cell.latency.percentiles([0.5, 0.95, 0.99, 1]))
    p50, p95, p99, greatest = quantiles
    return {
        "type": request_type,
        "name": name,
        "requests": cell.requests,
        "failures": cell.failures,
        "avg": None if cell.latency.mean is None else cell.latency.mean / 1000,
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "max": greatest,
        "outcomes": ", ".join(f"{count} {outcome}" for outcome, count in sorted(cell.outcomes.items())),
    }


def _charts(moments: list[Moment]) -> Markup:
    charts = [
        line_chart("Rate", "requests a second", [Line("requests", "a", [m.requests for m in moments])]),
        line_chart(
            "Latency",
            "ms in each second",
            [Line("p50", "a", [m.p50 for m in moments]), Line("p95", "b", [m.p95 for m in moments])],
        ),
        line_chart("Failures", "a second", [Line("failures", "c", [m.failures for m in moments])]),
        line_chart("Users", "running", [Line("users", "d", [m.users for m in moments])]),
    ]
    return Markup("\n").join(charts)
