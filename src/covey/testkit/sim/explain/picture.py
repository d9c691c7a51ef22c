"""The picture: a head with the time and what befell everybody, and below it a lane for each node."""

from __future__ import annotations

from collections.abc import Iterator

from covey.testkit.sim.explain.arrows import ARROWS_MAX, deltas_svg, density_svg
from covey.testkit.sim.explain.layout import LEFT, RIGHT, WIDTH, Layout, layout_of, ticks
from covey.testkit.sim.explain.looks import Glyph, glyph_of, look_of, pattern_svg
from covey.testkit.sim.explain.scene import Moment, Scene
from covey.testkit.sim.explain.text import attributes, cut, escape, ms, px, seconds
from covey.testkit.sim.timeline import Band, Lane

__all__ = ["band_title", "glyph_svg", "moment_title", "picture_html"]

_CHAR_PX = 6.0  # the width of a letter on a band
_NAME_CHARS_MAX = 15


def picture_html(scene: Scene) -> str:
    """Both parts, one under the other; they share their time."""
    layout = layout_of(scene)
    facts = attributes(
        data_left=str(LEFT),
        data_right=str(RIGHT),
        data_from=ms(layout.from_s),
        data_to=ms(layout.to_s),
        data_end=ms(scene.end_s),
        data_scale=f"{layout.scale}",
        data_arrows_max=str(ARROWS_MAX),
        data_rows=" ".join(px(layout.rows[lane.node].line) for lane in scene.lanes),
    )
    return (
        f'<div class="plot" id="plot"{facts}>\n'
        f"{_svg('head', layout.head, _head(scene, layout), 'time and faults of all nodes')}\n"
        f"{_svg('body', layout.height, _body(scene, layout), 'what happened at each node')}\n"
        "</div>"
    )


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
    for place, kind in enumerate(scene.mark_kinds):
        yield glyph_svg(glyph_of(kind, place), f"g{place}", layout.scale)
    yield "</defs>"
    yield '<text class="axis-name" x="8" y="33">virtual seconds</text>'
    if any(not band.nodes for band in scene.bands):
        yield f'<text class="axis-name" x="8" y="{px(layout.head - 7)}">all nodes</text>'
    yield '<g clip-path="url(#clip-head)">'
    yield from _phase(scene, layout, 20, layout.head - 20)
    yield '<g id="ticks">'
    for at_s, label in ticks(layout):
        yield f'<text class="tick"{attributes(x=layout.x(at_s), y=33)}>{label}</text>'
    yield "</g>"
    for number, band in enumerate(scene.bands):
        if not band.nodes:
            top = layout.head_strip(number)
            strip = _strip(scene, layout, number, top, 13, is_told=True)
            yield _band(scene, number, band, strip)
    yield from _finding(scene, layout, 14, layout.head - 14, is_told=True)
    yield "</g>"


def _body(scene: Scene, layout: Layout) -> Iterator[str]:
    doubtful = {m.node for m in scene.moments if m.kind == "finding"} if scene.timeline.finding else ()
    for place, lane in enumerate(scene.lanes):
        row = layout.rows[lane.node]
        stripe = "found" if lane.node in doubtful else "odd" if place % 2 else "even"
        box = attributes(x=0, y=row.top, width=WIDTH, height=row.bottom - row.top)
        yield f'<rect class="row {stripe}"{box}/>'
    yield '<g clip-path="url(#clip-body)">'
    yield from _phase(scene, layout, 0, layout.height)
    yield '<g id="grid">'
    for at_s, _ in ticks(layout):
        yield f'<path class="grid" d="M{px(layout.x(at_s))} 0V{px(layout.height)}"/>'
    yield "</g>"
    for number, band in enumerate(scene.bands):
        if not band.nodes:
            span = _span(layout, band.from_s, band.to_s, 0, layout.height)
            place = scene.band_kinds.index(band.kind)
            yield f'<rect class="wash {_colour(scene, band)} f{place}" data-ref="b{number}"{span}/>'
    yield from _lines(scene, layout)
    for number, band in enumerate(scene.bands):
        if band.nodes:
            strips = "".join(
                _strip(
                    scene,
                    layout,
                    number,
                    layout.row_strip(number, node),
                    layout.strip,
                    is_told=layout.has_room,
                )
                for node in sorted(set(band.nodes))
            )
            yield _band(scene, number, band, strips)
    yield '<g id="densities">'
    yield from density_svg(scene, layout)
    yield '</g><g id="deltas">'
    yield from deltas_svg(scene, layout)
    yield '</g><g id="marks">'
    yield from _marks(scene, layout)
    yield "</g>"
    yield from _finding(scene, layout, 0, layout.height, is_told=False)
    yield '<g id="chosen"></g><g id="cursor"></g></g>'
    for lane in scene.lanes:
        yield _name(lane, layout)


def _phase(scene: Scene, layout: Layout, top: float, height: float) -> Iterator[str]:
    """The time of healing."""
    from_s = scene.timeline.faults_s
    if 0 < from_s < scene.end_s:
        span = _span(layout, from_s, layout.to_s, top, height)
        yield f'<rect class="healing"{span}><title>healing: no new faults</title></rect>'
        if top > 0:
            room = attributes(data_a=ms(from_s), data_b=ms(layout.to_s), data_chars="7")
            yield (
                f'<text class="phase"{room}'
                f'{attributes(x=layout.x(from_s) + 4, y=12)}>healing</text>'
            )
            # Over the strip of findings: the phase is named where there is nothing else.


