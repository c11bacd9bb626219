"""The kinds of panel that the lab's dashboards are made of, each with one look (`looks.py` says what colours mean)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common, dashboard, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    SpecialValueMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
)

from grafana.influxql import DATASOURCE, InfluxQuery
from grafana.looks import BY_TAG, RED, SERIES, bound

GAP_MS = 10_000
"""Points further apart than this are not joined: between two runs there is no line."""
DECIMALS = {"percent": 1, "reqps": 1, "locale": 0, "short": 0}
"""How many a figure has, by its unit; a time has as many as Grafana finds fit."""
BARS_ACROSS = 100
"""As many bars or cells are drawn over a graph's width at most: thinner ones cannot be told apart."""

Panel = stat.Panel | timeseries.Panel | table.Panel | heatmap.Panel | statetimeline.Panel
P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel, heatmap.Panel, statetimeline.Panel)


@dataclass(frozen=True)
class Words:
    """What a panel says about itself: its title, one or two sentences, and the unit of its values."""

    title: str
    description: str
    unit: str


def figure(
    words: Words,
    query: str,
    *,
    span: int = 3,
    limit: float | None = None,
    at_least: bool = False,
    mapped: ValueMap | None = None,
) -> stat.Panel:
    """One big number, the last value of `query`, or a `mapped` word on its colour.

    A figure with a limit is green within it and red beyond it.
    """
    color = common_models.BigValueColorMode.BACKGROUND if mapped else common_models.BigValueColorMode.VALUE
    panel = (
        _worded(stat.Panel(), words)
        .span(span)
        .height(4)
        .no_value("–")
        .thresholds(bound(limit, at_least=at_least))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(color)
        .text_mode(common_models.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .with_target(InfluxQuery(query))
    )
    if mapped:
        panel.mappings([mapped])
    if words.unit in DECIMALS:
        panel.decimals(DECIMALS[words.unit])
    return panel


def graph(
    words: Words,
    series: Mapping[str, str],
    *,
    span: int = 12,
    height: int = 8,
    limit: float | None = None,
    bars: bool = False,
    stacked: bool = False,
    steps: bool = False,
    legend: Sequence[str] = ("lastNotNull",),
    shades_of: str = "",
) -> timeseries.Panel:
    """Lines over time (or stacked areas or bars), one query a legend entry; `limit` is drawn as a dashed red line.

    A legend entry may hold `$tag_<name>`, for a query that is grouped by a tag, or `$col` for one of several columns.
    With `shades_of`, series whose names are not known beforehand are shades of that colour.
    """
    panel = (
        _worded(timeseries.Panel(), words)
        .span(span)
        .height(height)
        .min(0)
        .line_width(2)
        .fill_opacity(0 if len(series) > 1 or any("$" in alias for alias in series) else 10)
        .span_nulls(GAP_MS)
        .show_points(common_models.VisibilityMode.AUTO)
        .point_size(4)
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
            .calcs(list(legend))
        )
    )
    if steps:
        panel.line_interpolation(common_models.LineInterpolation.STEP_AFTER)
    if bars or stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
        panel.fill_opacity(85 if bars else 45).line_width(0 if bars else 1)
    if stacked:
        panel.span_nulls(False)  # what is stacked on a gap would be drawn on the axis
    if bars:
        panel.draw_style(common_models.GraphDrawStyle.BARS).max_data_points(BARS_ACROSS)
    if limit is None:
        panel.axis_soft_max(1)  # where all is 0, the axis would go to 100
    else:
        _draw_limit(panel, limit)
    for number, (alias, query) in enumerate(series.items()):
        panel.with_target(InfluxQuery(query, ref_id=chr(ord("A") + number), alias=alias))
    if shades_of:
        panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.SHADES).fixed_color(shades_of))
    for name, color in _colors_of(series).items():
        panel.override_by_name(name, [_fixed(color)])
    return panel


def trend(words: Words, series: Mapping[str, str], *, span: int = 8, limit: float | None = None) -> timeseries.Panel:
    """One point a run, joined however far apart they are."""
    panel = graph(words, series, span=span, limit=limit)
    panel.show_points(common_models.VisibilityMode.ALWAYS).point_size(8).span_nulls(True).fill_opacity(0)
    return panel


def heat(words: Words, query: str, *, span: int = 12, height: int = 8) -> heatmap.Panel:
    """How many values lay in each bucket of each interval; one query with a column a bucket, the lowest first."""
    return (
        _worded(heatmap.Panel(), words)
        .span(span)
        .height(height)
        .max_data_points(BARS_ACROSS)
        .calculate(False)
        .rows_frame(heatmap.RowsHeatmapOptions().layout(common_models.HeatmapCellLayout.LE).value("requests"))
        .cell_gap(1)
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmap_models.HeatmapColorMode.SCHEME)
            .scheme("Turbo")
            .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
        )
        .show_value(common_models.VisibilityMode.NEVER)
        .y_axis(heatmap.YAxisConfig().axis_placement(common_models.AxisPlacement.LEFT))
        .tooltip(
            heatmap.HeatmapTooltip()
            .mode(common_models.TooltipDisplayMode.SINGLE)
            .y_histogram(True)
            .show_color_scale(True)
        )
        .show_legend()
        .with_target(InfluxQuery(query, alias="$col"))
    )


