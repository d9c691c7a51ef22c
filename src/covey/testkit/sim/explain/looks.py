"""How each kind of fault and mark looks: never by colour alone, always by shape or texture too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Glyph", "Look", "glyph_of", "look_of", "pattern_svg"]


@dataclass(frozen=True, slots=True)
class Look:
    """A band. colour: a class of the style sheet; faults of one family share it."""

    colour: str
    texture: str


@dataclass(frozen=True, slots=True)
class Glyph:
    """A mark. colour: as in Look. dy: from the lane's line. is_drawn: by strokes, not filled."""

    shape: str
    colour: str = "ink"
    dy: float = 0.0
    is_drawn: bool = False


_LOOKS: Final = {
    "loss": Look("net", "dots"),
    "delay": Look("net", "rising"),
    "reorder": Look("net", "crossed"),
    "duplicate": Look("net", "double"),
    "partition": Look("cut", "plain"),
    "one-way-partition": Look("cut", "rising"),
    "flapping": Look("cut", "upright"),
    "slow-peer": Look("slow", "plain"),
    "bandwidth": Look("slow", "falling"),
    "full-disk": Look("disk", "plain"),
    "slow-disk": Look("disk", "falling"),
    "read-error": Look("disk", "dots"),
}
_TEXTURES: Final = {
    "plain": "",
    "rising": "M-2 2L2-2M0 8L8 0M6 10L10 6",
    "falling": "M-2 6L2 10M0 0L8 8M6-2L10 2",
    "crossed": "M0 8L8 0M0 0L8 8",
    "upright": "M2 0V8M6 0V8",
    "double": "M1.5 0V8M4 0V8",
    "level": "M0 2H8M0 6H8",
    "dots": "M2 2h.01M6 6h.01",
}
_SOME_LOOKS: Final = tuple(Look("other", texture) for texture in _TEXTURES)

_CRASH: Final = Glyph("M-5-5L5 5M-5 5L5-5", "bad", is_drawn=True)
_CLOCK: Final = Glyph("M0-5A5 5 0 1 0 .01-5ZM0-3V0H2.6", "warn", dy=-16, is_drawn=True)
_GLYPHS: Final = {
    "calls": Glyph("M-4-4.5H4L0 3.5Z", dy=-9),
    "reply": Glyph("M-3-3H3L0 3.5Z", "faint", dy=9),
    "release": Glyph("M-4 4V-4H4V4ZM0-4V4", "good", dy=15, is_drawn=True),
    "start": Glyph("M-5-6L6.5 0L-5 6Z", "good"),
    "kill": _CRASH,
    "power-cut": _CRASH,
    "disk-failure": _CRASH,
    "leave": Glyph("M5-6L-6.5 0L5 6Z", "warn"),
    "clock-skew": _CLOCK,
    "clock-jump": _CLOCK,
    "far-clock": _CLOCK,
    "misdeed": Glyph("M2-7.5L-4.5 1.2H-.8L-2 7.5L4.5-1.5H.8Z", "deed", dy=-15),
    "accused": Glyph("M-3 7V-6H5L2.8-3L5 0H-3", "deed", dy=15, is_drawn=True),
    "finding": Glyph(
        "M0-12L2.7-6.6L8.5-8.5L6.6-2.7L12 0L6.6 2.7L8.5 8.5L2.7 6.6L0 12L-2.7 6.6L-8.5 8.5"
        "L-6.6 2.7L-12 0L-6.6-2.7L-8.5-8.5L-2.7-6.6Z",
        "bad",
    ),
}
_SOME_SHAPES: Final = (
    "M-4-4H4V4H-4Z",
    "M0-5L5 0L0 5L-5 0Z",
    "M-2-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z",
    "M-5 4H5L3-4H-3Z",
    "M0-5L5-1L3 5H-3L-5-1Z",
)


def look_of(kind: str, place: int) -> Look:
    """How a fault looks. place: where a kind that nobody drew stands among those of the run."""
    return _LOOKS.get(kind) or _SOME_LOOKS[place % len(_SOME_LOOKS)]


def glyph_of(kind: str, place: int) -> Glyph:
    """How a mark looks. place: as for `look_of`."""
    return _GLYPHS.get(kind) or Glyph(_SOME_SHAPES[place % len(_SOME_SHAPES)], "other", dy=-14)


def pattern_svg(look: Look, name: str) -> str:
    """A band's filling, as an SVG pattern of that name."""
    strokes = _TEXTURES[look.texture]
    ground = ".5" if not strokes else ".2"
    width = "3" if look.texture == "dots" else "1.4"
    return (
        f'<pattern id="{name}" class="c-{look.colour}" width="8" height="8" '
        'patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="currentColor" fill-opacity="{ground}"/>'
        f'<path d="{strokes}" fill="none" stroke="currentColor" stroke-width="{width}" '
        'stroke-linecap="round"/></pattern>'
    )
