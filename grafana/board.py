"""What all dashboards share: pickers, annotations, links to one another, refresh, and panels in titled rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.influxql import DATASOURCE, AnnotationQuery
from grafana.looks import BLUE, ORANGE, PURPLE
from grafana.panels import Panel, Words
from grafana.queries import RUN, select, tag_values

TAG = "load-lab"
INTERVALS = ["1s", "2s", "5s", "10s", "30s", "1m", "5m"]
EVENTS = {
    "Runs": ("start|stop", BLUE),
    "Faults": ("fault|double", ORANGE),
    "Verdicts": ("verdict", PURPLE),
}
"""Annotations: the events of each, and their colour. A double that is lost is drawn like a fault."""


def board(
    uid: str,
    words: Words,
    pickers: Sequence[dashboard.QueryVariable],
    rows: Mapping[str, Sequence[Panel]],
    *,
    time: str = "now-15m",
    refresh: str = "1s",
    where: str = RUN,
    marked: Collection[str] = tuple(EVENTS),
) -> Dashboard:
    """A dashboard; each row has its title, that of the first may be empty. Panels are numbered by their place.

    `marked` names the annotations that are drawn without a click.
    """
    built = (
        dashboard.Dashboard(words.title)
        .uid(uid)
        .description(words.description)
        .tags([TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .time(time, "now")
        .refresh(refresh)
        .timepicker(dashboard.TimePicker().refresh_intervals(INTERVALS))
        .link(
            dashboard.DashboardLink("Dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
            .include_vars(True),
        )
    )
    for picker in pickers:
        built.with_variable(picker)
    for name, (kinds, color) in EVENTS.items():
        query = select({"text": "text", "tags": "tags"}, "events", f'"kind" =~ /^({kinds})$/ AND {where}')
        built.annotation(
            dashboard.AnnotationQuery()
            .name(name)
            .datasource(DATASOURCE)
            .enable(name in marked)
            .icon_color(color)
            .target(AnnotationQuery(query, "text", "tags"))
        )
    for title, panels in rows.items():
        if title:
            built.with_row(dashboard.Row(title))
        for panel in panels:
            built.with_panel(panel)
    result = built.build()
    for place, placed in enumerate(result.panels or [], 1):
        placed.id_val = place
    return result


def many(name: str, label: str, description: str, query: str) -> dashboard.QueryVariable:
    """A picker of tag values, with everything chosen at first."""
    return (
        _picker(name, label, description, query, VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def one(
    name: str, label: str, description: str, query: str, sort: VariableSort = VariableSort.ALPHABETICAL_ASC
) -> dashboard.QueryVariable:
    """A picker of one tag value; the first one is chosen at first."""
    return _picker(name, label, description, query, sort).multi(False).include_all(False)


def run_picker() -> dashboard.QueryVariable:
    """The runs, the newest first; all at first, so that a run that begins is seen without a click."""
    description = "Runs by name, the newest first; All shows every run in the time range."
    return many("run", "Run", description, tag_values("run_id", "users")).sort(VariableSort.ALPHABETICAL_DESC)


def _picker(name: str, label: str, description: str, query: str, sort: VariableSort) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(sort)
    )
