// Opens a report in headless Chromium and checks what its readers rely on. Arguments: the page, the
// folder with playwright-core and axe-core, a folder for screenshots, the folder of exported SVG.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";

const [page_, modules, shots, figures] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const url = pathToFileURL(page_).href;
mkdirSync(shots, { recursive: true });

let failed = 0;
function check(what, ok, detail = "") {
  if (!ok) failed++;
  console.log(`${ok ? "ok  " : "FAIL"} ${what}${ok ? "" : ": " + JSON.stringify(detail).slice(0, 600)}`);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
async function open(options = {}, hash = "") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.on("request", (request) => !request.url().startsWith("data:") && request.url().split("#")[0] !== url && page.trouble.push(request.url()));
  page.on("console", (message) => page.trouble.push(message.text()));
  page.on("pageerror", (error) => page.trouble.push(error.message));
  await page.goto(url + hash);
  return page;
}

// 1, 2: one file, nothing loaded, a strict policy, small.
const page = await open();
const groups = await page.$$eval("article", (all) => all.map((article) => article.id));
const policy = await page.getAttribute("meta[http-equiv]", "content");
check("the policy allows nothing unsafe", /default-src 'none'/.test(policy) && !/unsafe/.test(policy), policy);
const bytes = readFileSync(page_).length;
const written = readFileSync(page_, "utf8");
const size = (text) => new TextEncoder().encode(text).length;
const parts = written.match(/<article.*?<\/article>/gs).map(size);
const rest = size(written.replace(/<article.*<\/article>/s, ""));
check("a group of four configurations and all else of the page have 450 kB at most", Math.max(...parts) + rest <= 450_000, [...parts, rest, bytes]);

// 3: no sideways scroll, and text that can be read.
for (const width of [320, 400, 768, 1024, 1280, 1920]) {
  await page.setViewportSize({ width, height: 900 });
  for (const group of groups) {
    await page.goto(`${url}#${group}`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`no sideways scroll at ${width} px in ${group}`, over <= 0, over);
  }
}
await page.setViewportSize({ width: 400, height: 900 });
await page.goto(`${url}#${groups[0]}`);
const smallest = await page.evaluate(() => {
  const sizes = [...document.querySelectorAll("article:not(.away) svg.chart text")]
    .filter((text) => text.getClientRects().length && text.textContent)
    .map((text) => [parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a, text.textContent]);
  return sizes.sort((a, b) => a[0] - b[0])[0];
});
check("the smallest text has 9 px at 400 px", smallest[0] >= 9, smallest);

await page.$$eval("select.rebase option", (all) => all.forEach((option) => (option.textContent = "x".repeat(60))));
const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
check("a long name makes no page wider", over <= 0, over);

// On A4, 210 mm less the margins of @page, every unit of a figure is smaller: 6 pt are left.
await page.setViewportSize({ width: Math.round((186 / 25.4) * 96), height: 900 });
await page.emulateMedia({ media: "print" });
const printed = await page.evaluate(() => {
  const sizes = [...document.querySelectorAll("svg.chart text")]
    .filter((text) => text.getClientRects().length && text.textContent)
    .map((text) => [parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a * 0.75, text.textContent]);
  return sizes.sort((a, b) => a[0] - b[0])[0];
});
check("the smallest text has 6 pt in print", printed[0] >= 6, printed);
await page.emulateMedia({ media: null });

// 6: every figure has a name, a description, and numbers on the page.
const nameless = await page.$$eval("figure", (all) => all.filter((figure) => {
  const svg = figure.querySelector("[role=img]");
  const text = (name) => document.getElementById(svg?.getAttribute(name))?.textContent.trim();
  const numbers = figure.querySelector("details table, details pre") || /forest$/.test(figure.id);
  return !svg || !text("aria-labelledby") || !text("aria-describedby") || !numbers;
}).map((figure) => figure.id));
check("every figure has title, description and numbers", nameless.length === 0, nameless);

// 8: the legend, the baseline, sorting, zoom, enlarging, themes, keys.
await page.setViewportSize({ width: 1280, height: 900 });
await page.goto(`${url}#${groups[0]}`);
const article = page.locator(`#${groups[0]}`);
const marks = () => article.locator("svg.chart .curves .s1").evaluateAll((all) => all.filter((g) => g.getClientRects().length).length);
const before = await marks();
await article.locator(".chip").nth(1).click();
check("a button hides its configuration everywhere", before > 0 && (await marks()) === 0 && !(await article.locator("table.cmp td:nth-child(3)").first().isVisible()));
const gap = await article.locator("table.cmp").first().evaluate((table) =>
  table.getBoundingClientRect().right - [...table.tHead.rows[0].cells].at(-1).getBoundingClientRect().right);
