// A plugin for each type of panel that the dashboards use, drawn with @grafana/ui.
import { FieldType, PanelPlugin, VizOrientation, getFieldDisplayName, getFieldDisplayValues, reduceField } from "@grafana/data";
import { config } from "@grafana/runtime";
import { BigValue, TimeSeries, VizLegend, VizRepeater, useTheme2 } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { interpolateTurbo } from "d3-scale-chromatic";
import { Cells } from "./cells.jsx";

/** The custom properties of a field that a type of panel knows, with the values that Grafana's plugin gives them. */
function plugin(component, custom = {}, color = "thresholds") {
  const made = new PanelPlugin(component);
  made.meta = { info: { version: config.buildInfo?.version ?? "" } };
  made.setDataSupport({ annotations: true, alertStates: false });
  made.useFieldConfig({
    standardOptions: { color: { defaultValue: { mode: color } } },
    useCustomConfig: (builder) => {
      for (const [path, defaultValue] of Object.entries(custom)) {
        builder.addCustomEditor({
          id: path,
          path,
          name: path,
          defaultValue,
          editor: () => null,
          override: () => null,
          process: (value) => value,
          shouldApply: () => true,
          settings: {},
        });
      }
    },
  });
  return made;
}

function Nothing({ fieldConfig }) {
  const words = fieldConfig.defaults.noValue;
  return <div className={words ? "" : "no-data"}>{words ?? "No data"}</div>;
}

function Stat({ data, options, fieldConfig, width, height, timeRange, timeZone, replaceVariables }) {
  const theme = useTheme2();
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables,
    theme,
    data: data.series,
    sparkline: options.graphMode !== "none",
    timeZone,
  });
  if (!data.series.some((frame) => frame.length)) {
    return <Nothing fieldConfig={{ defaults: {} }} />;
  }
  return (
    <VizRepeater
      getValues={() => values}
      width={width}
      height={height}
      source={data}
      orientation={VizOrientation.Vertical}
      renderValue={({ value, width, height }) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline && { ...value.sparkline, timeRange }}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          textMode={options.textMode ?? "auto"}
          justifyMode={options.justifyMode ?? "auto"}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    />
  );
}

function Graph({ data, options, width, height, timeRange, timeZone, fieldConfig }) {
  const frames = data.series.filter((frame) => frame.length);
  if (!frames.length) {
    return <Nothing fieldConfig={fieldConfig} />;
  }
  const events = data.annotations ?? [];
  for (const field of frames.flatMap((frame) => frame.fields)) {
    if (field.type === FieldType.number && options.legend.calcs.length) {
      reduceField({ field, reducers: options.legend.calcs });
    }
  }
  return (
    <TimeSeries
      key={events.map((frame) => frame.length).join()}
      frames={frames}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    >
      {(builder) => drawEvents(builder, events)}
    </TimeSeries>
  );
}

const DRAWN = new WeakSet();

/** A dashed line at each event, in the colour of its kind. */
function drawEvents(builder, frames) {
  if (DRAWN.has(builder)) {
    return null;
  }
  DRAWN.add(builder);
  builder.addHook("draw", (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.setLineDash([4, 4]);
    for (const frame of frames) {
      const [times, colors] = ["time", "color"].map((name) => frame.fields.find((field) => field.name === name)?.values ?? []);
      times.forEach((time, place) => {
        const at = Math.round(plot.valToPos(time, "x", true)) + 0.5;
        if (at >= bbox.left && at <= bbox.left + bbox.width) {
          ctx.strokeStyle = colors[place] ?? "#5794F2";
          ctx.globalAlpha = 0.75;
          ctx.beginPath();
          ctx.moveTo(at, bbox.top);
          ctx.lineTo(at, bbox.top + bbox.height);
          ctx.stroke();
          ctx.globalAlpha = 1;
          ctx.fillStyle = ctx.strokeStyle;
          ctx.beginPath();
          ctx.moveTo(at - 4, bbox.top + bbox.height + 6);
          ctx.lineTo(at + 4, bbox.top + bbox.height + 6);
          ctx.lineTo(at, bbox.top + bbox.height);
          ctx.fill();
        }
      });
    }
    ctx.restore();
  });
  return null;
}

function Grid({ data, options, width, height, fieldConfig, timeRange }) {
  const [frame] = data.series;
  if (!frame?.length) {
    return <Nothing fieldConfig={{ defaults: {} }} />;
  }
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      sortBy={options.sortBy}
      structureRev={data.structureRev}
      fieldConfig={fieldConfig}
      cellHeight={options.cellHeight}
      timeRange={timeRange}
      enableVirtualization={false}
    />
  );
}

