"""Where everything is: time along the page, lanes down it, faults stacked where they overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from covey.testkit.sim.explain.scene import Scene
from covey.testkit.sim.timeline import Band

__all__ = ["LEFT", "RIGHT", "WIDTH", "Layout", "Row", "layout_of", "ticks"]

WIDTH: Final = 1200
"""Of the picture before a script fits it to its window."""
LEFT: Final = 124
RIGHT: Final = 12
_MARGIN: Final = 0.015  # of the time, on both sides: what happens first and last is not on the edge
_TICK_PX: Final = 90
_ROOMY_MAX, _COMPACT_MIN = 10, 24  # lanes
_SCREEN_PX: Final = 560  # so many are seen at once
_HEAD_STRIP_PX: Final = 15


@dataclass(frozen=True, slots=True)
class Row:
    """A lane. line: where its node's line is, below the strips of its faults."""

    top: float
    line: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Places. depths: of a band at a node, or at "" if it is everybody's.

    scale: of glyphs. strip: height of a band. head: height of the part above the lanes.
    """

    from_s: float
    to_s: float
    scale: float
    strip: float
    head: float
    rows: dict[str, Row]
    depths: dict[tuple[int, str], int] = field(default_factory=dict)

    def x(self, at_s: float) -> float:
        """Where a time is."""
        share = (at_s - self.from_s) / (self.to_s - self.from_s)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    @property
    def height(self) -> float:
        """Of all lanes."""
        return max((row.bottom for row in self.rows.values()), default=60.0)

    @property
    def has_room(self) -> bool:
        """There is room for words in the lanes."""
        return self.scale >= 1

    def head_strip(self, number: int) -> float:
        """The top of a band that is everybody's, in the head."""
        return self.head + (self.depths[number, ""] - self._head_depth) * _HEAD_STRIP_PX - 3

    def row_strip(self, number: int, node: str) -> float:
        """The top of a band at a node."""
        return self.rows[node].top + 3 + self.depths[number, node] * (self.strip + 1)

    @property
    def _head_depth(self) -> int:
        return 1 + max((d for (_, node), d in self.depths.items() if not node), default=-1)


def layout_of(scene: Scene) -> Layout:
    """Find a place for everything."""
    count = len(scene.lanes)
    scale = 1.0 if count <= _ROOMY_MAX else 0.85 if count < _COMPACT_MIN else 0.6
    strip = 12.0 if count <= _ROOMY_MAX else 5.0 if count < _COMPACT_MIN else 3.0
    depths: dict[tuple[int, str], int] = {}
    rows: dict[str, Row] = {}
    stacks: dict[str, float] = {}
    for lane in scene.lanes:
        here = [(n, band) for n, band in enumerate(scene.bands) if lane.node in band.nodes]
        stacked = dict(_stack(here))
        depths |= {(number, lane.node): depth for number, depth in stacked.items()}
        stacks[lane.node] = (1 + max(stacked.values(), default=-1)) * (strip + 1) + 3
    room = (_SCREEN_PX - sum(stacks.values())) / max(count, 1)
    room = max(58 * scale, min(112.0, room)) if count < _COMPACT_MIN else 24.0
    top = 0.0
    for node, strips in stacks.items():
        rows[node] = Row(top, top + strips + room / 2, top + strips + room)
        top = rows[node].bottom
    everybodys = dict(_stack([(n, b) for n, b in enumerate(scene.bands) if not b.nodes]))
    depths |= {(number, ""): depth for number, depth in everybodys.items()}
    head = 46 + (1 + max(everybodys.values(), default=0)) * _HEAD_STRIP_PX
    margin = scene.end_s * _MARGIN
    return Layout(-margin, scene.end_s + margin, scale, strip, head, rows, depths)


def _stack(bands: Iterable[tuple[int, Band]]) -> Iterator[tuple[int, int]]:
    """Each band's depth, so that no two at one depth overlap. They come by their beginnings."""
    free_from: list[float] = []
    for number, band in bands:
        depth = next((d for d, free_s in enumerate(free_from) if free_s <= band.from_s), -1)
        if depth < 0:
            depth = len(free_from)
            free_from.append(0.0)
        free_from[depth] = band.to_s
        yield number, depth


def ticks(layout: Layout) -> Iterator[tuple[float, str]]:
    """Round times along the axis, and how they are written."""
    span_s = layout.to_s - layout.from_s
    least_s = span_s * _TICK_PX / (WIDTH - LEFT - RIGHT)
    power = 10.0 ** math.floor(math.log10(least_s))
    step_s = next(step * power for step in (1, 2, 5, 10) if step * power >= least_s)
    digits = max(0, -math.floor(math.log10(step_s) + 1e-9))
    for number in range(math.ceil(layout.from_s / step_s), math.floor(layout.to_s / step_s) + 1):
        yield number * step_s, f"{number * step_s + 0.0:.{digits}f}"
