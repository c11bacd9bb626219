import { ThemeContext } from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import { LocationServiceProvider, locationService } from "@grafana/runtime";
import { loadResources } from "@grafana/scenes";
import { GlobalStyles, LinkButton, PortalContainer } from "@grafana/ui";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router-dom-v5-compat";
import { sceneOf } from "./scene.js";
import { provideServices, theme } from "./services.js";

/** Each dashboard by its uid. */
const BOARDS = Object.fromEntries(
  Object.values(import.meta.glob("../../dashboards/*.json", { eager: true, import: "default" })).map((one) => [one.uid, one]),
);

/** Errors of queries, for whoever drew the page. */
window.problems = [];

async function main() {
  const asked = new URLSearchParams(window.location.search);
  await initPluginTranslations("grafana", [loadResources]);
  provideServices(asked.get("database"));
  const board = BOARDS[asked.get("dashboard")];
  const variables = [...asked].filter(([name]) => name.startsWith("var-"));
  const chosen = Object.fromEntries(variables.map(([name, value]) => [name.slice(4), value]));
  const scene = sceneOf(board, { from: asked.get("from"), to: asked.get("to"), chosen });
  createRoot(document.getElementById("root")).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <LocationServiceProvider service={locationService}>
        <BrowserRouter>
          <Header board={board} />
          <main style={{ padding: 8 }}>
            <scene.Component model={scene} />
          </main>
          <PortalContainer />
        </BrowserRouter>
      </LocationServiceProvider>
    </ThemeContext.Provider>,
  );
}

function Header({ board }) {
  const tags = board.links.flatMap((link) => link.tags);
  const linked = Object.values(BOARDS).filter((one) => one.tags.some((tag) => tags.includes(tag)));
  return (
    <header style={{ display: "flex", alignItems: "center", gap: 8, padding: "12px 16px 0" }}>
      <h1 style={{ margin: 0, fontSize: 22, flexGrow: 1 }}>{board.title}</h1>
      {linked.sort((a, b) => a.title.localeCompare(b.title)).map((one) => (
        <LinkButton key={one.uid} icon="apps" variant="secondary" size="sm">
          {one.title}
        </LinkButton>
      ))}
    </header>
  );
}

main();
