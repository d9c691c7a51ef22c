"""Vectors of how governance effects are encoded: every kind as it should be, every field wrong."""

from __future__ import annotations

from covey.codec import Packed, cid_of, pack, unpack
from covey.codec.governance import governance_packed
from covey.model import (
    Admit,
    Approve,
    Close,
    DeltaId,
    Demote,
    Evidence,
    Governance,
    Merge,
    Never,
    Promote,
    Publisher,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
    Vote,
    limits,
)
from covey.testkit.identities import found, identity
from covey.testkit.vectors.form import Case, Json, Vectors, case, replaced, shown

__all__ = ["effects"]

ANN, BEN = identity("ann"), identity("ben")
CONTEXT = found(ANN).context
_SIZE_MAX = limits.DELTA_SIZE_BYTES_MAX
_LOW, _HIGH = DeltaId(bytes(32)), DeltaId(b"\xff" * 32)
_TIPS = tuple(DeltaId(bytes((n,)) * 32) for n in range(limits.DELTA_TIPS_MAX + 1))
_RELEASE = ReleaseId(cid_of(b"a release"))
_MOST = 2**63 - 1

_ADMIT = Admit(ANN.certificate, ANN.join(CONTEXT))
_QUORUM = Quorum(2, (ANN.member_id, BEN.member_id), 259_200_000)
_VALID: dict[str, Governance] = {
    "merge": Merge(),
    "admit": _ADMIT,
    "promote": Promote(ANN.device, "admin"),
    "promote, the longest role": Promote(ANN.device, "é" * 32),
    "close, nothing seen": Close(ANN.device, ()),
    "close of a fork": Close(ANN.device, (_LOW, _HIGH)),
    "close, as many tips as can be": Close(ANN.device, _TIPS[: limits.DELTA_TIPS_MAX]),
    "demote": Demote(ANN.device, "editor", (_LOW,)),
    "upgrade": Upgrade(1, b"{}", ()),
    "upgrade, the last number, witnesses": Upgrade(_MOST, b"", _TIPS[:8]),
    "approve": Approve(1, _RELEASE),
    "tighten, never": Tighten(Never()),
    "tighten, publisher": Tighten(Publisher()),
    "tighten, quorum": Tighten(_QUORUM),
    "evidence": Evidence(_TIPS[1], _HIGH),
    "vote": Vote(ANN.device),
}
_CHANGES: dict[str, tuple[tuple[str, int, Packed, str], ...]] = {
    "admit": (
        ("no certificate", 1, None, "wrong-shape"),
        ("no join", 2, (), "wrong-shape"),
    ),
    "promote": (
        ("short device", 1, bytes(31), "wrong-shape"),
        ("device is text", 1, "d" * 32, "wrong-shape"),
        ("role is bytes", 2, b"admin", "wrong-shape"),
        ("role of 65 bytes", 2, "r" * 65, "oversized"),
    ),
    "close of a fork": (
        ("long device", 1, bytes(33), "wrong-shape"),
        ("tips are no array", 2, bytes(32), "wrong-shape"),
        ("short tip", 2, (bytes(31),), "wrong-shape"),
        ("tips not sorted", 2, (_HIGH, _LOW), "wrong-shape"),
        ("tip twice", 2, (_LOW, _LOW), "wrong-shape"),
        ("33 tips", 2, _TIPS, "oversized"),
    ),
    "demote": (
        ("short device", 1, b"", "wrong-shape"),
        ("no role", 2, None, "wrong-shape"),
        ("role of 33 letters in 66 bytes", 2, "é" * 33, "oversized"),
        ("tips not sorted", 3, (_HIGH, _LOW), "wrong-shape"),
        ("33 tips", 3, _TIPS, "oversized"),
    ),
    "upgrade": (
        ("number 0", 1, 0, "wrong-shape"),
        ("number 2^63", 1, 2**63, "wrong-shape"),
        ("number is true", 1, True, "wrong-shape"),
        ("manifest is text", 2, "{}", "wrong-shape"),
        ("manifest too large", 2, bytes(limits.UPGRADE_MANIFEST_BYTES_MAX + 1), "oversized"),
        ("witnesses not sorted", 3, (_HIGH, _LOW), "wrong-shape"),
        ("9 witnesses", 3, _TIPS[:9], "oversized"),
    ),
    "approve": (
        ("number 0", 1, 0, "wrong-shape"),
        ("short release", 2, _RELEASE[:-1], "wrong-shape"),
        ("release is no content address", 2, bytes(36), "wrong-shape"),
    ),
    "tighten, quorum": (
        ("constraint of the future", 1, (4,), "unknown-version"),
        ("constraint of no kind", 1, (0,), "wrong-shape"),
        ("empty constraint", 1, (), "wrong-shape"),
        ("never with something", 1, (1, 1), "wrong-shape"),
        ("publisher with something", 1, (2, 1), "wrong-shape"),
        ("quorum without a notice", 1, (3, 1, (ANN.member_id,)), "wrong-shape"),
        ("quorum of 0", 1, (3, 0, (ANN.member_id,), 0), "wrong-shape"),
        ("quorum larger than its keys", 1, (3, 2, (ANN.member_id,), 0), "wrong-shape"),
        ("short key", 1, (3, 1, (bytes(31),), 0), "wrong-shape"),
        ("negative notice", 1, (3, 1, (ANN.member_id,), -1), "wrong-shape"),
    ),
    "evidence": (
        ("one delta twice", 2, _TIPS[1], "wrong-shape"),
        ("the greater first", 2, _LOW, "wrong-shape"),
        ("short delta", 2, bytes(31), "wrong-shape"),
    ),
    "vote": (("short device", 1, bytes(31), "wrong-shape"),),
}