def states(
    words: Words, series: Mapping[str, str], mapped: ValueMap, *, span: int = 12, height: int = 8
) -> statetimeline.Panel:
    """A band a series, coloured by what holds at each time."""
    panel = (
        _worded(statetimeline.Panel(), words)
        .span(span)
        .height(height)
        .mappings([mapped])
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common_models.VisibilityMode.NEVER)
        .row_height(0.7)
        .line_width(0)
        .fill_opacity(85)
        .span_nulls(GAP_MS)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    for number, (alias, query) in enumerate(series.items()):
        panel.with_target(InfluxQuery(query, ref_id=chr(ord("A") + number), alias=alias))
    return panel


@dataclass(frozen=True)
class Column:
    """A column of a table: its unit, and maybe a limit, values as coloured words, a gauge, a link, or a width."""

    unit: str
    limit: float | None = None
    decimals: int | None = None
    mapped: ValueMap | SpecialValueMap | None = None
    gauge_to: float | None = None
    """The value is drawn as a bar, which is full at this one."""
    link: str = ""
    width: int | None = None
    hidden: bool = False

    def properties(self) -> list[DynamicConfigValue]:
        """What overrides the table's own settings."""
        decimals = {"percent": 2, "locale": 0}.get(self.unit) if self.decimals is None else self.decimals
        cell: dict[str, str] | None = None
        found = [DynamicConfigValue("unit", self.unit)]
        if decimals is not None:
            found.append(DynamicConfigValue("decimals", decimals))
        if self.limit is not None:
            found.append(DynamicConfigValue("thresholds", bound(self.limit).build()))
            cell = {"type": "color-text"}
        if self.mapped:
            found.append(DynamicConfigValue("mappings", [self.mapped]))
            cell = {"type": "color-text"}
        if self.gauge_to is not None:
            found += [DynamicConfigValue("min", 0), DynamicConfigValue("max", self.gauge_to)]
            cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        if cell:
            found.append(DynamicConfigValue("custom.cellOptions", cell))
        if self.link:
            found.append(DynamicConfigValue("links", [{"title": "Open", "url": self.link}]))
        if self.width:
            found.append(DynamicConfigValue("custom.width", self.width))
        if self.hidden:
            found.append(DynamicConfigValue("custom.hideFrom.viz", value=True))
        return found


def grid(
    words: Words,
    queries: Sequence[str],
    columns: Mapping[str, Column],
    *,
    height: int,
    sort: str,
    span: int = 24,
    descending: bool = True,
    joined: Iterable[DataTransformerConfig] = (),
    time: bool = False,
) -> table.Panel:
    """A table, the biggest `sort` first, with the columns in the order of `columns`.

    Several queries are merged where their tags agree, and then go through `joined`. The query's own time column says
    nothing in most tables and is left out, except with `time`.
    """
    panel = (
        _worded(table.Panel(), words)
        .span(span)
        .height(height)
        .no_value("–")
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    )
    for number, query in enumerate(queries):
        panel.with_target(InfluxQuery(query, ref_id=chr(ord("A") + number), table=True))
    if len(queries) > 1:
        panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    for transformation in joined:
        panel.with_transformation(transformation)
    order = {name: place for place, name in enumerate((["Time"] if time else []) + list(columns))}
    organized: dict[str, object] = {"indexByName": order}
    if not time:
        organized["excludeByName"] = {"Time": True}
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=organized))
    for name, column in columns.items():
        panel.override_by_name(name, column.properties())
    return panel


def ratio(name: str, above: str, below: str) -> DataTransformerConfig:
    """A column of its own, one divided by another."""
    sides = {side: {"matcher": {"id": "byName", "options": of}} for side, of in (("left", above), ("right", below))}
    options = {"mode": "binary", "alias": name, "binary": {**sides, "operator": "/"}}
    return DataTransformerConfig(id_val="calculateField", options=options)


def _worded(panel: P, words: Words) -> P:
    panel.title(words.title).description(words.description).unit(words.unit).datasource(DATASOURCE)
    return panel


def _colors_of(aliases: Iterable[str]) -> dict[str, str]:
    colors = {alias: SERIES[alias] for alias in aliases if alias in SERIES}
    for tag in re.findall(r"\$tag_(\w+)", " ".join(aliases)):
        colors |= BY_TAG.get(tag, {})
    return colors


def _fixed(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def _draw_limit(panel: timeseries.Panel, limit: float) -> None:
    dashed = common_models.GraphThresholdsStyleMode.DASHED
    panel.thresholds(
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=None, color="transparent"), Threshold(value=limit, color=RED)])
    )
    panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed)).axis_soft_max(limit * 1.1)
