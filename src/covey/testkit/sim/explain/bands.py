"""Faults: strips above the lanes of the nodes they hit; those of all nodes above all lanes."""

from __future__ import annotations

from collections.abc import Iterator

from covey.testkit.sim.explain.layout import Layout
from covey.testkit.sim.explain.looks import look_of
from covey.testkit.sim.explain.scene import Scene
from covey.testkit.sim.explain.text import attributes, cut, escape, ms, seconds, spell, title
from covey.testkit.sim.timeline import Band

__all__ = ["band_lines", "head_bands", "lane_bands", "outages_svg", "span", "washes"]

_CHAR_PX = 5.9  # the width of a letter on a strip
_HEAD_STRIP_PX = 13.0


def span(layout: Layout, from_s: float, to_s: float, top: float, height: float) -> str:
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


def head_bands(scene: Scene, layout: Layout) -> Iterator[str]:
    """The strips of what befell everybody."""
    for number, band in enumerate(scene.bands):
        if not band.nodes:
            top = layout.head_strip(number)
            yield _group(scene, number, _strip(scene, layout, number, top, _HEAD_STRIP_PX))


def washes(scene: Scene, layout: Layout) -> Iterator[str]:
    """What befell everybody, across all lanes."""
    for number, band in enumerate(scene.bands):
        if not band.nodes:
            place = span(layout, band.from_s, band.to_s, 0, layout.height)
            yield f'<rect class="wash {_classes(scene, band)}" data-ref="b{number}"{place}/>'


def lane_bands(scene: Scene, layout: Layout) -> Iterator[str]:
    """The strips of what befell some nodes; one fault has one for each of them."""
    for number, band in enumerate(scene.bands):
        if band.nodes:
            tops = [layout.row_strip(number, node) for node in sorted(set(band.nodes))]
            strips = [_strip(scene, layout, number, top, layout.strip) for top in tops]
            yield _group(scene, number, "".join(strips))


def _group(scene: Scene, number: int, strips: str) -> str:
    band = scene.bands[number]
    return (
        f'<g class="band {_classes(scene, band)}" id="b{number}" data-ref="b{number}">'
        f"{title(band_lines(scene, band))}{strips}</g>"
    )


def _strip(scene: Scene, layout: Layout, number: int, top: float, height: float) -> str:
    band = scene.bands[number]
    filling = f'fill="url(#p{scene.band_kinds.index(band.kind)})"'
    place = span(layout, band.from_s, band.to_s, top, height)
    strip = f'<rect class="strip" {filling}{place}/>'
    if height < 10:
        return strip
    label, short = (cut(spell(text), 60) for text in (band.label or band.kind, band.kind))
    room = layout.x(min(band.to_s, scene.end_s)) - layout.x(band.from_s) - 8
    shown = next((text for text in (label, short) if len(text) * _CHAR_PX <= room), "")
    words = attributes(
        class_="told" if shown else "told out",
        x=layout.x(band.from_s) + 4,
        y=top + height - 3,
        data_a=ms(band.from_s),
        data_b=ms(band.to_s),
        data_chars=str(len(label)),
        data_long=label,
        data_short=short,
    )
    return f"{strip}<text{words}>{escape(shown or label)}</text>"


def _classes(scene: Scene, band: Band) -> str:
    """Its colour, and the class by which its kind is shown and hidden."""
    place = scene.band_kinds.index(band.kind)
    return f"c-{look_of(band.kind, place).colour} f{place}"


def band_lines(scene: Scene, band: Band) -> list[str]:
    """A fault in a few lines."""
    until = f"{seconds(band.from_s)} to {seconds(band.to_s)}"
    if band.to_s > scene.end_s:
        until += f" (the run ended at {seconds(scene.end_s)})"
    told = band.label if band.kind in band.label else f"{band.kind}: {band.label}"
    nodes = ", ".join(band.nodes) or "all nodes"
    return [cut(told), until] if nodes in told else [cut(told), cut(nodes), until]


def outages_svg(scene: Scene, layout: Layout) -> Iterator[str]:
    """Each node's line, and over it the times when the node was not there."""
    for lane in scene.lanes:
        y = layout.rows[lane.node].line
        yield f'<rect class="life"{span(layout, 0, scene.end_s, y - 0.75, 1.5)}/>'
    tall = 18 * layout.scale
    for outage in scene.outages:
        y = layout.rows[outage.node].line
        place = span(layout, outage.from_s, outage.to_s, y - tall / 2, tall)
        why = "not up yet" if outage.is_late else "down"
        look = "outage late" if outage.is_late else "outage"
        told = [f"{outage.node}: {why}", f"{seconds(outage.from_s)} to {seconds(outage.to_s)}"]
        yield f'<rect class="{look}"{place}>{title(told)}</rect>'
