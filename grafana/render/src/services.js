// What Grafana's libraries expect of the application around them.
import {
  EventBusSrv,
  createTheme,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from "@grafana/data";
import {
  config,
  setAppEvents,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from "@grafana/runtime";
import { map } from "rxjs";
import { InfluxDataSource } from "./influx.js";
import { PLUGINS } from "./panels.jsx";

const PROCESSORS = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
};

export const theme = createTheme({ colors: { mode: "dark" } });

export function provideServices(database) {
  config.theme2 = theme;
  config.featureToggles = {};
  const source = new InfluxDataSource(database);
  setDataSourceSrv({
    get: async () => source,
    getInstanceSettings: () => source.instanceSettings ?? { uid: "influxdb", type: "influxdb", name: "InfluxDB" },
    getList: () => [],
    reload: () => undefined,
  });
  setTemplateSrv({
    getVariables: () => [],
    replace: (text) => text ?? "",
    containsTemplate: () => false,
    updateTimeRange: () => undefined,
  });
  setRunRequest((from, request) =>
    from
      .query(request)
      .pipe(map((answer) => ({ state: answer.state, series: answer.data, timeRange: request.range, request }))),
  );
  setAppEvents(new EventBusSrv());
  setPluginImportUtils({
    importPanelPlugin: async (id) => known(id),
    getPanelPluginFromCache: (id) => known(id),
  });
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() =>
    Object.entries(PROCESSORS).map(([id, process]) => ({
      id,
      path: id,
      name: id,
      process,
      override: () => null,
      editor: () => null,
      settings: {},
      shouldApply: () => true,
    })),
  );
  standardTransformersRegistry.setInit(() =>
    // Some stand there under two names.
    [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      transformation: async () => transformation,
      editor: () => null,
    })),
  );
}

function known(id) {
  const plugin = PLUGINS[id];
  if (!plugin) {
    throw new Error(`the dashboards use a panel of type ${id}, which src/panels.jsx cannot draw`);
  }
  return plugin;
}
