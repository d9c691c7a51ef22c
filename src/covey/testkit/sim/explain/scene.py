"""A timeline put in order: what there is to draw, each thing with its number, nothing placed yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from covey.testkit.sim.timeline import Arrival, Band, Lane, Mark, Timeline, Written

__all__ = ["Moment", "Outage", "Scene", "Tracked", "scene_of"]

_ROUNDING_S = 0.001  # a finding's time is given to a millisecond
_DOWN, _UP = frozenset({"crash", "leave"}), "start"


@dataclass(frozen=True, slots=True)
class Moment:
    """Marks of one kind at one node within a millisecond: the replies to one batch, say."""

    at_s: float
    node: str
    kind: str
    labels: tuple[str, ...]


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

    never: the nodes that it had not reached when the run ended.
    """

    written: Written
    firsts: tuple[Arrival, ...]
    again: tuple[Arrival, ...]
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn. ahead: planned things that the run did not get to."""

    timeline: Timeline
    end_s: float
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    moments: tuple[Moment, ...]
    deltas: tuple[Tracked, ...]
    outages: tuple[Outage, ...]
    ahead: tuple[Band | Mark, ...]

    @property
    def arrows_count(self) -> int:
        """Arrows from where deltas were written to where they came."""
        return sum(len(delta.firsts) for delta in self.deltas)

    @property
    def band_kinds(self) -> tuple[str, ...]:
        """Kinds of faults, in the alphabet's order."""
        return tuple(sorted({band.kind for band in self.bands}))

    @property
    def mark_kinds(self) -> tuple[str, ...]:
        """Kinds of marks, in the alphabet's order."""
        return tuple(sorted({moment.kind for moment in self.moments}))


def scene_of(timeline: Timeline) -> Scene:
    """Put a timeline in order; equal timelines become equal scenes."""
    end_s = _end_s(timeline)
    lanes = _lanes(timeline)
    bands = sorted(timeline.bands, key=lambda b: (b.from_s, b.to_s, b.kind, b.label, b.nodes))
    marks = sorted(timeline.marks, key=lambda m: (m.at_s, m.node, m.kind, m.label))
    is_met = [mark.at_s <= end_s for mark in marks]
    moments = tuple(_moments(list(itertools.compress(marks, is_met))))
    begun = [band.from_s <= end_s for band in bands]
    ahead: list[Band | Mark] = [band for band in bands if band.from_s > end_s]
    ahead += [mark for mark in marks if mark.at_s > end_s]
    names = tuple(lane.node for lane in lanes)
    written = sorted(timeline.deltas.values(), key=lambda w: (w.at_s, w.delta))
    return Scene(
        timeline=timeline,
        end_s=end_s,
        lanes=lanes,
        bands=tuple(itertools.compress(bands, begun)),
        moments=moments,
        deltas=tuple(_tracked(delta, names) for delta in written),
        outages=tuple(_outages(moments, names, end_s)),
        ahead=tuple(ahead),
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
    spoken = [mark.node for mark in timeline.marks]
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
        yield Moment(first.at_s, node, kind, (first.label, *(mark.label for mark in others)))


def _moment_key(mark: Mark) -> tuple[float, str, str]:
    return round(mark.at_s, 3), mark.node, mark.kind


def _tracked(written: Written, names: tuple[str, ...]) -> Tracked:
    firsts: dict[str, Arrival] = {}
    again: list[Arrival] = []
    for arrival in sorted(written.arrivals, key=lambda a: (a.at_s, a.node)):
        if arrival.node in firsts:
            again.append(arrival)
        else:
            firsts[arrival.node] = arrival
    never = tuple(name for name in names if name not in firsts and name != written.node)
    own = firsts.pop(written.node, None)
    if own is not None and own.at_s > written.at_s + _ROUNDING_S:
        again.insert(0, own)
    return Tracked(written, tuple(firsts.values()), tuple(again), never)


def _outages(
    moments: tuple[Moment, ...], names: tuple[str, ...], end_s: float
) -> Iterator[Outage]:
    for name in names:
        own = [m for m in moments if m.node == name and m.kind in {_UP, *_DOWN}]
        starts = [m.at_s for m in own if m.kind == _UP]
        since = 0.0 if starts and starts[0] > _ROUNDING_S else None
        is_late = since is not None
        for moment in own:
            if moment.kind in _DOWN and since is None:
                since = moment.at_s
            elif moment.kind == _UP and since is not None:
                yield Outage(name, since, moment.at_s, is_late)
                since, is_late = None, False
        if since is not None:
            yield Outage(name, since, end_s, is_late)
