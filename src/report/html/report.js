"use strict";
// Only comfort: everything it shows is on the page, and every number was computed before.
const root = document.documentElement;
root.classList.add("js");
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const articles = all("article.group");

// Groups: one at a time, as the address says.
function choose() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const shown = (target && target.closest("article.group")) || articles[0];
  articles.forEach((a) => a.classList.toggle("away", a !== shown));
  all(".groups a").forEach((a) => a.setAttribute("aria-current", a.hash === "#" + shown.id));
  if (target && target !== shown) target.scrollIntoView();
}
addEventListener("hashchange", choose);
choose();

// Theme, print.
document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "print") print();
  if (act === "theme") {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme:dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }
  if (act === "enlarge") enlarge(event.target.closest("figure"));
  if (act === "save") save(event.target.closest("figure"));
});

const shows = (chip) => chip?.getAttribute("aria-pressed") !== "false";
// One legend: a button hides its configuration everywhere in its group.
for (const article of articles) {
  const chips = all(".chip", article);
  const set = (chip, on) => {
    chip.setAttribute("aria-pressed", on);
    article.classList.toggle("h" + chip.dataset.slot, !on);
    // A heading of rows as wide as what is left, else a hidden column keeps its place.
    for (const th of all(".cmp .fam th", article)) {
      th.whole_ ??= th.colSpan;
      th.colSpan = th.whole_ - chips.filter((chip) => !shows(chip)).length;
    }
  };
  for (const chip of chips) {
    chip.addEventListener("click", (event) => {
      if (!event.shiftKey) return set(chip, !shows(chip));
      const alone = chips.every((other) => shows(other) === (other === chip));
      chips.forEach((other) => set(other, alone || other === chip));
    });
  }
}

// Rows of the tables, and what their cells are against each base: the first as the page was written,
// the others from the data, which has few letters: a verdict is one, a change in percent ends with
// its sign, an interval is its ends, how many launches are needed a number.
const said = (i) => (i.nextSibling?.nodeType === 3 ? i.nextSibling.data : "");
for (const article of articles) {
  article.rows_ = all("table.cmp tbody tr:not(.fam)", article);
  const data = article.querySelector("script.cells");
  const { words, rows } = data ? JSON.parse(data.textContent) : { words: {}, rows: [] };
  const sides = all(".chip", article).length;
  const read = (text) => {
    const [class_, sign, word] = words[text[0]];
    const [beside, change] = text.slice(1).split("~").reverse();
    const range = beside
      .replace("^", " launches a side would settle it")
      .replace(/^([\d.,]+) ([\d.,]+\u00d7)$/, "$1 to $2")
      .replace(/^([-+][\d.,]+)([-+][\d.,]+)$/, (_, low, high) => `${low} to ${high}%`.replace(/([-+])\./g, "$10."));
    const whole = change?.replace("\u00d7", "\u00d7 higher").replace("+", "% higher").replace("-", "% lower");
    return [class_, whole ? `${sign} ${whole}` : word, range];
  };
  article.rows_.forEach((row, number) => {
    const cells = all("td:not(.rep)", row);
    const [gains, ...others] = (rows[number] ?? "").split("|");
    row.gains_ = gains.split(" ").map(Number);
    row.bases_ = [cells.map((td) => {
      const i = td.querySelector("i");
      return [td.className, i?.textContent ?? "", i ? said(i) : ""];
    })];
    for (let base = 1; base < sides; base++) {
      const own = others.splice(0, sides - 1).map(read);
      own.splice(base, 0, read("0"));
      row.bases_.push(own);
    }
  });
}

// Another baseline.
for (const article of articles) {
  article.querySelector(".rebase")?.addEventListener("change", (event) => {
    const base = Number(event.target.value);
    for (const row of article.rows_) {
      const cells = all("td:not(.rep)", row);
      cells.forEach((td, side) => {
        const [class_, verdict, beside] = row.bases_[base][side];
        const best = /\bbest\b/.test(row.bases_[0][side][0]) && base ? " best" : "";
        td.className = class_ + best;
        const i = td.querySelector("i");
        if (!i) return;
        i.textContent = verdict;
        if (said(i)) i.nextSibling.remove();
        i.after(beside);
      });
    }
    all("table.cmp", article).forEach((table) => order(table, table.sorting));
  });
}

