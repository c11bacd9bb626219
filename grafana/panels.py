"""The three kinds of panel that the lab's dashboards are made of, each with one look.

Colours mean the same everywhere: green is well, red has missed its target, blue is a plain figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from grafana.influxql import DATASOURCE, InfluxQuery

PALETTE = {"users": "blue", "requests": "blue", "failures": "red", "p50": "green", "p95": "orange", "p99": "purple"}
HIDDEN = {"Time": True, "time": True}
GAP_MS = 10_000
"""Points further apart than this are not joined: between two runs there is no line."""


@dataclass(frozen=True)
class Words:
    """What a panel says about itself: its title, one or two sentences, and the unit of its values."""

    title: str
    description: str
    unit: str


def steps(limit: float | None) -> dashboard.ThresholdsConfig:
    """Green up to a limit and red from it; blue without one."""
    if limit is None:
        found = [Threshold(value=None, color="blue")]
    else:
        found = [Threshold(value=None, color="green"), Threshold(value=limit, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def figure(words: Words, query: str, *, span: int = 4, limit: float | None = None, text: bool = False) -> stat.Panel:
    """One big number, the last value of `query`; with `text`, the last text."""
    reduce_options = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel = (
        stat.Panel()
        .title(words.title)
        .description(words.description)
        .unit(words.unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(4)
        .no_value("–")
        .thresholds(steps(limit))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .reduce_options(reduce_options.fields("/^text$/") if text else reduce_options)
        .with_target(InfluxQuery(query, table=text))
    )
    return panel if text else panel.decimals(1 if words.unit in ("percent", "reqps") else 0)


def graph(
    words: Words,
    series: Mapping[str, str],
    *,
    span: int = 12,
    height: int = 8,
    limit: float | None = None,
    bars: bool = False,
) -> timeseries.Panel:
    """Lines over time (or stacked bars), one query a legend entry; `limit` is drawn as a dashed red line.

    A legend entry may hold `$tag_<name>`, for a query that is grouped by a tag.
    """
    panel = (
        timeseries.Panel()
        .title(words.title)
        .description(words.description)
        .unit(words.unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .min(0)
        .line_width(2)
        .fill_opacity(8)
        .span_nulls(GAP_MS)
        .show_points(common_models.VisibilityMode.AUTO)
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull"])
        )
    )
    if bars:
        panel.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if limit is not None:
        dashed = common_models.GraphThresholdsStyleMode.DASHED
        panel.thresholds(
            dashboard.ThresholdsConfig()
            .mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=None, color="transparent"), Threshold(value=limit, color="red")])
        )
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed)).axis_soft_max(limit * 1.1)
    for number, (alias, query) in enumerate(series.items()):
        panel.with_target(InfluxQuery(query, ref_id=chr(ord("A") + number), alias=alias))
        if color := PALETTE.get(alias):
            panel.override_by_name(alias, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})])
    return panel


def grid(
    words: Words, query: str, units: Mapping[str, str], *, limits: Mapping[str, float], height: int, sort: str
) -> table.Panel:
    """A table of one query: `units` by column, red where a column passes its limit, the biggest `sort` first.

    The query's time column says nothing in such a table and is left out.
    """
    panel = (
        table.Panel()
        .title(words.title)
        .description(words.description)
        .unit(words.unit)
        .datasource(DATASOURCE)
        .span(24)
        .height(height)
        .decimals(0)
        .no_value("–")
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
        .with_target(InfluxQuery(query, table=True))
        .with_transformation(DataTransformerConfig(id_val="organize", options={"excludeByName": HIDDEN}))
    )
    for column, unit in units.items():
        properties = [DynamicConfigValue("unit", unit)]
        if unit == "percent":
            properties.append(DynamicConfigValue("decimals", 2))
        if column in limits:
            properties += [
                DynamicConfigValue("thresholds", steps(limits[column]).build()),
                DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
            ]
        panel.override_by_name(column, properties)
    return panel


def number(board: Dashboard) -> None:
    """Gives each panel its id: its place on the dashboard, from 1."""
    for place, panel in enumerate(board.panels or [], 1):
        panel.id_val = place
