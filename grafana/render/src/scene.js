// A dashboard's JSON as a scene: the same panels, queries, transformations, variables and annotations.
import {
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
  dataLayers,
} from "@grafana/scenes";

/** `chosen` holds the values of variables by name, `from` and `to` the time range; without them the board's own. */
export function sceneOf(board, { from, to, chosen }) {
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from: from ?? board.time.from, to: to ?? board.time.to, timeZone: "utc" }),
    $variables: new SceneVariableSet({ variables: board.templating.list.map((one) => variable(one, chosen)) }),
    $data: new SceneDataLayerSet({ layers: board.annotations.list.map(layer) }),
    controls: [
      new VariableValueSelectors({}),
      new SceneControlsSpacer(),
      new SceneTimePicker({}),
      new SceneRefreshPicker({ refresh: "", intervals: board.timepicker.refresh_intervals }),
    ],
    body: new SceneGridLayout({ children: board.panels.map(gridItem) }),
  });
}

function variable(one, chosen) {
  const value = chosen[one.name] ?? one.current?.value ?? (one.multi ? [] : "");
  return new QueryVariable({
    name: one.name,
    label: one.label,
    datasource: one.datasource,
    query: one.query,
    refresh: one.refresh,
    sort: one.sort,
    isMulti: one.multi,
    includeAll: one.includeAll,
    allValue: one.allValue,
    value: one.multi ? [value].flat() : value,
    text: one.multi ? [value].flat().map((text) => (text === "$__all" ? "All" : text)) : value,
  });
}

function layer(annotation) {
  return new dataLayers.AnnotationsDataLayer({ name: annotation.name, isEnabled: annotation.enable, query: annotation });
}

function gridItem(panel) {
  const { x = 0, y = 0, w, h } = panel.gridPos;
  if (panel.type === "row") {
    return new SceneGridRow({ title: panel.title, isCollapsible: true, isCollapsed: false, x, y });
  }
  return new SceneGridItem({ x, y, width: w, height: h, body: vizPanel(panel) });
}

function vizPanel(panel) {
  const queries = new SceneQueryRunner({
    datasource: panel.datasource,
    queries: panel.targets,
    maxDataPoints: panel.maxDataPoints,
    minInterval: panel.interval,
  });
  return new VizPanel({
    key: `panel-${panel.id}`,
    title: panel.title,
    description: panel.description,
    pluginId: panel.type,
    options: panel.options ?? {},
    fieldConfig: { defaults: {}, overrides: [], ...panel.fieldConfig },
    $data: panel.transformations
      ? new SceneDataTransformer({ $data: queries, transformations: panel.transformations })
      : queries,
  });
}
