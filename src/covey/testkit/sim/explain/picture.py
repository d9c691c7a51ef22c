"""The picture: a head with the time and what befell all, and below it a lane for each node."""

from __future__ import annotations

from collections.abc import Iterator

from covey.testkit.sim.explain.arrows import ARROWS_MAX, deltas_svg, density_svg
from covey.testkit.sim.explain.bands import head_bands, lane_bands, outages_svg, span, washes
from covey.testkit.sim.explain.layout import LEFT, RIGHT, WIDTH, Layout, layout_of, ticks
from covey.testkit.sim.explain.looks import look_of, pattern_svg
from covey.testkit.sim.explain.marks import finding_svg, marks_svg
from covey.testkit.sim.explain.scene import Scene
from covey.testkit.sim.explain.text import attributes, escape, ms, px, spell, title
from covey.testkit.sim.timeline import Lane

__all__ = ["picture_html"]

_NAME_CHARS_MAX = 15


def picture_html(scene: Scene) -> str:
    """Both parts, one under the other; they share their time."""
    layout = layout_of(scene)
    facts = attributes(
        data_left=LEFT,
        data_right=RIGHT,
        data_from=ms(layout.from_s),
        data_to=ms(layout.to_s),
        data_scale=f"{layout.scale}",
        data_arrows_max=ARROWS_MAX,
        data_rows=" ".join(px(layout.rows[lane.node].line) for lane in scene.lanes),
    )
    head = _svg("head", layout.head, _head(scene, layout), "time, and faults of all nodes")
    body = _svg("body", layout.height, _body(scene, layout), "what happened at each node")
    return f'<div class="plot" id="plot"{facts}>\n{head}\n{body}\n</div>'


def _svg(name: str, height: float, parts: Iterator[str], told: str) -> str:
    clip = attributes(x=LEFT, y=0, width=WIDTH - LEFT, height=height)
    content = "\n".join(parts)
    return (
        f'<svg id="{name}" viewBox="0 0 {WIDTH} {px(height)}" data-height="{px(height)}" '
        f'role="img" aria-label="{told}">\n<clipPath id="clip-{name}"><rect{clip}/></clipPath>\n'
        f"{content}\n</svg>"
    )


def _head(scene: Scene, layout: Layout) -> Iterator[str]:
    yield "<defs>"
    for place, kind in enumerate(scene.band_kinds):
        yield pattern_svg(look_of(kind, place), f"p{place}")
    yield "</defs>"
    yield '<text class="note" x="8" y="34">virtual seconds</text>'
    if any(not band.nodes for band in scene.bands):
        yield f'<text class="note" x="8" y="{px(layout.head - 8)}">all nodes</text>'
    yield '<g clip-path="url(#clip-head)">'
    yield from _healing(scene, layout, 0, layout.head)
    yield '<g id="ticks">'
    for at_s, label in ticks(layout):
        yield f'<text class="tick"{attributes(x=layout.x(at_s), y=34)}>{label}</text>'
    yield "</g>"
    yield from head_bands(scene, layout)
    yield from _healing_name(scene, layout)
    yield from finding_svg(scene, layout, 16, layout.head - 16)
    yield '<g id="cursor"></g></g>'


def _body(scene: Scene, layout: Layout) -> Iterator[str]:
    for place, lane in enumerate(scene.lanes):
        row = layout.rows[lane.node]
        stripe = "odd" if place % 2 else "even"
        stripe += " found" if lane.node in scene.found_at else ""
        box = attributes(x=0, y=row.top, width=WIDTH, height=row.bottom - row.top)
        yield f'<rect class="row {stripe}"{box}/>'
    yield '<g clip-path="url(#clip-body)">'
    yield from _healing(scene, layout, 0, layout.height)
    yield '<g id="grid">'
    for at_s, _ in ticks(layout):
        yield f'<path class="grid" d="M{px(layout.x(at_s))} 0V{px(layout.height)}"/>'
    yield "</g>"
    yield from washes(scene, layout)
    yield '<g id="densities">'
    yield from density_svg(scene, layout)
    yield "</g>"
    yield from outages_svg(scene, layout)
    yield from lane_bands(scene, layout)
    yield '<g id="deltas">'
    yield from deltas_svg(scene, layout)
    yield '</g><g id="marks">'
    yield from marks_svg(scene, layout)
    yield "</g>"
    yield from finding_svg(scene, layout, 0, layout.height)
    yield '<g id="chosen"></g></g>'
    for lane in scene.lanes:
        yield _name(lane, layout)


def _healing(scene: Scene, layout: Layout, top: float, height: float) -> Iterator[str]:
    """The time without faults, after the last."""
    from_s = scene.timeline.faults_s
    if not 0 < from_s < scene.end_s:
        return
    place = span(layout, from_s, layout.to_s, top, height)
    yield f'<rect class="healing"{place}>{title(["healing: all faults are over"])}</rect>'


def _healing_name(scene: Scene, layout: Layout) -> Iterator[str]:
    """Its name, where there is room: no strip of all nodes is there any more."""
    from_s, name = scene.timeline.faults_s, "healing"
    if not 0 < from_s < scene.end_s:
        return
    room = layout.x(scene.end_s) - layout.x(from_s)
    place = attributes(
        class_="told" if room > 60 else "told out",
        x=layout.x(from_s) + 4,
        y=layout.head - 8,
        data_a=ms(from_s),
        data_b=ms(layout.to_s),
        data_chars=str(len(name)),
    )
    yield f"<text{place}>{name}</text>"


def _name(lane: Lane, layout: Layout) -> str:
    line = layout.rows[lane.node].line
    place = attributes(class_="name", x=8, y=line - 2 if layout.has_room else line + 3.5)
    below = ' x="8" dy="15"' if layout.has_room else ' dx="6"'
    colour = "role c-deed" if lane.role == "doctored" else "role"
    is_cut = (_shortened(lane.node), _shortened(lane.role)) != (lane.node, lane.role)
    whole = title([f"{lane.node}: {lane.role}"]) if is_cut else ""  # else it is there to read
    return (
        f'<text data-node="{escape(lane.node)}"{place}>{whole}'
        f"{escape(_shortened(lane.node))}"
        f'<tspan class="{colour}"{below}>{escape(_shortened(lane.role))}</tspan></text>'
    )


def _shortened(name: str) -> str:
    """A name that fits beside its lane."""
    name = spell(name)
    return name if len(name) <= _NAME_CHARS_MAX else f"{name[: _NAME_CHARS_MAX - 1]}\u2026"