// Sorting: by how much better than the baseline, then the other way, then as it was.
function order(table, by) {
  table.sorting = by;
  const rows = (table.rows_ ??= all("tbody tr:not(.fam)", table).map((row) => [row, row.parentNode]));
  table.classList.toggle("sorted", Boolean(by));
  all("th", table.tHead).forEach((th) => {
    const mine = by && th.querySelector(".sort")?.dataset.by === by.by;
    if (mine) th.setAttribute("aria-sort", by.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  });
  if (!by) return rows.forEach(([row, body]) => body.append(row));
  const base = Number(table.closest("article").querySelector(".rebase")?.value ?? 0);
  const value = (row) => (by.by === "name" ? row.cells[0].textContent.toLowerCase() : row.gains_[by.by] - row.gains_[base]);
  // What was not measured on both sides comes last, whichever way.
  const compare = (a, b) => !isFinite(a) - !isFinite(b) || ((a > b) - (a < b)) * (by.down ? -1 : 1);
  const sorted = rows.map(([row]) => row).sort((a, b) => compare(value(a), value(b)));
  sorted.forEach((row) => table.tBodies[0].append(row));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest(".sort");
  if (!button) return;
  const table = button.closest("table");
  const now = table.sorting;
  const by = button.dataset.by;
  const first = by !== "name";
  if (!now || now.by !== by) order(table, { by, down: first });
  else order(table, now.down === first ? { by, down: !first } : null);
});

// Readouts.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("role", "status");
document.body.append(tip);
function tell(head, lines, event) {
  // A dialog is in front of all else.
  (event.target.closest?.("dialog") ?? document.body).append(tip);
  tip.replaceChildren();
  const title = document.createElement("b");
  title.textContent = head;
  tip.append(title);
  for (const [chip, name, value] of lines) {
    const row = document.createElement("div");
    if (chip) row.append(chip.querySelector("svg").cloneNode(true));
    row.append(name);
    const number = document.createElement("span");
    number.textContent = value;
    row.append(number);
    tip.append(row);
  }
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
  const below = event.clientY + 16 + box.height < innerHeight;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = (below ? event.clientY + 16 : event.clientY - box.height - 10) + "px";
}
// The numbers behind a figure: a head, and rows of a name and values. Of large ones the text below
// has two lines for each: a name, then its numbers.
function numbers(figure) {
  if (figure.numbers_) return figure.numbers_;
  const text = figure.querySelector(".numbers pre")?.textContent.split("\n");
  const rows = text
    ? text.flatMap((line, at) => (at % 2 ? [] : [[line, ...(text[at + 1] ?? "").trim().split(/\s+/)]]))
    : all(".numbers tr", figure).map((row) => [...row.cells].map((cell) => cell.textContent));
  return (figure.numbers_ = rows);
}
// A row of numbers, or of the table of comparisons, as lines of a readout.
function readout(figure, number) {
  const article = figure.closest("article");
  const chips = all(".chip", article);
  const [head, ...rows] = numbers(figure);
  if (!head) {
    const row = article.rows_[number];
    const lines = chips.map((chip, side) => [chip, chip.textContent, row.bases_[0][side].slice(1).join(" ")]);
    return [row.cells[0].firstChild.textContent, lines.slice(1).filter(([chip]) => shows(chip))];
  }
  const lines = head.map((name, column) => [chips.find((chip) => chip.textContent === name), name, rows[number]?.[column] ?? ""]);
  return [lines[0][2], lines.slice(1).filter(([chip]) => shows(chip))];
}
// Where a pointer is, in the units of a drawing.
const place = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
// The number of the row that a pointer is at: of curves the nearest mark on the abscissa, of rows
// the last name that begins above it.
function pointed(svg, event) {
  const { x, y } = place(svg, event);
  const marks = svg.querySelector(".at")?.getAttribute("d");
  if (marks) {
    const away = [...marks.matchAll(/M([-\d.]+)/g)].map(([, at]) => Math.abs(at - x));
    return away.indexOf(Math.min(...away));
  }
  const above = all(".rows [data-r]", svg).filter((text) => text.getAttribute("y") - 13 <= y);
  return above.length ? Number(above.at(-1).dataset.r) : -1;
}
// A cell of a panel: a panel begins with the names of its columns.
function panel(figure, heat, event) {
  const begins = (row) => row[0].includes(" \\ ");
  const rows = numbers(figure);
  const first = rows.flatMap((row, at) => (begins(row) ? [at] : []))[Number(heat.dataset.panel)];
  const own = rows.slice(first + 1);
  const end = own.findIndex(begins);
  const cells = end < 0 ? own.filter((row) => row[0]) : own.slice(0, end);
  const box = heat.getBoundingClientRect();
  const [columns] = [rows[first].slice(1)];
  const at = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  const row = cells[at((event.clientY - box.top) / box.height, cells.length)];
  const column = at((event.clientX - box.left) / box.width, columns.length);
  const value = row[column + 1];
  return `${row[0]} \u2194 ${columns[column]}: ${/\d/.test(value) ? value + " " + heat.dataset.unit : "not measured"}`;
}
document.addEventListener("pointermove", (event) => {
  const svg = event.target.closest?.("svg.chart");
  const dialog = svg?.closest("dialog");
  const figure = dialog ? document.getElementById(dialog.dataset.of) : svg?.closest("figure");
  const heat = event.target.closest?.(".heat");
  if (heat) return tell(panel(figure, heat, event), [], event);
  const number = svg ? pointed(svg, event) : -1;
  if (number >= 0) return tell(...readout(figure, number), event);
  tip.hidden = true;
});
document.addEventListener("pointerleave", () => (tip.hidden = true));
addEventListener("scroll", () => (tip.hidden = true), { passive: true });

