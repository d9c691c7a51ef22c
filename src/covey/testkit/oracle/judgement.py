"""What a set of deltas comes to: the rules R0 to R7 of protocols/governance.md, as plainly as said.

`Oracle.judge(mask)` is a pure function of a causally closed set; `admissible.py` asks it of a
delta's own cut and nothing else. Nothing here shares code with what nodes run; work grows with the
square of the deltas: for hundreds of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from covey.model import Constraint, DeltaId, DeviceId, HybridTime, MemberId, ReleaseId
from covey.testkit.oracle.history import Known

__all__ = ["Grant", "Judgement", "Mask", "Needs", "Restriction"]

Mask: TypeAlias = int
"""A set of deltas, by their bits in one history."""

Needs: TypeAlias = tuple[frozenset[str], ...]
"""Of each group of roles one is needed."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A delta that admits a device, or gives it a role; member: of an admission, else None."""

    known: Known
    member: MemberId | None = None
    role: str = ""

    @property
    def stamp(self) -> tuple[HybridTime, DeltaId]:
        """What the earliest of several is found by."""
        return self.known.delta.core.time, self.known.delta.id


@dataclass(frozen=True, slots=True)
class Restriction:
    """One close, or one demote of a role.

    spares: the deltas that it does not reach. through: None where it takes its target whatever
    that rests on, else only admissions that pass through this device.
    """

    known: Known
    index: int
    target: DeviceId
    role: str | None
    spares: Mask
    through: DeviceId | None


@dataclass
class Judgement:
    """The word on one set of deltas.

    counted: not lost to a fork (R3). alive: counted, and neither removed nor resting on void grants
    (R4, R5). mute: alive, but its calls ran under a void upgrade (R6). forked: the smallest
    sequence that a device has twice. limits: the standing removals by target. above: for each
    admission the devices that all its chains pass through. members, roles: at the whole set.
    """

    s: Mask
    founders: dict[DeviceId, MemberId]
    counted: Mask = 0
    alive: Mask = 0
    mute: Mask = 0
    forked: dict[DeviceId, int] = field(default_factory=dict)
    limits: dict[DeviceId, list[Restriction]] = field(default_factory=dict)
    admits: dict[DeviceId, list[Grant]] = field(default_factory=dict)
    promotes: dict[DeviceId, list[Grant]] = field(default_factory=dict)
    above: dict[DeltaId, frozenset[DeviceId]] = field(default_factory=dict)
    upgrades: dict[DeltaId, tuple[int, ReleaseId]] = field(default_factory=dict)
    members: dict[DeviceId, MemberId] = field(default_factory=dict)
    roles: dict[DeviceId, frozenset[str]] = field(default_factory=dict)
    number: int = 0
    release: ReleaseId = field(default_factory=lambda: ReleaseId(b""))
    constraints: frozenset[Constraint] = frozenset()
    removals: tuple[int, int, int] = (0, 0, 0)  # all, standing, circles

    @property
    def void(self) -> Mask:
        """Deltas that are kept and do nothing."""
        return self.s & ~self.alive

    @property
    def silent(self) -> Mask:
        """Deltas whose effects on entries are folded out."""
        return self.void | self.mute

    @property
    def closed(self) -> frozenset[DeviceId]:
        """The devices that a standing close names."""
        return frozenset(
            device for device, limits in self.limits.items() if any(r.role is None for r in limits)
        )

    def holds(
        self, device: DeviceId, past: Mask, bit: Mask, needs: Needs, granted: Mask
    ) -> MemberId | None:
        """Whose device this is for a delta with this cut, if it may do what it needs roles for.

        granted: the grants that serve.
        """
        closes = self._reached(device, bit, None)
        member = self._member(device, past, granted, closes)
        if member is None:
            return None
        if all(
            any(self._has(device, past, bit, role, granted) for role in group) for group in needs
        ):
            return member
        return None

    def _reached(self, device: DeviceId, bit: Mask, role: str | None) -> list[Restriction]:
        """The standing closes, and demotes of a role, that do not spare a delta."""
        return [
            r
            for r in self.limits.get(device, ())
            if not r.spares & bit and (r.role is None or r.role == role)
        ]

    def _member(
        self, device: DeviceId, past: Mask, granted: Mask, reached: list[Restriction]
    ) -> MemberId | None:
        """Whose device it is, by what of its admissions the restrictions leave."""
        if any(r.through is None for r in reached):
            return None
        if device in self.founders:
            return self.founders[device]
        usable = [
            grant
            for grant in self.admits.get(device, ())
            if granted & past & grant.known.bit
            and not any(r.through in self.above[grant.known.delta.id] for r in reached)
        ]
        return min(usable, key=lambda grant: grant.stamp).member if usable else None

    def _has(self, device: DeviceId, past: Mask, bit: Mask, role: str, granted: Mask) -> bool:
        if self._member(device, past, granted, self._reached(device, bit, role)) is None:
            return False
        return (role == "admin" and device in self.founders) or any(
            grant.role == role and granted & past & grant.known.bit
            for grant in self.promotes.get(device, ())
        )