def effects() -> Vectors:
    """Effects as arrays; what their cut allows is in governance."""
    return Vectors(
        "encoded: one element of a header's array of governance. fields: its elements.",
        tuple(
            case(name, encoded=pack(governance_packed(e)), fields=_shown(e))
            for name, e in _VALID.items()
        ),
        (*_changed(), *_counted(), *_odd()),
    )


def _parts(effect: Governance) -> tuple[Packed, ...]:
    return unpack(pack(governance_packed(effect)), _SIZE_MAX)


def _shown(effect: Governance) -> list[Json]:
    return [shown(part) for part in _parts(effect)]


def _changed() -> list[Case]:
    return [
        case(f"{name}: {what}", encoded=pack(replaced(_parts(_VALID[name]), place, value)),
             code=code)
        for name, changes in _CHANGES.items()
        for what, place, value, code in changes
    ]  # fmt: skip


def _counted() -> list[Case]:
    """Of every kind a field too many, and one too few."""
    made = []
    for name in ("merge", *_CHANGES):
        parts = _parts(_VALID[name])
        made.append(case(f"{name}: a field too many", encoded=pack((*parts, 0)),
                         code="wrong-shape"))  # fmt: skip
        if len(parts) > 1:
            made.append(case(f"{name}: a field too few", encoded=pack(parts[:-1]),
                             code="wrong-shape"))  # fmt: skip
    return made


def _odd() -> list[Case]:
    odd: list[tuple[str, Packed, str]] = [
        ("no array", 1, "wrong-shape"),
        ("nothing", (), "wrong-shape"),
        ("kind 0", (0,), "wrong-shape"),
        ("kind is text", ("1",), "wrong-shape"),
        ("kind is true", (True,), "wrong-shape"),
        ("kind of the future", (11,), "unknown-version"),
        ("the greatest kind", (2**16, b"x"), "unknown-version"),
        ("kind beyond all", (2**16 + 1,), "wrong-shape"),
        ("nine elements", (11, *range(8)), "oversized"),
    ]
    return [case(name, encoded=pack(value), code=code) for name, value, code in odd]