check("and its column leaves no gap", Math.abs(gap) < 2, gap);
const saves = async (figure) => {
  const [download] = await Promise.all([page.waitForEvent("download"), figure.locator("[data-act=save]").click()]);
  return readFileSync(await download.path(), "utf8");
};
const curves = article.locator("figure:has(g.zoom)").first();
const hidden = await saves(curves);
check("a saved figure is without it", !/class="s1"/.test(hidden) && /class="s2"/.test(hidden), hidden.slice(0, 300));
await article.locator(".chip").nth(1).click();
await article.locator(".chip").nth(1).click({ modifiers: ["Shift"] });
check("with Shift it shows only that one", (await marks()) === before && !(await article.locator("table.cmp td:nth-child(2)").first().isVisible()));
await article.locator(".chip").nth(1).click({ modifiers: ["Shift"] });
check("and then all again", await article.locator("table.cmp td:nth-child(2)").first().isVisible());

const cell = (side) => article.locator("table.cmp").first().locator("tbody tr:not(.fam)").first().locator("td").nth(side).innerText();
const was = [await cell(0), await cell(1)];
await article.locator("select.rebase").selectOption("1");
check("another baseline changes the verdicts", /baseline/.test(await cell(1)) && !/baseline/.test(await cell(0)), [was, await cell(0), await cell(1)]);
await article.locator("select.rebase").selectOption("0");
check("and back", (await cell(0)) === was[0] && (await cell(1)) === was[1]);

const names = () => article.locator("table.cmp").first().locator("tbody tr:not(.fam) th").allInnerTexts();
const order = await names();
const sort = article.locator("table.cmp").first().locator("thead .sort").nth(2);
await sort.focus();
await page.keyboard.press("Enter");
check("the keyboard sorts", JSON.stringify(await names()) !== JSON.stringify(order) && (await article.locator("th[aria-sort=descending]").count()) === 1);
await page.keyboard.press("Enter");
check("the other way", (await article.locator("th[aria-sort=ascending]").count()) === 1);
await page.keyboard.press("Enter");
check("and back to the order of the page", JSON.stringify(await names()) === JSON.stringify(order));

const curve = article.locator("svg.chart:has(g.zoom)").first();
await curve.scrollIntoViewIfNeeded();
const box = await curve.boundingBox();
const drag = async (from, to) => {
  await page.mouse.move(box.x + box.width * from, box.y + box.height * 0.5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + box.height * 0.5, { steps: 4 });
  await page.mouse.up();
};
const path = () => curve.locator(".curves path").last().getAttribute("d");
const whole = await curve.innerHTML();
await drag(0.3, 0.5);
check("a drag zooms in", (await curve.innerHTML()) !== whole && (await curve.getAttribute("class")).includes("zoomed"));
await page.screenshot({ path: join(shots, "zoomed.png") });
await curve.dblclick({ position: { x: box.width * 0.4, y: box.height * 0.5 } });
check("a double click shows all of it again", !(await curve.getAttribute("class")).includes("zoomed"), await path());
await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.5);
check("a curve has a readout of every configuration", (await page.locator(".tip div").count()) > 1);

const heat = article.locator("svg.chart .heat").first();
await heat.scrollIntoViewIfNeeded();
const cells = await heat.boundingBox();
await page.mouse.move(cells.x + cells.width * 0.6, cells.y + cells.height * 0.2);
const readout = await page.locator(".tip b").innerText();
check("a picture has a readout of every cell", /^\d+ \u2194 \d+: [\d.]+ \S+$/.test(readout), readout);
for (const [figure, what] of [["forest", "forest"], ["memory-bars0", "bars"], ["order", "launches"]]) {
  const svg = article.locator(`#${groups[0]}-${figure} svg.chart`).first();
  await svg.scrollIntoViewIfNeeded();
  const box = await svg.boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, Math.min(860, box.y + box.height * 0.4));
  const told = await page.locator(".tip").innerText();
  check(`${what} have a readout`, /\d/.test(told) && !/undefined|NaN/.test(told), told);
}

const enlarge = (figure) => figure.locator("[data-act=enlarge]").click();
const dialog = page.locator("dialog[open]");
await enlarge(article.locator(`#${groups[0]}-forest`));
const large = await dialog.locator("svg.chart").boundingBox();
const drawn = await article.locator(`#${groups[0]}-forest svg.wide`).first().boundingBox();
check("a figure is larger in its window", large.width > drawn.width, [large.width, drawn.width]);
const line = dialog.locator(".rows [data-r]").nth(5);
await line.scrollIntoViewIfNeeded();
const [own, now] = [await line.boundingBox(), await dialog.locator("svg.chart").boundingBox()];
await page.mouse.move(now.x + now.width * 0.5, own.y + own.height * 0.5);
const [pointed, told] = [await line.textContent(), await dialog.locator(".tip b").innerText()];
check("and its readout is of the row pointed at", told.startsWith(pointed.replace("\u2026", "")), [pointed, told]);
check("and says whose each sign is", (await dialog.locator(".key .k").count()) > 1);
await page.keyboard.press("Escape");
check("and Escape closes it", (await page.locator("dialog").count()) === 0);
await enlarge(curves);
check("an enlarged curve keeps to its frame", await dialog.locator(".curves").first().evaluate((g) =>
  Boolean(document.querySelector(g.getAttribute("clip-path").slice(4, -1)))));
