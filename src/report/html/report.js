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

// Another baseline: the cells for each are in the file.
for (const article of articles) {
  const data = article.querySelector("script.cells");
  const select = article.querySelector(".rebase");
  if (!data || !select) continue;
  const cells = JSON.parse(data.textContent);
  select.addEventListener("change", () => {
    const base = Number(select.value);
    for (const row of all("tr[data-r]", article)) {
      const line = cells.lines[row.dataset.r][base];
      all("td[data-l]", row).forEach((td, side) => {
        const [letter, own, beside] = line[side].split("|");
        const [kind, word] = cells.words[letter];
        const verdict = own || word;
        td.className = td.className.replace(/^\w+/, kind);
        const parts = [td.querySelector(".d"), td.querySelector(".i")];
        if (parts[0]) parts[0].textContent = verdict;
        if (parts[1]) parts[1].textContent = beside;
      });
    }
    all("table.cmp", article).forEach((table) => order(table, table.sorting));
  });
}

// Sorting: by how much better than the baseline, then the other way, then as it was.
function order(table, by) {
  table.sorting = by;
  const rows = (table.rows_ ??= all("tr[data-r]", table).map((row) => [row, row.parentNode]));
  table.classList.toggle("sorted", Boolean(by));
  all("th", table.tHead).forEach((th) => {
    const mine = by && th.querySelector(".sort")?.dataset.by === by.by;
    if (mine) th.setAttribute("aria-sort", by.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  });
  if (!by) return rows.forEach(([row, body]) => body.append(row));
  const article = table.closest("article");
  const data = article.querySelector("script.cells");
  const cells = data && (article.cells_ ??= JSON.parse(data.textContent));
  const base = Number(article.querySelector(".rebase")?.value ?? 0);
  const value = (row) =>
    by.by === "name" || !cells ? row.cells[0].textContent.toLowerCase() : Number(cells.lines[row.dataset.r][base][by.by].split("|")[3]);
  const sorted = rows.map(([row]) => row).sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  if (by.down) sorted.reverse();
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
  tip.replaceChildren();
  const title = document.createElement("b");
  title.textContent = head;
  tip.append(title);
  for (const [slot, name, value] of lines) {
    const row = document.createElement("div");
    const sign = document.querySelector(`.chip[data-slot="${CSS.escape(slot)}"] svg`);
    if (sign) row.append(sign.cloneNode(true));
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
// The numbers of a picture's panels, from the text below it: a name, then a line of numbers; a line of
// column names begins a panel.
function panels(figure) {
  if (figure.panels_) return figure.panels_;
  figure.panels_ = [];
  const lines = figure.querySelector("pre")?.textContent.split("\n") ?? [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const row = { name: lines[at], values: lines[at + 1].trim().split(/\s+/) };
    if (row.name.includes(" \\ ")) figure.panels_.push([row]);
    else figure.panels_.at(-1)?.push(row);
  }
  return figure.panels_;
}
document.addEventListener("pointermove", (event) => {
  const mark = event.target.closest?.("[data-t]");
  const heat = event.target.closest?.(".heat");
  if (mark) {
    const [head, ...rest] = mark.dataset.t.split("\n");
    const hidden = (slot) => mark.closest("article")?.classList.contains("h" + slot);
    const lines = rest.map((line) => (line.includes("|") ? line.split("|") : ["", "", line]));
    return tell(head, lines.filter(([slot]) => !hidden(slot)), event);
  }
  if (heat) {
    const box = heat.getBoundingClientRect();
    const figure = heat.closest("figure") ?? document.getElementById(heat.closest("dialog").dataset.of);
    const [columns, ...rows] = panels(figure)[Number(heat.dataset.panel)] ?? [];
    if (!rows.length) return;
    const row = rows[Math.min(rows.length - 1, Math.floor(((event.clientY - box.top) / box.height) * rows.length))];
    const c = Math.min(columns.values.length - 1, Math.floor(((event.clientX - box.left) / box.width) * columns.values.length));
    const value = row.values[c];
    return tell(`${row.name} \u2194 ${columns.values[c]}: ${/\d/.test(value) ? value + " " + heat.dataset.unit : "not measured"}`, [], event);
  }
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
  const parts = all("path,rect,text", group).map((part) => [
    part,
    ["d", "x", "width", "transform"].map((name) => part.getAttribute(name)),
  ]);
  let [from, to] = [left, left + width];
  const apply = () => {
    const place = (x) => left + ((x - from) / (to - from)) * width;
    const round = (x) => Math.round(place(Number(x)) * 10) / 10;
    for (const [part, [d, x, wide, transform]] of parts) {
      if (transform) {
        part.setAttribute("transform", transform.replace(/^translate\(([-\d.]+)/, (_, x) => `translate(${round(x)}`));
      } else if (d) {
        part.setAttribute("d", d.replace(/([ML])([-\d.]+)/g, (_, command, x) => command + round(x)));
      } else {
        part.setAttribute("x", round(x));
        if (wide) part.setAttribute("width", round(Number(x) + Number(wide)) - round(x));
      }
      const at = part.getAttribute("x") ?? part.getAttribute("d")?.match(/M([-\d.]+)/)?.[1];
      const outside = !part.closest(".curves") && (at < left - 1 || at > left + width + 1);
      part.toggleAttribute("hidden", outside);
      part.style.visibility = outside ? "hidden" : "";
    }
    svg.classList.toggle("zoomed", from > left || to < left + width);
  };
  const units = (event) => {
    const box = svg.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  };
  const inside = (x) => Math.max(left, Math.min(left + width, x));
  const data = (x) => from + ((x - left) / width) * (to - from);
  let start = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse") start = inside(units(event));
  });
  addEventListener("pointerup", (event) => {
    if (start === null) return;
    const end = inside(units(event));
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
  const drawing = (figure.querySelector("svg.wide") ?? figure.querySelector("svg.chart")).cloneNode(true);
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
  const drawing = (figure.querySelector("svg.wide") ?? figure.querySelector("svg.chart")).cloneNode(true);
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
