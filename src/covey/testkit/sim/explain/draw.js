// Fits the drawn picture to the window, and to the time that is looked at. All it knows is in the
// attributes of the picture; no string of it becomes markup here.

const by = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const plot = by("plot"), head = by("head"), body = by("body"), brush = by("brush");
const roll = plot.parentNode;
const facts = plot.dataset, left = +facts.left, right = +facts.right, scale = +facts.scale;
const whole = [+facts.from, +facts.to], span = whole[1] - whole[0];
const rows = facts.rows.split(" ").filter(Boolean).map(Number);
const names = all("text.name").map((text) => text.dataset.node);
let view = [...whole], width = 1200, pinned = "", pointed = "", areDrawn = true;
document.documentElement.classList.add("js");

// What the picture says of things, taken from it: else every one would be told twice.
const told = new Map();
for (const title of all("title", plot)) {
  told.set(title.parentNode, title.textContent);
  title.remove();
}
const spans = all("[data-a]", plot).map((e) => ({
  e, a: +e.dataset.a, b: +e.dataset.b,
  words: e.tagName === "text" ? [e.dataset.long || e.textContent, e.dataset.short] : [],
}));
const points = all("[data-t]", plot).map((e) => ({ e, t: +e.dataset.t, y: e.dataset.y }));
const places = (text) => text.split(" ").filter(Boolean).map((p) => p.split(":").map(Number));
const deltas = all("#deltas > .delta").map((e) => {
  const to = places(e.dataset.to), again = places(e.dataset.again), t = +e.dataset.at;
  const times = [...to, ...again].map((arrival) => arrival[1]);
  const [line, tip, dot] = e.children;
  return {
    e, line, tip, dot, t, to, again, node: +e.dataset.node, id: e.dataset.id,
    label: e.dataset.label, last: times.reduce((a, b) => Math.max(a, b), t),
    first: times.reduce((a, b) => Math.min(a, b), t),
    never: e.dataset.never.split(" ").filter(Boolean).map(Number),
  };
});
const deltaOf = new Map(deltas.map((delta) => [delta.e.id, delta]));
const byRef = new Map();
for (const e of all("[data-ref]")) {
  byRef.set(e.dataset.ref, [...(byRef.get(e.dataset.ref) || []), e]);
}

