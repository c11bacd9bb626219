"""The dashboards bench: how long InfluxDB takes for each query of each dashboard, over an hour at 50 endpoints.

    scripts/bench/dashboards --seconds 3600

A real InfluxDB on this machine is filled with a run as the suite writes it, and asked as Grafana would for a page 1,600
pixels wide that shows all of it. A query is asked several times and counts with its median, a dashboard with its
slowest query. Exit code 0: each is under the limit; 1: one is not.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from bench.command import BenchParser, conclude
from bench.filling import fill
from locallab.arguments import whole_number

from configs.targets import load_targets
from metrics.influx import Influx
from tests.support.dashboards import BOARDS, Json, interpolate, panels_of
from tests.support.influx import running_influx

LIMIT_MS = 250.0
ENDPOINTS = 50
REQUESTS_A_SECOND = 100
RUN_ID = "20261126-120000-beef"
BASELINE = "20261126-100000-cafe"
INTERVALS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
"""Those that Grafana rounds to."""
DAY_MS = 86_400_000
PIXELS_A_COLUMN = 1600 / 24


def main() -> None:
    """Run the bench and print its figures."""
    parser = BenchParser("dashboards", __doc__)
    parser.takes("--seconds", whole_number(10, 7200), 3600, "how much is there and is shown")
    parser.takes("--rounds", whole_number(1, 50), 5, "how often each query is asked")
    asked = parser.parse_args()
    figures = measure(asked.seconds, asked.rounds)
    is_slow = any(board["slowest_ms"] > LIMIT_MS for board in figures["dashboards"].values())
    conclude(asked, figures, as_text(figures), int(is_slow))


def measure(seconds: int, rounds: int) -> dict[str, Any]:
    """Fill an InfluxDB and ask it everything; the figures by dashboard."""
    began = float(int(time.time()) - seconds)
    with running_influx() as server:
        influx = Influx(server.url, server.token, server.org, server.bucket)
        targets = load_targets()
        fill(influx, targets, run_id=BASELINE, began=began - 100, seconds=30, endpoints=ENDPOINTS)
        points = fill(
            influx,
            targets,
            run_id=RUN_ID,
            began=began,
            seconds=seconds,
            endpoints=ENDPOINTS,
            requests_a_second=REQUESTS_A_SECOND,
        )
        now = int(time.time() * 1000) + 1  # faults are told of when they are seen
        an_hour, a_month = (int(began * 1000), now), (now - 30 * DAY_MS, now)
        boards: dict[str, dict[str, Any]] = {}
        for name, board in BOARDS.items():
            taken = [
                (median(ask(server.query, query) for _ in range(rounds)), title)
                for title, query in queries_of(board, a_month if name == "runs" else an_hour)
            ]
            slowest, title = max(taken)
            boards[name] = {"queries": len(taken), "all_ms": sum(ms for ms, _ in taken), "slowest_ms": slowest}
            boards[name]["slowest"] = title
    return {"points": points, "seconds": seconds, "dashboards": boards}


def ask(query: Any, statement: str) -> float:
    """How long a query takes, in ms. Raises ValueError when there is no answer with a value."""
    started = time.perf_counter()
    rows = query(statement)
    taken = (time.perf_counter() - started) * 1000
    if not rows:
        raise ValueError(f"nothing answers {statement}")
    return taken


def queries_of(board: Json, shown: tuple[int, int]) -> list[tuple[str, str]]:
    """Title and statement of each query: of panels, pickers and annotations."""
    chosen = {"endpoint": "\\/api\\/auth\\/login", "method": "POST", "baseline": BASELINE}
    if board["uid"] == "runs":
        chosen["run"] = RUN_ID
    asked = [
        (panel["title"], interpolate(target["query"], chosen, shown, interval(panel, shown)))
        for panel in panels_of(board)
        for target in panel["targets"]
    ]
    asked += [
        (variable["label"], interpolate(variable["query"], chosen, shown)) for variable in board["templating"]["list"]
    ]
    annotations = [(each["name"], each["target"]["query"]) for each in board["annotations"]["list"]]
    return asked + [(name, interpolate(query, chosen, shown)) for name, query in annotations]


def interval(panel: Json, shown: tuple[int, int]) -> str:
    """`$__interval` as Grafana chooses it: about a point a pixel, or as many as the panel says at most."""
    points = panel.get("maxDataPoints") or panel["gridPos"]["w"] * PIXELS_A_COLUMN
    least = (shown[1] - shown[0]) / 1000 / points
    return f"{min((each for each in INTERVALS_S if each >= least * 0.8), default=INTERVALS_S[-1])}s"


def as_text(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [f"{figures['points']:,} points of {figures['seconds']} s at {ENDPOINTS} endpoints"]
    lines.append(f"{'dashboard':12} {'queries':>8} {'all, ms':>9} {'slowest, ms':>12}")
    for name, board in figures["dashboards"].items():
        slowest = f"{board['slowest_ms']:12.0f}  {board['slowest']}"
        lines.append(f"{name:12} {board['queries']:8} {board['all_ms']:9.0f} {slowest}")
    return "\n".join([*lines, f"each is to answer in {LIMIT_MS:.0f} ms"])


if __name__ == "__main__":
    main()
