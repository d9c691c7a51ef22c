// Pointer, wheel, keys and words: how a person moves through the run.

const isTicked = (name) => !by(`s-${name}`) || by(`s-${name}`).checked;
const nearest = (px, py) => {
  let best = "", least = 7;
  const areArrows = areDrawn && isTicked("arrows"), onlyPart = by("s-part")?.checked;
  for (const delta of deltas) {
    if (!isInView(delta) || (onlyPart && !delta.never.length)) continue;
    const ax = x(delta.t), ay = rows[delta.node];
    const near = (far) => { if (far < least) { least = far; best = delta.e.id; } };
    if (isTicked("dots")) near(Math.hypot(px - ax, py - ay) - 3);
    if (!areArrows) continue;
    for (const [row, t] of delta.to) {
      const dx = x(t) - ax, dy = rows[row] - ay, long = dx * dx + dy * dy || 1;
      const part = Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / long, 0), 1);
      near(Math.hypot(px - ax - part * dx, py - ay - part * dy));
    }
    for (const [row, t] of delta.again) near(Math.hypot(px - x(t), py - rows[row]));
  }
  return best;
};
const under = (event) => {
  const marked = event.target.closest(".mark, .band");
  if (marked) return marked.dataset.ref;
  const box = body.getBoundingClientRect(), px = event.clientX - box.left;
  return px < left || !body.contains(event.target) ? "" : nearest(px, event.clientY - box.top);
};
const hint = html("div");
hint.id = "hint";
hint.hidden = true;
document.body.append(hint);
const hintAt = (event, text) => {
  hint.hidden = !text;
  if (!text) return;
  hint.textContent = text;
  const box = hint.getBoundingClientRect(), gap = 14;
  const isLow = event.clientY + gap + box.height > innerHeight;
  hint.style.left = `${Math.max(4, Math.min(event.clientX + gap, innerWidth - box.width - 8))}px`;
  hint.style.top = `${Math.max(4, event.clientY + (isLow ? -gap - box.height : gap))}px`;
};
let drag = null;
plot.addEventListener("pointermove", (event) => {
  if (drag) {
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    drag.isMoved ||= Math.hypot(dx, dy) > 4;
    if (!drag.isMoved) return;
    plot.classList.add("moving");
    const by = (-dx / (width - left - right)) * (drag.view[1] - drag.view[0]);
    look(drag.view[0] + by, drag.view[1] + by);
    roll.scrollTop = drag.scroll - dy;
    return;
  }
  const ref = under(event);
  const text = ref ? linesOf(ref).join("\n") : told.get(event.target.closest("text, rect")) || "";
  drawCursor(event.clientX - plot.getBoundingClientRect().left);
  hintAt(event, text);
  plot.style.cursor = ref ? "pointer" : "";
  if (ref !== pointed) { pointed = ref; drawChosen(); }
});
plot.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  drag = { x: event.clientX, y: event.clientY, view: [...view], scroll: roll.scrollTop };
  drag.ref = under(event);
  plot.setPointerCapture(event.pointerId);
  hint.hidden = true;
});
const drop = () => {
  if (drag && !drag.isMoved) pin(drag.ref);
  drag = null;
  plot.classList.remove("moving");
};
plot.addEventListener("pointerup", drop);
plot.addEventListener("pointercancel", () => { drag = null; });
plot.addEventListener("pointerleave", () => {
  pointed = "";
  hint.hidden = true;
  drawChosen();
  drawCursor(0);
});
plot.addEventListener("wheel", (event) => {
  const px = event.clientX - plot.getBoundingClientRect().left;
  if (px < left) return;
  event.preventDefault();
  const isAcross = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (isAcross) move((event.deltaX || event.deltaY) / 1000);
  else zoom(Math.exp(Math.max(-100, Math.min(100, event.deltaY)) / 400), timeAt(px));
}, { passive: false });
plot.addEventListener("dblclick", (event) => {
  zoom(0.4, timeAt(event.clientX - plot.getBoundingClientRect().left));
});

// The strip above, with its brush.
const overview = by("overview");
const timeOn = (event) => {
  const box = overview.getBoundingClientRect();
  return whole[0] + ((event.clientX - box.left) / box.width) * span;
};
let grip = null;
overview.addEventListener("pointerdown", (event) => {
  const ends = [...brush.children], at = timeOn(event);
  grip = { end: ends.indexOf(event.target), at, view: [...view] };
  if (grip.end < 0 && (at < view[0] || at > view[1])) {
    const half = (view[1] - view[0]) / 2;
    look(at - half, at + half);
    grip.view = [...view];
  }
  overview.setPointerCapture(event.pointerId);
});
overview.addEventListener("pointermove", (event) => {
  if (!grip) return;
  const [from, to] = grip.view, at = timeOn(event);
  if (grip.end === 0) look(Math.min(at, to - 0.005), to);
  else if (grip.end === 1) look(from, Math.max(at, from + 0.005));
  else look(from + at - grip.at, to + at - grip.at);
});
overview.addEventListener("pointerup", () => { grip = null; });

// Words: the story, links, and what is sought.
const story = by("story");
const rowOf = (event) => event.target.closest("li");
story.addEventListener("pointerover", (event) => {
  pointed = rowOf(event)?.dataset.ref || "";
  drawChosen();
});
story.addEventListener("pointerleave", () => { pointed = ""; drawChosen(); });
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]'), row = event.target.closest("#story li");
  if (!link && !row) return;
  event.preventDefault();
  pin(row ? row.dataset.ref : link.hash.slice(1), Boolean(row));
});
let found = [];
by("find").addEventListener("input", (event) => {
  const words = event.target.value.trim().toLowerCase();
  found = [];
  for (const [e, text] of told) {
    if (!e.dataset.ref) continue;
    const isHit = words !== "" && `${text} ${e.dataset.id}`.toLowerCase().includes(words);
    e.classList.toggle("hit", isHit);
    if (isHit) found.push(e.dataset.ref);
  }
  plot.classList.toggle("sought", words !== "");
  by("found").textContent = words ? `${found.length} found` : "";
});
by("find").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !found.length) return;
  pin(found[(found.indexOf(pinned) + 1) % found.length]);
});
const step = (by) => {
  const place = deltas.findIndex((delta) => delta.e.id === pinned);
  const next = place < 0 ? deltas.findIndex((delta) => delta.t >= view[0]) : place + by;
  pointed = "";
  if (deltas[next]) pin(deltas[next].e.id);
};
const showFinding = () => {
  const at = +head.querySelector(".wrong").dataset.t, wide = Math.max(span * 0.12, 0.5);
  look(at - wide * 0.8, at + wide * 0.2);
};
const keys = {
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: () => look(...whole),
  ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), n: () => step(1), p: () => step(-1),
  Escape: () => pin(""),
};
document.addEventListener("keydown", (event) => {
  if (event.target.matches('input[type="search"]') || event.ctrlKey || event.metaKey) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
by("closer").addEventListener("click", keys["+"]);
by("wider").addEventListener("click", keys["-"]);
by("all").addEventListener("click", keys[0]);
by("go")?.addEventListener("click", showFinding);
new ResizeObserver(drawSoon).observe(plot);
draw();
const named = document.querySelector("#finding a")?.hash || "";
const asked = (location.hash || named).slice(1);
if (byRef.has(asked)) pin(asked, true);
