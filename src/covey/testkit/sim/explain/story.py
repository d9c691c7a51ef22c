"""Everything that happened, in order, one line each: what a person reads backwards from the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from covey.testkit.sim.explain.scene import FINDING, Scene
from covey.testkit.sim.explain.text import attributes, cut, escape, ms

__all__ = ["STORY_ARRIVALS_MAX", "story_html"]

STORY_ARRIVALS_MAX: Final = 5000
"""Where deltas came to more nodes than this, the story tells only who wrote them."""

_TOO_MUCH: Final = "Deltas came to more nodes than can be listed: here is who wrote them."
_LINE_CHARS_MAX: Final = 240
_SHORT_CHARS_MAX: Final = 50
_IDS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing. ref: its number in the picture. classes: by which it is shown and hidden."""

    at_s: float
    ref: str
    node: str
    what: str
    told: str
    classes: str


def story_html(scene: Scene) -> str:
    """The whole story. Its box begins at its end."""
    lines = [*_of_bands(scene), *_of_moments(scene), *_of_deltas(scene)]
    is_whole = sum(len(delta.firsts) for delta in scene.deltas) <= STORY_ARRIVALS_MAX
    if is_whole:
        lines += _of_arrivals(scene)
    lines.sort(key=lambda line: (round(line.at_s, 3), line.what == FINDING, line.ref[:1]))
    note = "" if is_whole else f'<p class="note">{_TOO_MUCH}</p>'
    rows = "\n".join(_row(line) for line in lines)
    return f'{note}<div class="story" id="story"><ol>\n{rows}\n</ol></div>'


def _row(line: _Line) -> str:
    told = cut(line.told, _LINE_CHARS_MAX)
    classes = f"{line.classes} long" if len(told) > _SHORT_CHARS_MAX else line.classes
    where = attributes(class_=classes, data_ref=line.ref, data_when=ms(line.at_s))
    return (
        f'<li{where}><a href="#{line.ref}">{line.at_s:.3f}</a> <b>{escape(cut(line.node, 40))}</b> '
        f"<i>{escape(line.what)}</i> <span>{escape(told)}</span></li>"
    )


def _of_bands(scene: Scene) -> Iterator[_Line]:
    for number, band in enumerate(scene.bands):
        whom = ", ".join(band.nodes) or "all nodes"
        classes = f"fault f{scene.band_kinds.index(band.kind)}"
        told = band.label.removeprefix(band.kind).removeprefix(": ")
        yield _Line(band.from_s, f"b{number}", whom, f"{band.kind} begins", told, classes)
        if band.to_s <= scene.end_s:
            yield _Line(band.to_s, f"b{number}", whom, f"{band.kind} ends", "", classes)


def _of_moments(scene: Scene) -> Iterator[_Line]:
    for number, moment in enumerate(scene.moments):
        classes = f"m{scene.mark_kinds.index(moment.kind)}"
        classes += " worst" if moment.kind == FINDING else ""
        told = "; ".join(moment.labels)
        yield _Line(moment.at_s, f"m{number}", moment.node, moment.kind, told, classes)


def _of_deltas(scene: Scene) -> Iterator[_Line]:
    for number, delta in enumerate(scene.deltas):
        written = delta.written
        told = f"{written.delta[:8]}, {written.label}"
        yield _Line(written.at_s, f"d{number}", written.node, "writes", told, "writing")


def _of_arrivals(scene: Scene) -> Iterator[_Line]:
    """What a node applied within a millisecond is one line."""
    came: dict[tuple[float, str, str], list[int]] = {}
    for number, delta in enumerate(scene.deltas):
        for arrival in delta.firsts:
            came.setdefault((round(arrival.at_s, 3), arrival.node, "applies"), []).append(number)
        for arrival in delta.again:
            place = (round(arrival.at_s, 3), arrival.node, "applies again")
            came.setdefault(place, []).append(number)
    for (at_s, node, what), numbers in came.items():
        ids = [scene.deltas[number].written.delta[:8] for number in numbers[:_IDS_MAX]]
        if len(numbers) > _IDS_MAX:
            ids.append(f"and {len(numbers) - _IDS_MAX} more")
        yield _Line(at_s, f"d{numbers[0]}", node, what, ", ".join(ids), "arrival")
