"""Everything that can go wrong in a simulation, as values.

A fault says what happens to whom and when; `links`, `disk`, `node`, `world` and `doctored` do it.
`KINDS` are the names by which scenarios switch faults on and summaries count them.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

__all__ = [
    "BREACHES",
    "KINDS",
    "MISDEEDS",
    "WISHES",
    "Govern",
    "Bandwidth",
    "Crash",
    "Delay",
    "Duplicate",
    "Fault",
    "Flapping",
    "FullDisk",
    "Jump",
    "Leave",
    "Loss",
    "Misdeed",
    "Partition",
    "ReadErrors",
    "Reorder",
    "Rollout",
    "SlowDisk",
    "SlowPeer",
    "kind_of",
]

KINDS: Final = (
    "loss", "delay", "reorder", "duplicate", "bandwidth", "partition", "one-way-partition",
    "flapping", "slow-peer", "slow-disk", "full-disk", "read-error", "kill", "power-cut",
    "clock-skew", "clock-jump", "far-clock", "late-join", "leave", "second-device", "tight-limits",
    "governance", "verified", "budget", "doctored", "upgrade",
)  # fmt: skip
"""What a scenario may switch on. A doctored node commits some of `MISDEEDS`."""

MISDEEDS: Final = (
    "steal", "rewrite", "twice", "counter-put", "register-add", "role", "foreign-frozen",
    "back-in-time", "tangled", "skip", "wrong-governance", "empty", "bad-join", "follow-refused",
    "fork", "withhold", "orphans", "future", "replay", "lie", "garbage", "bad-signature",
    "forge", "wrong-fuel", "wrong-events", "overspend",
)  # fmt: skip


BREACHES: Final = (
    "downgrade", "other-publisher", "altered-manifest", "early", "unapproved", "tiny-time",
    "forged-approval", "keyless-approval", "replayed-approval", "forged-migration", "usurp",
    "old-code", "new-code", "wrong-module", "forked-upgrade",
)  # fmt: skip
"""What a doctored node may do beside, where releases come into force."""


WISHES: Final = ("give", "take", "remove", "vote", "lock", "publish", "ask")
"""What a node may wish to govern, whether or not it may."""


_Moment = Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)]  # within a virtual day
_Span = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
_Skew = Annotated[float, msgspec.Meta(ge=-86_400.0, le=86_400.0)]
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="fault"):
    """A fault at a time; its `fault` says in a file which one it is."""

    at_s: _Moment

    def ends_s(self) -> float:
        """When it is over, if it lasts."""
        return float(getattr(self, "to_s", self.at_s))

    def hits(self) -> tuple[str, ...]:
        """The nodes it is about; none where it is about all."""
        return (self.node,) if hasattr(self, "node") else ()


class Loss(_Struct, frozen=True, tag="loss"):
    """Datagrams are lost with a probability."""

    to_s: _Moment
    probability: _Share


class Delay(_Struct, frozen=True, tag="delay"):
    """Messages take so much longer, on average."""

    to_s: _Moment
    mean_s: _Span


class Reorder(_Struct, frozen=True, tag="reorder"):
    """Some messages are held back for up to three seconds, and overtaken."""

    to_s: _Moment
    probability: _Share


class Duplicate(_Struct, frozen=True, tag="duplicate"):
    """Datagrams arrive twice with a probability."""

    to_s: _Moment
    probability: _Share


class Bandwidth(_Struct, frozen=True, tag="bandwidth"):
    """A node sends no more than so many bytes a second; what waits too long is lost."""

    to_s: _Moment
    node: str
    bytes_per_s: Annotated[int, msgspec.Meta(ge=1)]


class Partition(_Struct, frozen=True, tag="partition"):
    """Nothing passes from `side` to the others; nor back, unless it is one-way."""

    to_s: _Moment
    side: tuple[str, ...]
    is_one_way: bool

    def hits(self) -> tuple[str, ...]:
        """The side that is cut off."""
        return self.side


class Flapping(_Struct, frozen=True, tag="flapping"):
    """A node's links are cut and mended, again and again."""

    to_s: _Moment
    node: str
    period_s: _Span


class SlowPeer(_Struct, frozen=True, tag="slow-peer"):
    """Everything to and from a node takes so many times as long."""

    to_s: _Moment
    node: str
    factor: Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)]


class SlowDisk(_Struct, frozen=True, tag="slow-disk"):
    """A node's durable writes take up to this long."""

    to_s: _Moment
    node: str
    most_s: _Moment


class FullDisk(_Struct, frozen=True, tag="full-disk"):
    """A node's disk takes no more: a write leaves a torn record, and the node goes down."""

    to_s: _Moment
    node: str


class ReadErrors(_Struct, frozen=True, tag="read-error"):
    """One of so many reads of a node's disk fails, and the node goes down."""

    to_s: _Moment
    node: str
    every: _Count


class Crash(_Struct, frozen=True, tag="crash", kw_only=True):
    """A node stops between two effects; a power cut also loses and tears what was not durable."""

    node: str
    effects_before: _Count
    is_power_cut: bool
    down_s: _Moment


class Jump(_Struct, frozen=True, tag="jump"):
    """A node's clock is set to run this far ahead of true time (behind, if negative)."""

    node: str
    skew_s: _Skew


class Leave(_Struct, frozen=True, tag="leave"):
    """A node goes away, for so long, or for good."""

    node: str
    back_s: _Moment | None


class Misdeed(_Struct, frozen=True, tag="misdeed"):
    """A doctored node does what its application never would."""

    node: str
    deed: str


class Govern(_Struct, frozen=True, tag="governance"):
    """A node wishes to govern: one of `WISHES`, upon the device of another node or its own."""

    node: str
    deed: str
    target: str

    def hits(self) -> tuple[str, ...]:
        """Who wishes, and whom it is about."""
        return (self.node, self.target)


class Rollout(_Struct, frozen=True, tag="upgrade", kw_only=True):
    """Somebody wants a release in force, and does its part again and again until it is.

    deed: "approve" or "upgrade". release: its name. migrates: with the call of `migrate`.
    """

    to_s: _Moment
    node: str
    deed: str
    release: str
    migrates: bool = False

    @property
    def told(self) -> str:
        """What is wanted, in a few words."""
        what = f"approve {self.release}" if self.deed == "approve" else f"to {self.release}"
        return f"{what}, with migrate" if self.migrates else what


Fault: TypeAlias = (
    Loss
    | Delay
    | Reorder
    | Duplicate
    | Bandwidth
    | Partition
    | Flapping
    | SlowPeer
    | SlowDisk
    | FullDisk
    | ReadErrors
    | Crash
    | Jump
    | Leave
    | Misdeed
    | Govern
    | Rollout
)

_FAR_S = 30.0  # further than drift explains


def kind_of(fault: Fault) -> str:
    """The kind by which a fault is counted."""
    match fault:
        case Partition():
            return "one-way-partition" if fault.is_one_way else "partition"
        case Crash():
            return "power-cut" if fault.is_power_cut else "kill"
        case Jump():
            if abs(fault.skew_s) > _FAR_S:
                return "far-clock"
            return "clock-jump" if fault.at_s > 0 else "clock-skew"
        case Misdeed():
            return f"misdeed {fault.deed}"
        case _:
            tag = fault.__struct_config__.tag
            assert isinstance(tag, str)
            return tag
