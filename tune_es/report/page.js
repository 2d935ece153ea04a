"use strict";
// What is said on hover comes from the table below the charts, as text: nothing here makes markup.
(() => {
  const tip = document.getElementById("tip");
  const table = document.getElementById("table");
  const views = [];
  let pinned = null;

  // ---- what is said of a trial

  const heads = table ? [...table.tHead.rows[0].cells].map((cell) => cell.textContent) : [];

  function line(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  function describe(row) {
    const cells = [...row.cells];
    const why = cells[2];
    const numbers = [...why.querySelectorAll("span")].map((each) => each.textContent.split(" = "));
    const reason = why.firstChild ? why.firstChild.textContent.trim() : "";
    tip.replaceChildren(line("b", cells[0].textContent));
    tip.append(line("p", reason || cells[1].textContent));
    const list = document.createElement("dl");
    const facts = cells.slice(3).map((cell, at) => [heads[at + 3], cell.textContent]);
    for (const [name, value] of [...numbers, ...facts]) {
      list.append(line("dt", name), line("dd", value));
    }
    tip.append(list);
  }

  function place(x, y) {
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    tip.style.top = `${Math.max(8, Math.min(y + 16, innerHeight - height - 8))}px`;
  }

  // ---- which trial is under the pointer

  const source = (view, name) => view.model.renderers.find((each) => each.name === name).data_source;
  const data = (view, name) => source(view, name).data;

  function nearestPoint(view, points, xs, sx, sy, reach) {
    let best = null;
    let least = reach * reach;
    for (let at = 0; at < points.row.length; at++) {
      const dx = view.frame.x_scale.compute(xs[at]) - sx;
      const dy = view.frame.y_scale.compute(points.y[at]) - sy;
      if (dx * dx + dy * dy < least) {
        least = dx * dx + dy * dy;
        best = points.row[at];
      }
    }
    return best;
  }

  function heightAt(xs, ys, x) {
    let low = 0;
    let high = xs.length - 1;
    if (high < 0 || x < xs[0] || x > xs[high]) return NaN;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) low = middle;
      else high = middle;
    }
    const part = xs[high] > xs[low] ? (x - xs[low]) / (xs[high] - xs[low]) : 0;
    return part ? ys[low] + part * (ys[high] - ys[low]) : ys[low];
  }

  function nearestLine(view, lines, column, sx, sy) {
    const x = view.frame.x_scale.invert(sx);
    let best = null;
    let least = 16;
    for (let at = 0; at < lines.row.length; at++) {
      const y = heightAt(lines.xs[at], lines[column][at], x);
      const away = Math.abs(view.frame.y_scale.compute(y) - sy);
      if (away <= least) {
        least = away;
        best = lines.row[at];
      }
    }
    return best;
  }

  function barAt(view, { row, lane, left, right }, sx, sy) {
    const x = view.frame.x_scale.invert(sx);
    const y = Math.round(view.frame.y_scale.invert(sy));
    const at = [...row].findIndex((_, at) => lane[at] === y && left[at] <= x && x <= right[at]);
    return row[at] ?? null;
  }

  function trialAt(view, sx, sy) {
    const [kind, column] = view.model.tags;
    if (kind === "bars") return barAt(view, data(view, "bars"), sx, sy);
    if (kind === "points") {
      const points = data(view, column);
      return nearestPoint(view, points, points[column], sx, sy, 14);
    }
    const stops = data(view, "stops");
    const stop = nearestPoint(view, stops, stops.x, sx, sy, 12);
    return stop ?? nearestLine(view, data(view, "lines"), column, sx, sy);
  }

  // ---- one trial is lit everywhere

  let lit = null;

  function light(trial) {
    if (trial === lit) return;
    lit = trial;
    table.querySelectorAll("tr.lit").forEach((row) => row.classList.remove("lit"));
    if (trial !== null) document.getElementById(`t${trial}`).classList.add("lit");
    for (const view of views) {
      const [kind, column] = view.model.tags;
      if (kind !== "lines") continue;
      const lines = data(view, "lines");
      const at = trial === null ? -1 : lines.row.indexOf(trial);
      const only = (name) => (at < 0 ? [] : [lines[name][at]]);
      source(view, "lit").data = { xs: only("xs"), ys: only(column), colour: only("colour") };
    }
  }

  function show(view, event) {
    const box = view.canvas_view.el.getBoundingClientRect();
    const trial = trialAt(view, event.clientX - box.left, event.clientY - box.top);
    if (trial === null) {
      tip.hidden = true;
      light(pinned);
      return null;
    }
    if (trial !== lit || tip.hidden) describe(document.getElementById(`t${trial}`));
    light(trial);
    place(event.clientX, event.clientY);
    return trial;
  }

  // ---- charts

  function listen(view) {
    const element = view.el;
    let waiting = null;
    element.addEventListener("mousemove", (event) => {
      if (waiting === null) requestAnimationFrame(() => { show(view, waiting); waiting = null; });
      waiting = event;
    });
    element.addEventListener("mouseleave", () => { tip.hidden = true; light(pinned); });
    element.addEventListener("click", (event) => { pinned = show(view, event); });
    element.addEventListener("dblclick", () => view.reset());
    if (matchMedia("(pointer: fine)").matches) {
      view.model.toolbar.tools.forEach((tool) => { tool.active = true; });
    } else {
      view.canvas_view.events_el.style.touchAction = "auto"; // Bokeh 3.6 would keep the finger
    }
  }

  async function draw() {
    const { roots, document: json } = JSON.parse(document.getElementById("figures").textContent);
    if (!roots) return;
    const item = { docid: "report", roots, root_ids: Object.keys(roots) };
    const [made] = await Bokeh.embed.embed_items({ report: json }, [item]);
    for (const id of item.root_ids) views.push(made.get_by_id(id));
    views.forEach(listen);
    addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  }

  // ---- the table

  function count() {
    const rows = [...table.tBodies[0].rows];
    const left = rows.filter((row) => !row.classList.contains("out")).length;
    const shown = table.classList.contains("short") ? Math.min(left, 100) : left;
    document.getElementById("shown").textContent =
      shown === rows.length ? `${shown} trials` : `${shown} of ${rows.length} trials`;
  }

  function filter() {
    const words = document.getElementById("filter").value.toLowerCase();
    const group = document.getElementById("ended").value;
    for (const row of table.tBodies[0].rows) {
      const fits = (!group || row.dataset.g === group) && row.textContent.toLowerCase().includes(words);
      row.classList.toggle("out", !fits);
    }
    shorten(!words && !group && table.classList.contains("long"));
  }

  function shorten(is) {
    table.classList.toggle("short", is);
    document.getElementById("more").parentElement.hidden = !is;
    count();
  }

  function sort(at) {
    const head = table.tHead.rows[0].cells[at];
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[at].dataset.v ?? row.cells[at].textContent;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
    const compare = (one, other) => {
      if (one === "" || other === "") return (one === "") - (other === "");
      const by = Number(one) - Number(other);
      return (up ? 1 : -1) * (Number.isNaN(by) ? one.localeCompare(other) : by);
    };
    rows.sort(([one], [other]) => compare(one.replace("inf", "Infinity"), other.replace("inf", "Infinity")));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function explain(event) {
    const cell = event.target.closest("td.why");
    tip.hidden = cell === null || !cell.textContent;
    if (tip.hidden) return false;
    describe(cell.parentElement);
    place(event.clientX, event.clientY);
    return true;
  }

  function prepare() {
    table.classList.add("ready");
    document.querySelectorAll(".tools").forEach((each) => { each.hidden = false; });
    [...table.tHead.rows[0].cells].forEach((cell, at) => {
      const button = line("button", cell.textContent);
      button.type = "button";
      button.addEventListener("click", () => sort(at));
      cell.replaceChildren(button);
    });
    document.getElementById("filter").addEventListener("input", filter);
    document.getElementById("ended").addEventListener("change", filter);
    document.getElementById("more").addEventListener("click", () => shorten(false));
    table.classList.toggle("long", table.tBodies[0].rows.length > 120);
    shorten(table.classList.contains("long"));
    const body = table.tBodies[0];
    body.addEventListener("mousemove", (event) => explain(event));
    body.addEventListener("mouseleave", () => { tip.hidden = true; });
    body.addEventListener("click", (event) => {
      if (explain(event)) return;
      const row = event.target.closest("tr");
      const trial = Number(row.id.slice(1));
      pinned = pinned === trial ? null : trial;
      light(pinned);
      if (pinned !== null && views.length) document.getElementById("curves").scrollIntoView();
    });
  }

  if (table) prepare();
  draw();
})();
