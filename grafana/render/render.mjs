// Draws dashboards as PNG files; ./scripts/render-dashboards says what it takes.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { createServer } from "vite";
import { settings } from "./vite.config.mjs";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const DASHBOARDS = here("../dashboards");
const ICONS = here("node_modules/@grafana/ui/dist/public/img/icons");
const FONTS = here("node_modules/@fontsource/inter/files");
const DATABASE = process.env.INFLUX_BUCKET ?? "lab";
const QUIET_MS = 700;

const asked = readCommandLine();
const influx = { url: process.env.INFLUX_URL ?? "http://127.0.0.1:8086", token: process.env.INFLUX_TOKEN ?? "" };
await checkInflux();
const server = await createServer(settings(influx));
await server.listen();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
let problems = 0;
try {
  await mkdir(asked.out, { recursive: true });
  for (const name of asked.dashboard) {
    problems += await draw(name);
  }
} finally {
  await browser.close();
  await server.close();
}
process.exit(problems ? 1 : 0);

/** Ends with a sentence where the InfluxDB cannot be asked. */
async function checkInflux() {
  const query = new URLSearchParams({ db: DATABASE, q: "SHOW MEASUREMENTS LIMIT 1" });
  let why;
  try {
    const answer = await fetch(`${influx.url}/query?${query}`, { headers: { Authorization: `Token ${influx.token}` } });
    why = answer.ok ? "" : `it answers ${answer.status}: is INFLUX_TOKEN one that may read?`;
  } catch (error) {
    why = `${error.cause?.message ?? error.message}: set INFLUX_URL`;
  }
  if (why) {
    console.error(`InfluxDB at ${influx.url} cannot be asked: ${why}`);
    process.exit(3);
  }
}

function readCommandLine() {
  const known = dashboardsThatAre();
  const options = {
    dashboard: { type: "string", multiple: true, default: known },
    from: { type: "string" },
    to: { type: "string" },
    var: { type: "string", multiple: true, default: [] },
    out: { type: "string", default: "dashboards" },
    width: { type: "string", default: "1600" },
    cwd: { type: "string", default: "." },
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    console.error(`${error.message.split(".")[0]}; ./scripts/render-dashboards --help lists the options`);
    process.exit(3);
  }
  const unknown = values.dashboard.find((name) => !known.includes(name));
  if (unknown) {
    console.error(`--dashboard is ${unknown}; it takes one of ${known.join(", ")}`);
    process.exit(3);
  }
  return { ...values, out: path.resolve(values.cwd, values.out), width: Number(values.width) };
}

function dashboardsThatAre() {
  return readdirSync(DASHBOARDS)
    .map((file) => path.parse(file).name)
    .sort();
}

/** Draw one dashboard; give how many panels and queries of it failed. */
async function draw(name) {
  const page = await browser.newPage({ viewport: { width: asked.width, height: 1000 } });
  page.on("pageerror", (error) => console.error(`${name}: ${error.stack}`));
  await serveFiles(page);
  await open(page, `${server.resolvedUrls.local[0]}?${addressOf(name)}`);
  await settled(page);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: asked.width, height });
  await settled(page);
  // A palette of 256 colours is a quarter of the size, and nothing of it can be seen.
  const png = await sharp(await page.screenshot()).png({ palette: true, dither: 0, effort: 10 }).toBuffer();
  const file = path.join(asked.out, `${name}.png`);
  await writeFile(file, png);
  const found = await page.evaluate(() => [
    ...window.problems,
    ...[...document.querySelectorAll(".no-data")].map(
      (node) => `no data in ${node.closest("section")?.querySelector("h2")?.textContent}`,
    ),
  ]);
  console.log([`${file} (${Math.round(png.length / 1024)} kB)`, ...found].join("\n  "));
  await page.close();
  return found.length;
}

/** Until the first panel is there; once more where vite was still bundling and the page was left without a part. */
async function open(page, url) {
  for (const last of [false, true]) {
    await page.goto(url);
    try {
      await page.waitForSelector('[data-testid^="data-testid Panel header"]', { timeout: 60_000 });
      return;
    } catch (error) {
      if (last) {
        throw error;
      }
    }
  }
}

function addressOf(name) {
  const query = new URLSearchParams({ dashboard: name, database: DATABASE });
  for (const key of ["from", "to"]) {
    if (asked[key]) {
      query.set(key, asked[key]);
    }
  }
  for (const one of asked.var) {
    const [variable, ...value] = one.split("=");
    query.append(`var-${variable}`, value.join("="));
  }
  return query;
}

/** Fonts and icons, which Grafana's server has under these paths. */
async function serveFiles(page) {
  await page.route("**/public/fonts/inter/Inter-*.woff2", (route) => {
    const weight = route.request().url().includes("Medium") ? 500 : 400;
    return route.fulfill({ path: path.join(FONTS, `inter-latin-${weight}-normal.woff2`) });
  });
  await page.route("**/public/build/img/icons/**", (route) => {
    const icon = path.join(ICONS, new URL(route.request().url()).pathname.split("/icons/")[1]);
    // The libraries come with some of the icons that they use.
    const body = existsSync(icon) ? readFileSync(icon, "utf8") : '<svg xmlns="http://www.w3.org/2000/svg"/>';
    return route.fulfill({ contentType: "image/svg+xml", body });
  });
}

/** Until every panel has drawn: no query is under way, and nothing has changed for a while. */
async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.waitForFunction(() => !document.querySelector('[aria-label="Panel loading bar"]'));
  await page.evaluate(
    (quiet) =>
      new Promise((done) => {
        let timer = setTimeout(done, quiet);
        const again = () => {
          clearTimeout(timer);
          timer = setTimeout(done, quiet);
        };
        new MutationObserver(again).observe(document.body, { childList: true, subtree: true, characterData: true });
      }),
    QUIET_MS,
  );
}
