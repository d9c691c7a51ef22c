"""Deltas: a dot where each was written, and arrows to wherever it was applied."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from covey.testkit.sim.explain.layout import LEFT, RIGHT, WIDTH, Layout
from covey.testkit.sim.explain.scene import Scene, Tracked
from covey.testkit.sim.explain.text import attributes, cut, ms, px, seconds, title

__all__ = ["ARROWS_MAX", "deltas_svg", "density_svg", "delta_lines"]

ARROWS_MAX: Final = 2500
"""Drawn at a time; where there are more, each lane shows how many deltas were applied when."""

_HEAD_PX: Final = 6.0
_ID_CHARS: Final = 16  # of 64: nobody reads more at a glance
_TITLE_ARRIVALS_MAX: Final = 12
_BIN_PX: Final = 3


def deltas_svg(scene: Scene, layout: Layout) -> Iterator[str]:
    """Every delta, with what a script needs to draw it again at another scale."""
    is_drawn = scene.arrows_count <= ARROWS_MAX
    places = {lane.node: place for place, lane in enumerate(scene.lanes)}
    for number, delta in enumerate(scene.deltas):
        written = delta.written
        came = [f"{places[a.node]}:{ms(a.at_s)}" for a in delta.firsts]
        again = [f"{places[a.node]}:{ms(a.at_s)}" for a in delta.again]
        where = attributes(
            class_="delta part" if delta.never else "delta whole",
            id=f"d{number}",
            data_ref=f"d{number}",
            data_node=str(places[written.node]),
            data_at=ms(written.at_s),
            data_to=" ".join(came),
            data_again=" ".join(again),
            data_never=" ".join(str(places[node]) for node in delta.never),
            data_id=written.delta,
            data_label=cut(written.label),
        )
        lines, heads = _arrows(delta, layout) if is_drawn else ("", "")
        x, y = layout.x(written.at_s), layout.rows[written.node].line
        dot = attributes(cx=x, cy=y, r=3.8 * max(layout.scale, 0.7))
        yield (
            f"<g{where}>{title(delta_lines(delta))}"
            f'<path class="line" d="{lines}"/><path class="tip" d="{heads}"/><circle{dot}/></g>'
        )


def _arrows(delta: Tracked, layout: Layout) -> tuple[str, str]:
    x, y = layout.x(delta.written.at_s), layout.rows[delta.written.node].line
    lines, heads = [], []
    for arrival in delta.firsts:
        to_x, to_y = layout.x(arrival.at_s), layout.rows[arrival.node].line
        lines.append(f"M{px(x)} {px(y)}L{px(to_x)} {px(to_y)}")
        heads.append(_head(to_x - x, to_y - y, to_x, to_y, _HEAD_PX * layout.scale))
    for arrival in delta.again:
        to_x, to_y = layout.x(arrival.at_s) - 3, layout.rows[arrival.node].line
        lines.append(f"M{px(to_x)} {px(to_y)}a3 3 0 1 0 6 0a3 3 0 1 0-6 0")
    return "".join(lines), "".join(heads)


def _head(along: float, down: float, x: float, y: float, size: float) -> str:
    """An arrow's head, as long as `size` and as wide; its tip is at x and y."""
    length = math.hypot(along, down) or 1.0
    back_x, back_y = along / length * size, down / length * size
    one = f"{px(x - back_x - back_y / 2)} {px(y - back_y + back_x / 2)}"
    other = f"{px(x - back_x + back_y / 2)} {px(y - back_y - back_x / 2)}"
    return f"M{px(x)} {px(y)}L{one}L{other}Z"


def delta_lines(delta: Tracked) -> list[str]:
    """What became of a delta, in a few lines."""
    written = delta.written
    lines = [
        f"delta {written.delta[:_ID_CHARS]}\u2026",
        f"written by {written.node} at {seconds(written.at_s)}",
        cut(written.label),
    ]
    came = sorted(delta.firsts, key=lambda arrival: (arrival.at_s, arrival.node))
    if len(came) > _TITLE_ARRIVALS_MAX:
        lines.append(f"applied by {len(came)} others, last by {came[-1].node}")
        came = came[-1:]
    for arrival in came:
        late_s = round(arrival.at_s, 3) - round(written.at_s, 3)
        lines.append(f"{arrival.node} applied it at {seconds(arrival.at_s)} (+{late_s:.3f} s)")
    lines += [f"{a.node} applied it again at {seconds(a.at_s)}" for a in delta.again]
    if delta.never:
        shown = ", ".join(delta.never[:_TITLE_ARRIVALS_MAX])
        more = len(delta.never) - _TITLE_ARRIVALS_MAX
        lines.append(f"never applied by {shown}" + (f" and {more} more" if more > 0 else ""))
    return lines


def density_svg(scene: Scene, layout: Layout) -> Iterator[str]:
    """How many deltas each node applied when: what is left of too many arrows."""
    if scene.arrows_count <= ARROWS_MAX:
        return
    bins: Counter[tuple[str, int]] = Counter()
    for delta in scene.deltas:
        bins.update((a.node, int(layout.x(a.at_s) // _BIN_PX)) for a in delta.firsts)
    most = math.log1p(max(bins.values()))
    tall = 0.42 * min(row.bottom - row.top for row in layout.rows.values())
    for lane in scene.lanes:
        y = layout.rows[lane.node].line
        bars = (
            f"M{place * _BIN_PX} {px(y)}v{px(-tall * math.log1p(bins[lane.node, place]) / most)}"
            for place in range(LEFT // _BIN_PX, (WIDTH - RIGHT) // _BIN_PX + 1)
            if bins[lane.node, place]
        )
        yield f'<path class="density"{attributes(data_y=y)} d="{"".join(bars)}"/>'