def _span(layout: Layout, from_s: float, to_s: float, top: float, height: float) -> str:
    """The place of something that lasts. The script finds it again by its times."""
    x = layout.x(from_s)
    return attributes(
        x=x,
        width=max(layout.x(min(to_s, layout.to_s)) - x, 1),
        y=top,
        height=height,
        data_a=ms(from_s),
        data_b=ms(to_s),
    )


def _strip(
    scene: Scene, layout: Layout, number: int, top: float, height: float, *, is_told: bool
) -> str:
    band = scene.bands[number]
    place = scene.band_kinds.index(band.kind)
    span = _span(layout, band.from_s, band.to_s, top, height)
    strip = f'<rect class="strip" fill="url(#p{place})"{span}/>'
    if not is_told:
        return strip
    label = cut(band.label or band.kind, 60)
    room = layout.x(min(band.to_s, scene.end_s)) - layout.x(band.from_s) - 8
    words = attributes(
        class_="told" if len(label) * _CHAR_PX <= room else "told out",
        x=layout.x(band.from_s) + 4,
        y=top + height - 3,
        data_a=ms(band.from_s),
        data_b=ms(band.to_s),
        data_chars=str(len(label)),
    )
    return f"{strip}<text{words}>{escape(label)}</text>"


def _band(scene: Scene, number: int, band: Band, strips: str) -> str:
    place = scene.band_kinds.index(band.kind)
    return (
        f'<g class="band {_colour(scene, band)} f{place}" id="b{number}" data-ref="b{number}">'
        f"<title>{escape(band_title(scene, band))}</title>{strips}</g>"
    )


def _colour(scene: Scene, band: Band) -> str:
    return f"c-{look_of(band.kind, scene.band_kinds.index(band.kind)).colour}"


def band_title(scene: Scene, band: Band) -> str:
    """A fault in a few lines."""
    told = cut(band.label) if band.kind in band.label else f"{band.kind}: {cut(band.label)}"
    whom = cut(", ".join(band.nodes)) or "all nodes"
    until = f"{seconds(band.from_s)} to {seconds(band.to_s)}"
    if band.to_s > scene.end_s:
        until += f" (the run ended at {seconds(scene.end_s)})"
    return f"{told}\n{whom}\n{until}"


def _lines(scene: Scene, layout: Layout) -> Iterator[str]:
    """Each node's line, and over it the times when the node was not there."""
    for lane in scene.lanes:
        y = layout.rows[lane.node].line
        yield f'<rect class="life"{_span(layout, 0, scene.end_s, y - 0.75, 1.5)}/>'
    tall = 18 * layout.scale
    for outage in scene.outages:
        y = layout.rows[outage.node].line
        span = _span(layout, outage.from_s, outage.to_s, y - tall / 2, tall)
        why = "not up yet" if outage.is_late else "down"
        told = f"{outage.node}: {why}\n{seconds(outage.from_s)} to {seconds(outage.to_s)}"
        look = "outage late" if outage.is_late else "outage"
        yield f'<rect class="{look}"{span}><title>{escape(told)}</title></rect>'


def _marks(scene: Scene, layout: Layout) -> Iterator[str]:
    for number, moment in enumerate(scene.moments):
        place = scene.mark_kinds.index(moment.kind)
        x, y = layout.x(moment.at_s), layout.rows[moment.node].line
        colour = glyph_of(moment.kind, place).colour
        yield (
            f'<g class="mark c-{colour} m{place}" id="m{number}" data-ref="m{number}" '
            f'data-t="{ms(moment.at_s)}" data-y="{px(y)}" '
            f'transform="translate({px(x)} {px(y)})">'
            f'<title>{escape(moment_title(moment))}</title><use href="#g{place}"/></g>'
        )


def moment_title(moment: Moment) -> str:
    """Marks in a few lines."""
    told = cut("\n".join(cut(label) for label in moment.labels), 2000)
    return f"{moment.kind} at {moment.node}, {seconds(moment.at_s)}\n{told}"


def glyph_svg(glyph: Glyph, name: str, scale: float) -> str:
    """A mark's shape, to be used under that name."""
    look = "drawn" if glyph.is_drawn else "filled"
    return (
        f'<path id="{name}" class="glyph {look}" d="{glyph.shape}" '
        f'transform="translate(0 {px(glyph.dy * scale)}) scale({scale})"/>'
    )


def _finding(
    scene: Scene, layout: Layout, top: float, height: float, *, is_told: bool
) -> Iterator[str]:
    """A line through everything where it went wrong."""
    if not scene.timeline.finding:
        return
    at_s = next((m.at_s for m in scene.moments if m.kind == "finding"), scene.end_s)
    place = attributes(data_t=ms(at_s), data_y="0", transform=f"translate({px(layout.x(at_s))} 0)")
    flag = f'<text class="flag" x="-6" y="11">\u2716 it went wrong, {seconds(at_s)}</text>'
    yield (
        f'<g class="wrong"{place}><path d="M0 {px(top)}v{px(height)}"/>'
        f"{flag if is_told else ''}</g>"
    )


def _name(lane: Lane, layout: Layout) -> str:
    row = layout.rows[lane.node]
    role = f'<tspan class="role {"c-deed" if lane.role == "doctored" else ""}"'
    where = attributes(class_="name", x=8, y=row.line + (-2 if layout.has_room else 3.5))
    role += ' x="8" dy="15">' if layout.has_room else ' dx="6">'
    shown = escape(cut_name(lane.node))
    return (
        f"<text{where}><title>{escape(f'{lane.node}: {lane.role}')}</title>"
        f"{shown}{role}{escape(cut_name(lane.role))}</tspan></text>"
    )


def cut_name(name: str) -> str:
    """A name that fits beside its lane."""
    return name if len(name) <= _NAME_CHARS_MAX else f"{name[: _NAME_CHARS_MAX - 1]}\u2026"
