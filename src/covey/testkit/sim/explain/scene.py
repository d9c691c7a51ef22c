"""A timeline put in order: what there is to draw, with nothing placed yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from covey.testkit.sim.timeline import Arrival, Band, Lane, Mark, Timeline, Written

__all__ = ["FINDING", "Moment", "Outage", "Scene", "Tracked", "scene_of"]

FINDING: Final = "finding"
"""The kind of mark where a promise was broken."""

_ROUNDING_S = 0.001  # a finding's time is given to a millisecond
_DOWN, _UP = frozenset({"kill", "power-cut", "disk-failure", "leave"}), "start"


@dataclass(frozen=True, slots=True)
class Moment:
    """Marks of one kind at one node within a millisecond: the replies to one batch, say.

    times_s, orders: of each of them.
    """

    at_s: float
    node: str
    kind: str
    labels: tuple[str, ...]
    times_s: tuple[float, ...]
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A node was not there. is_late: it had not come up yet."""

    node: str
    from_s: float
    to_s: float
    is_late: bool


@dataclass(frozen=True, slots=True)
class Tracked:
    """A delta. firsts: where it came to, its author's lane left out. again: applied once more.

    never: the nodes that it had not reached when the run ended, of those that ever came up.
    """

    written: Written
    firsts: tuple[Arrival, ...]
    again: tuple[Arrival, ...]
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn. ahead: planned things that the run did not get to.

    band_kinds and mark_kinds: in the alphabet's order; what is of a kind goes by its place there.
    """

    timeline: Timeline
    end_s: float
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    moments: tuple[Moment, ...]
    deltas: tuple[Tracked, ...]
    outages: tuple[Outage, ...]
    ahead: tuple[Band | Mark, ...]
    band_kinds: tuple[str, ...]
    mark_kinds: tuple[str, ...]

    @property
    def arrows_count(self) -> int:
        """Arrows from where deltas were written to where they came."""
        return sum(len(delta.firsts) for delta in self.deltas)

    @property
    def finding_s(self) -> float:
        """When it went wrong, if it did."""
        marked = (moment.at_s for moment in self.moments if moment.kind == FINDING)
        return next(marked, self.end_s)

    @property
    def found_at(self) -> tuple[str, ...]:
        """The nodes at which it went wrong."""
        return tuple(moment.node for moment in self.moments if moment.kind == FINDING)


def scene_of(timeline: Timeline) -> Scene:
    """Put a timeline in order; equal timelines become equal scenes."""
    end_s = _end_s(timeline)
    lanes = _lanes(timeline)
    bands = sorted(timeline.bands, key=lambda b: (b.from_s, b.to_s, b.kind, b.label, b.nodes))
    placed = [mark for mark in timeline.marks if mark.node]  # a finding may be nobody's
    marks = sorted(placed, key=lambda m: (m.at_s, m.order, m.node, m.kind, m.label))
    moments = tuple(_moments([mark for mark in marks if mark.at_s <= end_s]))
    begun = tuple(band for band in bands if band.from_s <= end_s)
    ahead: list[Band | Mark] = [band for band in bands if band.from_s > end_s]
    ahead += [mark for mark in marks if mark.at_s > end_s]
    names = tuple(lane.node for lane in lanes)
    outages = tuple(_outages(moments, names, end_s))
    absent = {o.node for o in outages if o.is_late and o.to_s >= end_s}
    present = tuple(name for name in names if name not in absent)
    written = sorted(timeline.deltas.values(), key=lambda w: (w.at_s, w.order, w.delta))
    return Scene(
        timeline=timeline,
        end_s=end_s,
        lanes=lanes,
        bands=begun,
        moments=moments,
        deltas=tuple(_tracked(delta, present) for delta in written),
        outages=outages,
        ahead=tuple(ahead),
        band_kinds=tuple(sorted({band.kind for band in begun})),
        mark_kinds=tuple(sorted({moment.kind for moment in moments})),
    )


def _end_s(timeline: Timeline) -> float:
    """The end of what happened; without one, of all that is there."""
    happened = [delta.at_s for delta in timeline.deltas.values()]
    happened += [a.at_s for delta in timeline.deltas.values() for a in delta.arrivals]
    if timeline.ended_s <= 0:
        happened += [mark.at_s for mark in timeline.marks]
        happened += [band.to_s for band in timeline.bands]
        happened.append(timeline.faults_s)
    return max([timeline.ended_s + _ROUNDING_S, *happened])


def _lanes(timeline: Timeline) -> tuple[Lane, ...]:
    """The lanes, and one for each node that has none and is spoken of."""
    lanes = {lane.node: lane for lane in timeline.lanes}
    spoken = [mark.node for mark in timeline.marks if mark.node]
    spoken += [node for band in timeline.bands for node in band.nodes]
    for delta in timeline.deltas.values():
        spoken += [delta.node, *(arrival.node for arrival in delta.arrivals)]
    for node in sorted(set(spoken)):
        lanes.setdefault(node, Lane(node, "not in the plan"))
    return tuple(lanes.values())


def _moments(marks: list[Mark]) -> Iterator[Moment]:
    marks.sort(key=_moment_key)
    for (_, node, kind), group in itertools.groupby(marks, _moment_key):
        first, *others = group
        those = (first, *others)
        yield Moment(
            at_s=first.at_s,
            node=node,
            kind=kind,
            labels=tuple(mark.label for mark in those),
            times_s=tuple(mark.at_s for mark in those),
            orders=tuple(mark.order for mark in those),
        )


def _moment_key(mark: Mark) -> tuple[float, str, str]:
    return round(mark.at_s, 3), mark.node, mark.kind


def _tracked(written: Written, present: tuple[str, ...]) -> Tracked:
    firsts: dict[str, Arrival] = {}
    again: list[Arrival] = []
    for arrival in sorted(written.arrivals, key=lambda a: (a.at_s, a.order, a.node)):
        if arrival.node in firsts:
            again.append(arrival)
        else:
            firsts[arrival.node] = arrival
    never = tuple(name for name in present if name not in firsts and name != written.node)
    own = firsts.pop(written.node, None)
    if own is not None and own.at_s > written.at_s + _ROUNDING_S:
        again.insert(0, own)
    return Tracked(written, tuple(firsts.values()), tuple(again), never)


def _outages(moments: tuple[Moment, ...], names: tuple[str, ...], end_s: float) -> Iterator[Outage]:
    starters = {moment.node for moment in moments if moment.kind == _UP}
    for name in names:
        own = [m for m in moments if m.node == name and m.kind in {_UP, *_DOWN}]
        starts = [m.at_s for m in own if m.kind == _UP]
        is_late = bool(starters) and (not starts or starts[0] > _ROUNDING_S)
        since = 0.0 if is_late else None
        for moment in own:
            if moment.kind in _DOWN and since is None:
                since = moment.at_s
            elif moment.kind == _UP and since is not None:
                yield Outage(name, since, moment.at_s, is_late)
                since, is_late = None, False
        if since is not None:
            yield Outage(name, since, end_s, is_late)
