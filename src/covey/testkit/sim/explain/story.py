"""Everything that happened, in order, one line each: what a person reads backwards from the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    """One thing. ref: its number in the picture. classes: by which it is shown and hidden.

    order: among what happened at one time. joint: what stands between this and a thing of the same
    kind that came next, where both are told in one line; or empty.
    """

    at_s: float
    order: int
    ref: str
    node: str
    what: str
    told: tuple[str, ...]
    classes: str
    joint: str = ""

    def is_continued_by(self, other: _Line) -> bool:
        """Whether both are one line: what a node applied within a millisecond, say."""
        is_same = (self.node, self.what) == (other.node, other.what)
        is_now = round(self.at_s, 3) == round(other.at_s, 3)
        return bool(self.joint) and is_same and is_now

    def continued(self, other: _Line) -> _Line:
        """Both in one."""
        return replace(self, told=self.told + other.told)

    @property
    def sentence(self) -> str:
        """What is told of it."""
        told = list(self.told)
        if self.classes == "arrival" and len(told) > _IDS_MAX:
            told[_IDS_MAX:] = [f"and {len(told) - _IDS_MAX} more"]
        return self.joint.join(told)


def story_html(scene: Scene) -> str:
    """The whole story, in the order of the trace. Its box begins at its end."""
    lines = [*_of_bands(scene), *_of_moments(scene), *_of_deltas(scene)]
    is_whole = sum(len(delta.firsts) for delta in scene.deltas) <= STORY_ARRIVALS_MAX
    if is_whole:
        lines += _of_arrivals(scene)
    lines.sort(key=lambda line: (line.what == FINDING, line.at_s, line.order))
    note = "" if is_whole else f'<p class="note">{_TOO_MUCH}</p>'
    rows = "\n".join(map(_row, _joined(lines)))
    return f'{note}<div class="story" id="story"><ol>\n{rows}\n</ol></div>'


def _joined(lines: list[_Line]) -> Iterator[_Line]:
    """Lines that follow each other and tell the same of one node become one."""
    before: _Line | None = None
    for line in lines:
        if before is not None and before.is_continued_by(line):
            before = before.continued(line)
            continue
        if before is not None:
            yield before
        before = line
    if before is not None:
        yield before


def _row(line: _Line) -> str:
    told = cut(line.sentence, _LINE_CHARS_MAX)
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
        begins, ends = f"{band.kind} begins", f"{band.kind} ends"
        yield _Line(band.from_s, 0, f"b{number}", whom, begins, (told,), classes)
        if band.to_s <= scene.end_s:
            yield _Line(band.to_s, 0, f"b{number}", whom, ends, ("",), classes)


def _of_moments(scene: Scene) -> Iterator[_Line]:
    for number, moment in enumerate(scene.moments):
        classes = f"m{scene.mark_kinds.index(moment.kind)}"
        classes += " worst" if moment.kind == FINDING else ""
        for label, at_s, order in zip(moment.labels, moment.times_s, moment.orders, strict=True):
            told, ref = (label,), f"m{number}"
            yield _Line(at_s, order, ref, moment.node, moment.kind, told, classes, "; ")


def _of_deltas(scene: Scene) -> Iterator[_Line]:
    for number, delta in enumerate(scene.deltas):
        written = delta.written
        told = (f"{written.delta[:8]}, {written.label}",)
        at = written.at_s, written.order
        yield _Line(*at, f"d{number}", written.node, "writes", told, "writing")


def _of_arrivals(scene: Scene) -> Iterator[_Line]:
    for number, delta in enumerate(scene.deltas):
        told = (delta.written.delta[:8],)
        kinds = {"applies": delta.firsts, "applies again": delta.again}
        for what, arrivals in kinds.items():
            for a in arrivals:
                yield _Line(a.at_s, a.order, f"d{number}", a.node, what, told, "arrival", ", ")