/** One row a frame, with the frames' own times brought together. */
function rowsOf(frames) {
  const times = [...new Set(frames.flatMap((frame) => [...frame.fields[0].values]))].sort((a, b) => a - b);
  const rows = frames.map((frame) => {
    const field = frame.fields[1];
    const found = new Map(frame.fields[0].values.map((time, place) => [time, field.values[place]]));
    return { field, label: getFieldDisplayName(field, frame), values: times.map((time) => found.get(time) ?? null) };
  });
  const steps = times.slice(1).map((time, place) => time - times[place]);
  return { times, rows, step: Math.min(...steps, 60_000) };
}

function Heatmap({ data, options, width, height, timeRange, timeZone }) {
  if (!data.series.some((frame) => frame.length)) {
    return <Nothing fieldConfig={{ defaults: {} }} />;
  }
  const { times, rows, step } = rowsOf(data.series);
  const most = Math.max(...rows.flatMap((row) => row.values));
  const { exponent } = options.color;
  const cells = rows.map(({ label, values }) => ({
    label,
    colors: values.map((value) => (value > options.filterValues.le ? interpolateTurbo((value / most) ** exponent) : null)),
  }));
  const scale = [...Array(40).keys()].map((place) => interpolateTurbo((place / 39) ** exponent));
  return (
    <>
      <Cells {...{ times, step, rows: cells, edges: true, gap: 0.04, space: 1, width, height: height - 24, timeRange, timeZone }} axisWidth={64} />
      <div style={{ display: "flex", alignItems: "center", gap: 8, fontSize: 12, paddingLeft: 8 }}>
        <span>1</span>
        <div style={{ width: 220, height: 8, background: `linear-gradient(to right, ${scale.join(",")})` }} />
        <span>{most} requests</span>
      </div>
    </>
  );
}

function StateTimeline({ data, width, height, timeRange, timeZone }) {
  const theme = useTheme2();
  if (!data.series.some((frame) => frame.length)) {
    return <Nothing fieldConfig={{ defaults: {} }} />;
  }
  const { times, rows, step } = rowsOf(data.series);
  const shown = (field, value) => (value === null ? null : field.display(value));
  const cells = rows
    .map(({ label, field, values }) => ({ label, colors: values.map((value) => shown(field, value)?.color ?? null) }))
    .reverse();
  const states = new Map(
    rows.flatMap(({ field, values }) => [...new Set(values)].map((value) => shown(field, value))).map((one) => [one?.text, one]),
  );
  const items = [...states.values()].filter(Boolean).map(({ text, color }) => ({ label: text, color, yAxis: 1 }));
  return (
    <>
      <Cells {...{ times, step, rows: cells, gap: 0.15, width, height: height - 28, timeRange, timeZone }} axisWidth={190} />
      <VizLegend items={items} placement="bottom" displayMode="list" theme={theme} />
    </>
  );
}

export const PLUGINS = {
  stat: plugin(Stat),
  heatmap: plugin(Heatmap),
  "state-timeline": plugin(StateTimeline, { fillOpacity: 70, lineWidth: 0, spanNulls: false }),
  timeseries: plugin(
    Graph,
    {
      drawStyle: "line",
      lineInterpolation: "linear",
      lineWidth: 1,
      lineStyle: { fill: "solid" },
      fillOpacity: 0,
      gradientMode: "none",
      showPoints: "auto",
      pointSize: 5,
      spanNulls: false,
      insertNulls: false,
      barAlignment: 0,
      barWidthFactor: 0.6,
      stacking: { mode: "none", group: "A" },
      axisPlacement: "auto",
      axisLabel: "",
      axisColorMode: "text",
      axisBorderShow: false,
      axisCenteredZero: false,
      axisGridShow: undefined,
      axisWidth: undefined,
      axisSoftMin: undefined,
      axisSoftMax: undefined,
      scaleDistribution: { type: "linear" },
      thresholdsStyle: { mode: "off" },
      hideFrom: { viz: false, legend: false, tooltip: false },
      fillBelowTo: undefined,
      transform: undefined,
    },
    "palette-classic",
  ),
  table: plugin(Grid, {
    align: "auto",
    cellOptions: { type: "auto" },
    width: undefined,
    minWidth: undefined,
    inspect: false,
    filterable: false,
    "hideFrom.viz": false,
    footer: { reducers: [] },
    wrapText: false,
  }),
};
