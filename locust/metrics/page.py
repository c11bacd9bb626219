"""What the reports' templates are given: figures, rows and charts of one run, and the filters that write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from metrics.areas import area_of
from metrics.charts import Chart, Limit, Line, draw, step_of
from metrics.durations import in_words
from metrics.failing import FILE_NAME
from metrics.funnel import funnel
from metrics.histogram import Histogram
from metrics.moments import Moment
from metrics.outcome import FAILURES, OUTCOMES
from metrics.recorder import Cell
from metrics.results import Result, figure
from metrics.run import Run
from metrics.targets import LATENCY, Target
from metrics.verdict import Verdict
from metrics.wording import counted

TEMPLATES = Path(__file__).with_name("templates")
ILLEGAL_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LIMIT_AT_PERCENT = 80
"""Where a bar's limit is marked: what is a quarter over it fills the bar."""
ORDER = ("missed", "met", "skipped")


def environment() -> Environment:
    """The templates, with their filters."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html", "xml")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters["figure"] = figure
    made.filters["count"] = lambda number: f"{number:,}"
    made.filters["counted"] = counted
    made.filters["clean"] = lambda text: ILLEGAL_XML.sub("?", text)
    made.filters["cell"] = markdown_cell
    made.filters["plain"] = _plain
    made.filters["bar"] = _bar
    made.filters["lasted"] = _lasted
    return made


def markdown_cell(text: str) -> str:
    """Text that cannot break out of a Markdown table's cell, start a tag, or be read as markup or as an entity."""
    return re.sub(r"([\\|`*_<>\[\]~&])", r"\\\1", " ".join(text.split()))


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def context_of(run: Run, verdict: Verdict) -> dict[str, Any]:
    """What a run's reports say beyond the facts of verdict.json."""
    moments = run.moments.listed()
    drawn = _charts(moments, [result.target for result in verdict.results])
    charts = [replace(chart, step=run.moments.step) for chart in drawn]
    rows = [_row(*endpoint, cell) for endpoint, cell in sorted(run.merge.endpoints.items())]
    failing = [row for row in rows if row["failures"]]
    return {
        "verdict": verdict,
        "results": sorted(verdict.results, key=lambda result: ORDER.index(result.status)),
        "generator": verdict.generator.facts(),
        "tiles": _tiles(run),
        "rows": rows,
        "intended": run.merge.overall.intended is not None,
        "failures": run.failures,
        "failures_file": FILE_NAME,
        "failing": sorted(failing, key=lambda row: -row["failures"]),
        "classes": [outcome for outcome in OUTCOMES if any(outcome in row["failed"] for row in failing)],
        "charts": Markup("\n").join(map(draw, charts)),
        "thinned": step_of(len(moments)) * run.moments.step,
        "calls": list(funnel(run.merge.endpoints)),
        "skipped": any(result.status == "skipped" for result in verdict.results),
    }


def _tiles(run: Run) -> list[dict[str, Any]]:
    overall = run.merge.overall
    duration = run.counted_s
    avg, p50, p95, p99, _ = _figures(overall.latency)
    tiles = [
        ("requests", f"{overall.requests:,}", False),
        ("failures", f"{figure(overall.error_percent)} %", overall.failures > 0),
        ("requests a second", figure(overall.requests / duration if duration > 0 else None), False),
        ("users at most", f"{run.most_users:,}", False),
        ("ms on average", figure(avg), False),
        ("ms p50", figure(p50), False),
        ("ms p95", figure(p95), False),
        ("ms p99", figure(p99), False),
    ]
    if overall.intended is not None:
        tiles.append(("ms p95 from the intended start", figure(_figures(overall.intended)[2]), False))
    return [{"name": name, "value": value, "bad": bad} for name, value, bad in tiles]


def _figures(latencies: Histogram) -> list[float | None]:
    """Average, p50, p95, p99 and maximum in ms."""
    micros = [latencies.mean, *latencies.percentiles([0.5, 0.95, 0.99, 1])]
    return [None if value is None else value / 1000 for value in micros]


def _row(request_type: str, name: str, cell: Cell) -> dict[str, Any]:
    return {
        "type": request_type,
        "name": name,
        "area": area_of(request_type, name),
        "requests": cell.requests,
        "failures": cell.failures,
        "outcomes": {"rejected": 0} | cell.outcomes,
        "failed": cell.outcomes.keys() & FAILURES,
        "sent": _figures(cell.latency),
        "intended": _figures(cell.from_due)[1:4],
    }


def _charts(moments: list[Moment], targets: list[Target]) -> list[Chart]:
    limits: dict[str, list[Limit]] = {"all": []}
    latencies = [target for target in targets if target.kind == LATENCY]
    for target in latencies:
        limits.setdefault(target.group, []).append(
            Limit(f"{target.measure.removesuffix('_ms')} {target.words}", target.limit)
        )
    lines = [Line("p50", "a", [m.p50 for m in moments]), Line("p95", "b", [m.p95 for m in moments])]
    if any(m.intended_p95 != m.p95 for m in moments):
        lines.append(Line("p95 from the intended start", "c", [m.intended_p95 for m in moments]))
    charts = [
        Chart("Requests", "a second", [Line("requests", "a", [m.requests for m in moments])], wide=False),
        Chart("Users", "running", [Line("users", "d", [m.users for m in moments])], wide=False),
        Chart("Latency", "ms in each second, all requests", lines, limits["all"]),
    ]
    if classes := [outcome for outcome in OUTCOMES if any(outcome in m.failed for m in moments)]:
        failed = [Line(outcome, outcome, [m.failed.get(outcome, 0) for m in moments]) for outcome in classes]
        charts.append(Chart("Failures by class", "a second", failed, stacked=True))
    for target in latencies:
        values = [m.targets.get(target.name) for m in moments]
        if target.group != "all" and any(value is not None for value in values):
            line = Line(f"{target.measure.removesuffix('_ms')} of each second", "a", values)
            charts.append(Chart(target.name, "ms", [line], [Limit(target.words, target.limit)], wide=False))
    return charts


def _bar(result: Result) -> str:
    """How far a value fills its bar, in percent."""
    assert result.value is not None
    if not result.target.limit:
        return "100" if result.value else "0"
    return f"{min(100, LIMIT_AT_PERCENT * result.value / result.target.limit):.1f}"


def _plain(value: Any) -> str:
    """A fact of the generator for a reader."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {item}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no", "": "–"}[value] if isinstance(value, bool) or value == "" else str(value)


def _lasted(facts: Mapping[str, Any]) -> str:
    """How long a run lasted and, where that is known, was to last."""
    lasted = in_words(facts["duration_s"])
    if facts["planned_s"] is not None:
        lasted += f" of {in_words(facts['planned_s'])} planned"
    return lasted + (", interrupted" if facts["interrupted"] else "")