const x = (t) => left + ((t - view[0]) / (view[1] - view[0])) * (width - left - right);
const timeAt = (px) => view[0] + ((px - left) / (width - left - right)) * (view[1] - view[0]);
const set = (e, values) => {
  for (const name in values) e.setAttribute(name, values[name]);
  return e;
};
const svg = (tag, values, text) => {
  const e = set(document.createElementNS("http://www.w3.org/2000/svg", tag), values);
  if (text !== undefined) e.textContent = text;
  return e;
};
const html = (tag, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

const isInView = (delta) => delta.first <= view[1] && delta.last >= view[0];
const crosses = (delta, t) => Math.min(delta.t, t) <= view[1] && Math.max(delta.t, t) >= view[0];

// The same arrows as the page came with, for the time that is looked at.
const arrows = (delta) => {
  const size = 6 * scale, ax = x(delta.t), ay = rows[delta.node];
  let line = "", tip = "";
  for (const [row, t] of delta.to) {
    if (!crosses(delta, t)) continue;
    const bx = x(t), by = rows[row], long = Math.hypot(bx - ax, by - ay) || 1;
    const dx = ((bx - ax) / long) * size, dy = ((by - ay) / long) * size;
    line += `M${ax.toFixed(1)} ${ay}L${bx.toFixed(1)} ${by}`;
    const corner = (side) =>
      `L${(bx - dx - (side * dy) / 2).toFixed(1)} ${(by - dy + (side * dx) / 2).toFixed(1)}`;
    tip += `M${bx.toFixed(1)} ${by}${corner(1)}${corner(-1)}Z`;
  }
  for (const [row, t] of delta.again) {
    line += `M${(x(t) - 3).toFixed(1)} ${rows[row]}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`;
  }
  return [line, tip];
};

const drawDeltas = () => {
  const shown = deltas.filter(isInView);
  let count = 0;
  for (const delta of shown) for (const [, t] of delta.to) count += crosses(delta, t) ? 1 : 0;
  areDrawn = count <= +facts.arrowsMax;
  for (const delta of deltas) {
    const [line, tip] = areDrawn && isInView(delta) ? arrows(delta) : ["", ""];
    set(delta.line, { d: line });
    set(delta.tip, { d: tip });
    set(delta.dot, { cx: x(delta.t).toFixed(1) });
  }
  drawDensity(shown);
  const written = shown.filter((delta) => delta.t >= view[0] && delta.t <= view[1]).length;
  by("range").textContent =
    `${Math.max(view[0], 0).toFixed(2)} to ${view[1].toFixed(2)} s, ${written} deltas written` +
    (areDrawn ? "" : `; ${count.toLocaleString("en")} arrows are too many: come closer`);
};
const drawDensity = (shown) => {
  const lanes = all(".density");
  if (!lanes.length) return;
  const bins = rows.map(() => new Map());
  let most = 1;
  if (!areDrawn) {
    for (const delta of shown) {
      for (const [row, t] of delta.to) {
        if (t < view[0] || t > view[1]) continue;
        const place = Math.floor(x(t) / 3), count = (bins[row].get(place) || 0) + 1;
        bins[row].set(place, count);
        most = Math.max(most, count);
      }
    }
  }
  const tall = 0.42 * Math.min(...rows.map((y, row) => (row ? y - rows[row - 1] : Infinity)));
  lanes.forEach((e, row) => {
    let bars = "";
    for (const [place, count] of bins[row]) {
      const size = (tall * Math.log1p(count)) / Math.log1p(most);
      bars += `M${place * 3} ${rows[row]}v${(-size).toFixed(1)}`;
    }
    set(e, { d: bars });
  });
};
const drawTicks = () => {
  const least = ((view[1] - view[0]) * 90) / (width - left - right);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const labels = [], lines = [];
  for (let n = Math.ceil(view[0] / step); n * step <= view[1]; n++) {
    const at = x(n * step).toFixed(1);
    labels.push(svg("text", { class: "tick", x: at, y: 34 }, (n * step + 0).toFixed(digits)));
    lines.push(svg("path", { class: "grid", d: `M${at} 0V${body.dataset.height}` }));
  }
  by("ticks").replaceChildren(...labels);
  by("grid").replaceChildren(...lines);
};
let cursorAt = 0;
const drawCursor = (px) => {
  cursorAt = px;
  const parts = px < left ? [] : [
    svg("path", { d: `M${px.toFixed(1)} 38V${head.dataset.height}` }),
    svg("text", { x: px.toFixed(1), y: 34 }, `${timeAt(px).toFixed(3)} s`),
  ];
  by("cursor").replaceChildren(...parts);
};
const draw = () => {
  width = Math.max(plot.clientWidth, 400);
  for (const part of [head, body]) {
    const height = part.dataset.height;
    set(part, { viewBox: `0 0 ${width} ${height}`, height, preserveAspectRatio: "none" });
    set(part.querySelector("clipPath rect"), { width: width - left });
  }
  for (const row of all(".row")) set(row, { width });
  for (const { e, a, b, words } of spans) {
    const from = Math.min(Math.max(x(a), left - 9), width + 9);
    const to = Math.min(Math.max(x(b), left - 9), width + 9);
    if (e.tagName === "text") {
      const begin = Math.max(from, left) + 4;
      set(e, { x: begin.toFixed(1) });
      const room = Math.min(to, width) - begin - 4;
      const shown = words.find((text) => text && text.length * 5.9 <= room);
      e.classList.toggle("out", !shown);
      if (shown) e.textContent = shown;
    } else {
      set(e, { x: from.toFixed(1), width: Math.max(to - from, 1).toFixed(1) });
    }
  }
  for (const { e, t, y } of points) {
    set(e, { transform: `translate(${x(t).toFixed(1)} ${y})` });
  }
  const flag = head.querySelector(".flag");
  if (flag) {
    const isRight = x(+flag.parentNode.dataset.t) > width / 2;
    set(flag, { class: `flag ${isRight ? "end" : "start"}` });
  }
  drawTicks();
  drawDeltas();
  drawChosen();
  drawCursor(cursorAt);
  brush.style.left = `${(100 * (view[0] - whole[0])) / span}%`;
  brush.style.width = `${(100 * (view[1] - view[0])) / span}%`;
};
let isWaiting = false;
const drawSoon = () => {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => { isWaiting = false; draw(); });
};

const look = (from, to) => {
  const wide = Math.min(Math.max(to - from, 0.005), span);
  const begin = Math.min(Math.max(from, whole[0]), whole[1] - wide);
  view = [begin, begin + wide];
  drawSoon();
};
const zoom = (factor, at = (view[0] + view[1]) / 2) =>
  look(at - (at - view[0]) * factor, at + (view[1] - at) * factor);
const move = (share) => {
  const by = share * (view[1] - view[0]);
  look(view[0] + by, view[1] + by);
};

// What is chosen: pinned by a click, or pointed at.
const drawChosen = () => {
  const ref = pointed || pinned, delta = deltaOf.get(ref), parts = [];
  for (const e of all(".on")) e.classList.remove("on");
  for (const e of byRef.get(ref) || []) e.classList.add("on");
  plot.classList.toggle("dim", Boolean(deltaOf.get(pointed)));
  if (delta) {
    const [line, tip] = arrows(delta), isRoomy = scale >= 1;
    parts.push(svg("path", { class: "line", d: line }), svg("path", { class: "tip", d: tip }));
    parts.push(svg("circle", { cx: x(delta.t), cy: rows[delta.node], r: 6.5 }));
    for (const [row, t] of isRoomy ? delta.to : []) {
      const at = { x: x(t) + 7, y: rows[row] + (rows[row] > rows[delta.node] ? -5 : 14) };
      parts.push(svg("text", at, `+${(t - delta.t).toFixed(3)} s`));
    }
    for (const row of delta.never) {
      const at = { class: "never", x: Math.max(x(delta.t), left) - 4, y: rows[row] + 4 };
      parts.push(svg("text", at, isRoomy ? "\u2716 never" : "\u2716"));
    }
    parts.push(svg("text", { x: x(delta.t) + 9, y: rows[delta.node] + 18 }, delta.id.slice(0, 8)));
  }
  by("chosen").replaceChildren(...parts);
};
