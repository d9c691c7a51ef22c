"""What happened at one moment at one node, and the moment at which it all went wrong."""

from __future__ import annotations

from collections.abc import Iterator

from covey.testkit.sim.explain.layout import Layout
from covey.testkit.sim.explain.looks import Glyph, glyph_of
from covey.testkit.sim.explain.scene import Moment, Scene
from covey.testkit.sim.explain.text import attributes, cut, ms, px, seconds, title

__all__ = ["finding_svg", "glyph_svg", "marks_svg", "moment_lines"]

_LABELS_MAX = 12  # of one moment


def marks_svg(scene: Scene, layout: Layout) -> Iterator[str]:
    """Every mark as a glyph on its lane."""
    for number, moment in enumerate(scene.moments):
        place = scene.mark_kinds.index(moment.kind)
        glyph = glyph_of(moment.kind, place)
        y = layout.rows[moment.node].line
        where = attributes(
            class_=f"mark c-{glyph.colour} m{place}",
            id=f"m{number}",
            data_ref=f"m{number}",
            data_t=ms(moment.at_s),
            data_y=y,
            transform=f"translate({px(layout.x(moment.at_s))} {px(y)})",
        )
        shape = glyph_svg(glyph, layout.scale)
        yield f"<g{where}>{title(moment_lines(moment))}{shape}</g>"


def moment_lines(moment: Moment) -> list[str]:
    """Marks in a few lines."""
    labels = [cut(label) for label in moment.labels[:_LABELS_MAX]]
    if len(moment.labels) > _LABELS_MAX:
        labels.append(f"and {len(moment.labels) - _LABELS_MAX} more")
    return [f"{moment.kind} at {moment.node}, {seconds(moment.at_s)}", *labels]


def glyph_svg(glyph: Glyph, scale: float) -> str:
    """A mark's shape, around its place."""
    look = "drawn" if glyph.is_drawn else "filled"
    return (
        f'<path class="glyph {look}" d="{glyph.shape}" '
        f'transform="translate(0 {px(glyph.dy * scale)}) scale({scale})"/>'
    )


def finding_svg(scene: Scene, layout: Layout, top: float, height: float) -> Iterator[str]:
    """A line through everything where it went wrong, with a flag where it begins below the top."""
    if not scene.timeline.finding:
        return
    at_s = scene.finding_s
    x = px(layout.x(at_s))
    place = attributes(data_t=ms(at_s), data_y="0", transform=f"translate({x} 0)")
    side = "end" if at_s > scene.end_s / 2 else "start"
    flag = f'<text class="flag {side}" y="12">\u2716 it went wrong at {seconds(at_s)}</text>'
    yield (
        f'<g class="wrong"{place}><path d="M0 {px(top)}v{px(height)}"/>{flag if top else ""}</g>'
    )
