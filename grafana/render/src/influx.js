// Grafana's InfluxDB data source, as far as the lab's dashboards use it: InfluxQL over /query.
import { DataSourceApi, FieldType, LoadingState, dateTime } from "@grafana/data";
import { sceneGraph } from "@grafana/scenes";
import { from } from "rxjs";

const REFERENCE = { type: "influxdb", uid: "influxdb" };

export class InfluxDataSource extends DataSourceApi {
  interval = "1s";
  annotations = {};

  constructor(database) {
    super({ ...REFERENCE, id: 1, name: "InfluxDB", meta: { id: "influxdb" }, jsonData: {}, readOnly: true });
    this.database = database;
  }

  getRef() {
    return REFERENCE;
  }

  query(request) {
    return from(this.#answer(request));
  }

  async #answer(request) {
    const frames = await Promise.all(request.targets.map((target) => this.#frames(target, request)));
    return { data: frames.flat(), state: LoadingState.Done };
  }

  async #frames(target, request) {
    const statement = interpolate(target.query, request.scopedVars, request.range, request.interval);
    const series = await this.#ask(statement);
    const asTable = target.resultFormat === "table" || target.fromAnnotations;
    return asTable ? tables(series, target) : series.flatMap((one) => lines(one, target));
  }

  async metricFindQuery(query, options) {
    const statement = interpolate(query.query ?? query, options?.scopedVars, options?.range);
    const series = await this.#ask(statement);
    const column = (one) => Math.max(one.columns.indexOf("value"), 0);
    const found = series.flatMap((one) => one.values.map((row) => row[column(one)]));
    return [...new Set(found)].map((text) => ({ text, value: text }));
  }

  async #ask(statement) {
    const answer = await fetch("/query", {
      method: "POST",
      body: new URLSearchParams({ db: this.database, epoch: "ms", q: statement }),
    });
    const [result] = answer.ok ? (await answer.json()).results : [{ error: `InfluxDB answers ${answer.status}` }];
    if (result.error) {
      window.problems.push(`${result.error}: ${statement}`);
      throw new Error(result.error);
    }
    return result.series ?? [];
  }

  async testDatasource() {
    return { status: "success", message: "" };
  }
}

/** The statement as Grafana's server sends it: times, the interval, and variables as alternatives of a regex. */
function interpolate(query, scopedVars = {}, range = undefined, interval = "1s") {
  const [start, end] = [range?.from ?? dateTime(0), range?.to ?? dateTime()].map((time) => time.valueOf());
  const timed = query
    .replaceAll("$timeFilter", `time >= ${start}ms and time <= ${end}ms`)
    .replaceAll("$__interval", interval);
  return sceneGraph.interpolate(scopedVars.__sceneObject?.value.valueOf(), timed, scopedVars, asRegex);
}

function asRegex(value) {
  const escaped = [value].flat().map((one) => (one === ".*" ? one : String(one).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
}

/** One frame a column of a series; its name is the target's alias. */
function lines(series, target) {
  const times = series.values.map((row) => row[0]);
  return series.columns.slice(1).map((column, place) => ({
    refId: target.refId,
    name: alias(target.alias, series, column),
    length: times.length,
    fields: [
      { name: "Time", type: FieldType.time, values: times, config: {} },
      {
        name: "Value",
        type: FieldType.number,
        values: series.values.map((row) => row[place + 1]),
        labels: series.tags,
        config: { displayNameFromDS: alias(target.alias, series, column) },
      },
    ],
  }));
}

function alias(text, series, column) {
  const named = (text || `${series.name}.$col`).replaceAll("$col", column);
  return named.replace(/\$tag_(\w+)/g, (_, tag) => series.tags?.[tag] ?? "");
}

/** One frame of all series: the time, the tags, the columns. */
function tables(series, target) {
  if (!series.length) {
    return [];
  }
  const tags = Object.keys(series[0].tags ?? {});
  const columns = series[0].columns.slice(1);
  const rows = series.flatMap((one) => one.values.map((row) => [row[0], ...tags.map((tag) => one.tags[tag]), ...row.slice(1)]));
  const values = (place) => rows.map((row) => row[place]);
  const type = (place) => {
    const first = values(place).find((value) => value !== null);
    return typeof first === "number" ? FieldType.number : FieldType.string;
  };
  return [
    {
      refId: target.refId,
      length: rows.length,
      fields: [
        { name: "Time", type: FieldType.time, values: values(0), config: {} },
        ...[...tags, ...columns].map((name, place) => ({
          name,
          type: type(place + 1),
          values: values(place + 1),
          config: {},
        })),
      ],
    },
  ];
}

