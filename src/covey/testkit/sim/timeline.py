"""What happened in one run, as it is drawn for a person: lanes, deltas, bands of faults."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Arrival", "Band", "Lane", "Mark", "Timeline", "Written"]


@dataclass(frozen=True, slots=True)
class Lane:
    """One node; role: "founder", "member", "companion" or "doctored"."""

    node: str
    role: str


@dataclass(frozen=True, slots=True)
class Band:
    """A fault over a time; nodes: whom it hits, none of them named where it hits all."""

    kind: str
    label: str
    from_s: float
    to_s: float
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment at one node.

    kind: "start", "calls", "reply", "release", "misdeed", "accused", "finding", or that of a
    fault: "kill", "power-cut", "disk-failure", "leave", "clock-jump" ...
    order: see `Timeline`.
    """

    at_s: float
    node: str
    kind: str
    label: str
    order: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A node applied a delta."""

    node: str
    at_s: float
    order: int = 0


@dataclass(slots=True)
class Written:
    """A delta: who wrote it when, what it did, and where it was applied."""

    delta: str
    node: str
    at_s: float
    label: str
    arrivals: list[Arrival] = field(default_factory=list)
    order: int = 0


@dataclass(slots=True)
class Timeline:
    """One run. All times are virtual seconds since its beginning.

    Of what happened at one time the lesser order came first, as in the trace: a call before what it
    wrote. faults_s: when the last fault ended and healing began. finding: what was broken, or "".
    faults: as in a result. application: the one that was called, with its release, or "" for the
    one that comes with the simulator.
    """

    seed: int
    scenario: str
    lanes: list[Lane] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    deltas: dict[str, Written] = field(default_factory=dict)
    faults_s: float = 0.0
    ended_s: float = 0.0
    finding: str = ""
    faults: dict[str, int] = field(default_factory=dict)
    application: str = ""
    calls: int = 0
    took_effect: int = 0
