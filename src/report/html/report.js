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

// One legend: a button hides its configuration everywhere in its group.
for (const article of articles) {
  const chips = all(".chip", article);
  const set = (chip, on) => {
    chip.setAttribute("aria-pressed", on);
    article.classList.toggle("h" + chip.dataset.slot, !on);
  };
  const on = (chip) => chip.getAttribute("aria-pressed") === "true";
  for (const chip of chips) {
    chip.addEventListener("click", (event) => {
      if (!event.shiftKey) return set(chip, !on(chip));
      const alone = chips.every((other) => on(other) === (other === chip));
      chips.forEach((other) => set(other, alone || other === chip));
    });
  }
}

// Rows of the tables, and what their cells are against each base: the first as the page was written,
// the others from the data, which has few letters: a verdict is one, a change in percent ends with
// its sign, an interval is its ends.
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
  const compare = (a, b) => Number.isNaN(a) - Number.isNaN(b) || ((a > b) - (a < b)) * (by.down ? -1 : 1);
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
  const on = (chip) => chip?.getAttribute("aria-pressed") !== "false";
  const [head, ...rows] = numbers(figure);
  if (!head) {
    const row = article.rows_[number];
    const lines = chips.map((chip, side) => [chip, chip.textContent, row.bases_[0][side].slice(1).join(" ")]);
    return [row.cells[0].firstChild.textContent, lines.slice(1).filter(([chip]) => on(chip))];
  }
  const lines = head.map((name, column) => [chips.find((chip) => chip.textContent === name), name, rows[number]?.[column] ?? ""]);
  return [lines[0][2], lines.slice(1).filter(([chip]) => on(chip))];
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

// Zoom: drag over a range of a curve's abscissa; a double click shows all of it again.
for (const svg of all("svg.chart")) {
  const group = svg.querySelector("g.zoom");
  const frame = svg.querySelector("clipPath rect");
  if (!group || !frame) continue;
  const [left, width] = ["x", "width"].map((name) => Number(frame.getAttribute(name)));
  const parts = all("path,text", group).map((part) => [part, part.getAttribute("d"), part.getAttribute("x")]);
  let [from, to] = [left, left + width];
  const apply = () => {
    const round = (x) => Math.round((left + ((x - from) / (to - from)) * width) * 10) / 10;
    for (const [part, d, x] of parts) {
      if (d) part.setAttribute("d", d.replace(/([ML])([-\d.]+)/g, (_, command, x) => command + round(x)));
      else part.setAttribute("x", round(x));
      const at = part.getAttribute("x") ?? part.getAttribute("d")?.match(/M([-\d.]+)/)?.[1];
      const outside = !part.closest(".curves") && (at < left - 1 || at > left + width + 1);
      part.toggleAttribute("hidden", outside);
      part.style.visibility = outside ? "hidden" : "";
    }
    svg.classList.toggle("zoomed", from > left || to < left + width);
  };
  const inside = (event) => Math.max(left, Math.min(left + width, place(svg, event).x));
  const data = (x) => from + ((x - left) / width) * (to - from);
  let start = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse") start = inside(event);
  });
  addEventListener("pointerup", (event) => {
    if (start === null) return;
    const end = inside(event);
    const [low, high] = [Math.min(start, end), Math.max(start, end)].map(data);
    start = null;
    if (high - low > 0.02 * (to - from) && high - low > 4) {
      [from, to] = [low, high];
      apply();
    }
  });
  svg.addEventListener("dblclick", () => {
    [from, to] = [left, left + width];
    apply();
  });
}

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
function drawing_of(figure) {
  const parts = all(".parts svg", figure);
  if (!parts.length) return (figure.querySelector("svg.wide") ?? figure.querySelector("svg.chart")).cloneNode(true);
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
  all("[id]", drawing).forEach((part) => (part.id += "-large"));
  all("[clip-path]", drawing).forEach((part) => part.removeAttribute("clip-path"));
  drawing.removeAttribute("aria-describedby");
  drawing.setAttribute("aria-label", title);
  drawing.removeAttribute("aria-labelledby");
  dialog.append(head, drawing);
  figure.closest("article").append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}
function save(figure) {
  const drawing = drawing_of(figure);
  const style = getComputedStyle(root);
  drawing.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  drawing.setAttribute("font-family", "sans-serif");
  const text = new XMLSerializer()
    .serializeToString(drawing)
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  link.download = figure.id + ".svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