// Zoom: drag over a range of a curve's abscissa; a double click shows all of it again. A copy begins
// as its original is.
function zoomable(svg, original) {
  const group = svg.querySelector("g.zoom");
  const frame = svg.querySelector("clipPath rect");
  if (!group || !frame) return;
  const [left, width] = ["x", "width"].map((name) => Number(frame.getAttribute(name)));
  const parts = all("path,text", group);
  const whole = original?.whole_ ?? parts.map((part) => [part.getAttribute("d"), part.getAttribute("x")]);
  svg.whole_ = whole;
  let [from, to] = (svg.range_ = original?.range_ ?? [left, left + width]);
  const apply = (range) => {
    [from, to] = svg.range_ = range;
    const round = (x) => Math.round((left + ((x - from) / (to - from)) * width) * 10) / 10;
    parts.forEach((part, number) => {
      const [d, x] = whole[number];
      if (d) part.setAttribute("d", d.replace(/([ML])([-\d.]+)/g, (_, command, x) => command + round(x)));
      else part.setAttribute("x", round(x));
      const at = part.getAttribute("x") ?? part.getAttribute("d")?.match(/M([-\d.]+)/)?.[1];
      const outside = !part.closest(".curves") && (at < left - 1 || at > left + width + 1);
      part.toggleAttribute("hidden", outside);
      part.style.visibility = outside ? "hidden" : "";
    });
    svg.classList.toggle("zoomed", from > left || to < left + width);
  };
  const inside = (event) => Math.max(left, Math.min(left + width, place(svg, event).x));
  const data = (x) => from + ((x - left) / width) * (to - from);
  let start = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType !== "mouse") return;
    start = inside(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const end = inside(event);
    const [low, high] = [Math.min(start, end), Math.max(start, end)].map(data);
    start = null;
    if (high - low > 0.02 * (to - from) && high - low > 4) apply([low, high]);
  });
  svg.addEventListener("dblclick", () => apply([left, left + width]));
}
all("svg.chart").forEach((svg) => zoomable(svg));