const frame = await dialog.locator("svg.chart").boundingBox();
await page.mouse.move(frame.x + frame.width * 0.3, frame.y + frame.height * 0.5);
await page.mouse.down();
await page.mouse.move(frame.x + frame.width * 0.5, frame.y + frame.height * 0.5, { steps: 4 });
await page.mouse.up();
check("and zooms", (await dialog.locator("svg.zoomed").count()) === 1);
await page.mouse.click(3, 3);
check("a click beside the window closes it", (await page.locator("dialog").count()) === 0);
const saved = await saves(curves);
check("a figure is saved with its colours", saved.startsWith("<svg") && !saved.includes("var(--"));
check("and needs nothing of the page", /^<svg[^>]* width="\d/.test(saved) && /<title>.+<\/title>/.test(saved) && /<rect[^>]*fill="#/.test(saved) && /class="signs"/.test(saved) && !/aria-labelledby/.test(saved), saved.slice(0, 400));
const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const light = await ground();
await page.click("[data-act=theme]");
check("the theme changes", (await ground()) !== light);
await page.keyboard.press("Tab");
check("nothing but the page was asked for, and nothing was complained about", page.trouble.length === 0, page.trouble);
await page.context().close();

// Twins: metrics that differ stand beside facts that differ.
const twins = await open({}, "#" + groups.at(-1));
const sides = await twins.locator(`#${groups.at(-1)}-twins .two > div`).evaluateAll((all) => all.map((side) => side.getBoundingClientRect()));
check("metrics and facts of twins stand side by side", sides.length === 2 && sides[0].top === sides[1].top && sides[0].right <= sides[1].left, sides);
await twins.context().close();

// 4: axe, in both themes, everything unfolded.
for (const colorScheme of ["light", "dark"]) {
  for (const group of groups) {
    const page = await open({ colorScheme, bypassCSP: true }, "#" + group);
    await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
    await page.evaluate(axe);
    const violations = await page.evaluate(async () =>
      (await axe.run()).violations.map((v) => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary?.slice(0, 200)]));
    check(`axe finds nothing in ${group}, ${colorScheme}`, violations.length === 0, violations);
    await page.context().close();
  }
}

// 5: without scripts everything is there.
const plain = await open({ javaScriptEnabled: false });
const visible = await plain.locator("article").evaluateAll((all) => all.filter((a) => a.getClientRects().length).length).catch(() => null);
const drawings = "figure svg.chart:not(.narrow)";
const shown = await plain.locator(drawings).count();
let seen = 0;
for (let index = 0; index < shown; index++) seen += (await plain.locator(drawings).nth(index).isVisible()) ? 1 : 0;
check("without scripts every figure is visible", seen === shown && shown > 5, [seen, shown, visible]);
check("and no control without function", (await plain.locator(".js-only:visible").count()) === 0);
await plain.locator("summary").first().click();
check("and folded numbers unfold", await plain.locator("details[open] table").first().isVisible());
await plain.context().close();

// 9: exported files are sound, print has pages.
const parser = await open();
for (const file of readdirSync(figures).filter((name) => name.endsWith(".svg"))) {
  const error = await parser.evaluate((text) => {
    const document = new DOMParser().parseFromString(text, "image/svg+xml");
    return document.querySelector("parsererror")?.textContent ?? null;
  }, readFileSync(join(figures, file), "utf8"));
  if (error) check(`${file} is sound`, false, error);
}
await parser.pdf({ path: join(shots, "print.pdf"), preferCSSPageSize: true, printBackground: true });
check("it prints", readFileSync(join(shots, "print.pdf")).length > 10_000);
await parser.context().close();

for (const [name, width, colorScheme] of [["light", 1280, "light"], ["dark", 1280, "dark"], ["phone", 400, "light"]]) {
  for (const group of groups) {
    const page = await open({ viewport: { width, height: 900 }, colorScheme }, "#" + group);
    await page.screenshot({ path: join(shots, `${name}-${group}.png`), fullPage: true });
    await page.context().close();
  }
}
await browser.close();
console.log(failed ? `${failed} checks failed` : "the report keeps its promises");
process.exit(failed ? 1 : 0);
