// Tells in words what is chosen.

const tell = (ref) => {
  const delta = deltaOf.get(ref), parts = [html("h2", delta ? "Delta" : "Details")];
  if (delta) parts.push(...tellDelta(delta));
  else {
    const [first, ...lines] = linesOf(ref);
    parts.push(html("b", first), ...lines.map(linked));
  }
  by("details").replaceChildren(...parts);
};
// A line in which the deltas that it names lead to them.
const linked = (line) => {
  const p = html("p");
  for (const part of line.split(/\b([0-9a-f]{8,64})\b/)) {
    const named = part.length >= 8 && deltas.find((delta) => delta.id.startsWith(part));
    const link = named && html("a", part);
    if (link) link.href = `#${named.e.id}`;
    p.append(link || part);
  }
  return p;
};
const tellDelta = (delta) => {
  const list = html("dl"), table = html("table"), top = html("tr");
  const fact = (name, value) => {
    const dd = html("dd");
    dd.append(value);
    list.append(html("dt", name), dd);
  };
  fact("id", html("code", delta.id));
  fact("author", names[delta.node]);
  fact("written", `${delta.t.toFixed(3)} s`);
  fact("what", delta.label);
  top.append(html("th", "applied by"), html("th", "at", "number"), html("th", "after", "number"));
  const lines = [
    ...delta.to.map(([row, t]) => [t, row, ""]),
    ...delta.again.map(([row, t]) => [t, row, " (again)"]),
  ].sort((one, other) => one[0] - other[0]).map(([t, row, note]) => {
    const tr = html("tr");
    tr.append(html("td", names[row] + note), html("td", `${t.toFixed(3)} s`, "number"));
    tr.append(html("td", `+${(t - delta.t).toFixed(3)} s`, "number"));
    return tr;
  });
  const missing = delta.never.map((row) => {
    const tr = html("tr", undefined, "never");
    tr.append(html("td", names[row]), html("td", "never", "number"));
    tr.append(html("td", "\u2716", "number"));
    return tr;
  });
  table.append(top, ...missing, ...lines);
  return [list, table];
};
const linesOf = (ref) => {
  const e = (byRef.get(ref) || []).find((one) => told.has(one));
  return e ? told.get(e).split("\n") : [""];
};
const pin = (ref, isFromStory = false) => {
  pinned = ref;
  if (!ref) return drawChosen();
  tell(ref);
  const delta = deltaOf.get(ref), row = all(`#story [data-ref="${ref}"]`)[0];
  const at = delta ? delta.t : row ? +row.dataset.when : view[0];
  if (at < view[0] || at > view[1]) move((at - (view[0] + view[1]) / 2) / (view[1] - view[0]));
  if (row && !isFromStory) {
    const story = by("story"), box = story.getBoundingClientRect();
    story.scrollTop += row.getBoundingClientRect().top - box.top - box.height / 2;
  }
  drawChosen();
};