// A figure by itself, and as a file with the colours of the moment.
for (const figure of all("figure")) {
  const buttons = document.createElement("div");
  buttons.className = "fx";
  for (const [act, text, what] of [["enlarge", "Enlarge", "Enlarge"], ["save", "SVG", "Save as SVG"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.act = act;
    button.textContent = text;
    button.setAttribute("aria-label", `${what}: ${figure.querySelector("h3").textContent}`);
    buttons.append(button);
  }
  figure.querySelector("h3").after(buttons);
}
// The drawing of a figure: of several parts one, two in a row.
const original = (figure) => figure.querySelector("svg.wide") ?? figure.querySelector("svg.chart");
function drawing_of(figure) {
  const parts = all(".parts svg", figure);
  if (!parts.length) return original(figure).cloneNode(true);
  const whole = parts[0].cloneNode(false);
  const size = parts.map((part) => part.viewBox.baseVal);
  const width = Math.max(...size.map((box) => box.width)) + 24;
  let height = 0;
  parts.forEach((part, at) => {
    const place = document.createElementNS("http://www.w3.org/2000/svg", "g");
    place.setAttribute("transform", `translate(${(at % 2) * width} ${height})`);
    place.append(...part.cloneNode(true).childNodes);
    whole.append(place);
    if (at % 2 || at + 1 === parts.length) height += Math.max(size[at].height, at % 2 ? size[at - 1].height : 0);
  });
  whole.setAttribute("viewBox", `0 0 ${width * Math.min(2, parts.length) - 24} ${height}`);
  whole.removeAttribute("aria-hidden");
  whole.setAttribute("role", "img");
  return whole;
}
function enlarge(figure) {
  const dialog = document.createElement("dialog");
  const title = figure.querySelector("h3").textContent;
  dialog.setAttribute("aria-label", title);
  dialog.dataset.of = figure.id;
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const head = document.createElement("div");
  head.className = "fh";
  const text = document.createElement("h3");
  text.textContent = title;
  head.append(text, close);
  const drawing = drawing_of(figure);
  drawing.classList.remove("wide");
  // At least a quarter larger than on the page; of what is tall the window scrolls.
  const { width, height } = drawing.viewBox.baseVal;
  const now = (figure.querySelector(".parts") ?? original(figure)).getBoundingClientRect().width;
  drawing.style.maxWidth = `max(${(80 * width) / height}vh, ${1.25 * now}px)`;
  all("[id]", drawing).forEach((part) => (part.id += "-large"));
  all("[clip-path]", drawing).forEach((part) => part.setAttribute("clip-path", part.getAttribute("clip-path").replace(")", "-large)")));
  drawing.removeAttribute("aria-describedby");
  drawing.setAttribute("aria-label", title);
  drawing.removeAttribute("aria-labelledby");
  if (!figure.querySelector(".parts")) zoomable(drawing, original(figure));
  const key = document.createElement("p");
  key.className = "key";
  for (const chip of drawn(figure, drawing)) {
    const name = document.createElement("span");
    name.className = "k";
    name.append(...chip.cloneNode(true).childNodes);
    key.append(name);
  }
  dialog.append(head, key, drawing);
  figure.closest("article").append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (event.target === dialog && (x < box.left || x > box.right || y < box.top || y > box.bottom)) dialog.close();
  });
  dialog.showModal();
}
// The buttons of the configurations that a drawing shows.
function drawn(figure, drawing) {
  return all(".chip", figure.closest("article")).filter((chip) => shows(chip) && drawing.querySelector(".s" + chip.dataset.slot));
}
function element(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.textContent = text;
  return made;
}
// Signs and names above a drawing, in lines of its width; how high they are.
function signs(drawing, chips, left, width, bottom) {
  const group = drawing.appendChild(element("g", { class: "signs", fill: "var(--ink)" }));
  let [x, line] = [left, 0];
  const names = chips.map((chip) => {
    const name = group.appendChild(element("text", {}, chip.textContent));
    const long = name.getComputedTextLength() + 36;
    if (x > left && x + long > left + width) [x, line] = [left, line + 1];
    const at = [x, line];
    x += long;
    return [chip, name, ...at];
  });
  const high = chips.length ? (line + 1) * 20 + 6 : 0;
  for (const [chip, name, x, line] of names) {
    const y = bottom - high + line * 20;
    const sign = group.appendChild(element("g", { transform: `translate(${x} ${y + 2})` }));
    sign.append(...chip.querySelector("svg").cloneNode(true).childNodes);
    name.setAttribute("x", x + 18);
    name.setAttribute("y", y + 12);
  }
  return high;
}
// A drawing that needs nothing of the page: its ground, its title, who is who, and room for all of its
// text. It is measured where nobody sees it.
function alone(figure) {
  const drawing = drawing_of(figure);
  const chips = drawn(figure, drawing);
  for (const chip of all(".chip", figure.closest("article"))) {
    if (!shows(chip)) all(".s" + chip.dataset.slot, drawing).forEach((part) => part.remove());
  }
  all("[hidden]", drawing).forEach((part) => part.remove());
  ["aria-labelledby", "aria-describedby", "class", "style"].forEach((name) => drawing.removeAttribute(name));
  drawing.setAttribute("font-family", "sans-serif");
  const stage = document.body.appendChild(document.createElement("div"));
  stage.style.cssText = "position:fixed;left:-9999px;width:1000px";
  stage.append(drawing);
  const { x, y, width, height } = drawing.viewBox.baseVal;
  const { a, e } = drawing.getScreenCTM();
  const ends = all("text", drawing).map((text) => text.getBoundingClientRect()).flatMap((box) => [box.left, box.right].map((end) => (end - e) / a));
  const left = Math.floor(Math.min(x, ...ends)) - 8;
  const wide = Math.ceil(Math.max(x + width, ...ends)) + 8 - left;
  const top = y - 16 - signs(drawing, chips, left + 8, wide - 16, y - 8);
  const size = { width: wide, height: y + height + 8 - top };
  const ground = element("rect", { x: left, y: top, ...size, fill: "var(--card)" });
  drawing.prepend(element("title", {}, figure.querySelector("h3").textContent), element("desc", {}, figure.querySelector("p").textContent), ground);
  drawing.setAttribute("viewBox", `${left} ${top} ${size.width} ${size.height}`);
  for (const name in size) drawing.setAttribute(name, size[name]);
  stage.remove();
  return drawing;
}
function save(figure) {
  const style = getComputedStyle(root);
  const text = new XMLSerializer()
    .serializeToString(alone(figure))
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  link.download = figure.id + ".svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
