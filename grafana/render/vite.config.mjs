import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Scenes imports what only react-router's compatibility package has.
const routerOfScenes = {
  name: "router-of-scenes",
  enforce: "pre",
  resolveId(source, importer) {
    if (source === "react-router-dom" && importer?.includes("@grafana/scenes")) {
      return this.resolve("react-router-dom-v5-compat", importer, { skipSelf: true });
    }
    return null;
  },
};

/** Vite's settings: `influx` is where queries go, with the header that lets them read. */
export function settings(influx) {
  return {
    configFile: false,
    root: here("."),
    logLevel: "warn",
    plugins: [react()],
    resolve: { alias: { "react-custom-scrollbars-2": here("src/without-scrollbars.jsx") } },
    optimizeDeps: { rolldownOptions: { plugins: [routerOfScenes] } },
    define: { "process.env.NODE_ENV": '"development"' },
    server: {
      host: "127.0.0.1",
      hmr: false,
      watch: null,
      fs: { allow: [here("..")] },
      proxy: { "/query": { target: influx.url, headers: { Authorization: `Token ${influx.token}` } } },
    },
  };
}
