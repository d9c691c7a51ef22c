"""Vectors of fuel budgets: what a device has used, and the delta that its bucket has room for.

What is left is worked out here from rules.md, apart from the code that judges.
"""

from __future__ import annotations

from collections.abc import Callable

from covey.model import Delta, DeltaId, HybridTime, Put, milliseconds, time_at
from covey.testkit.history import START_MS, History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.vectors.form import Case, Vectors, case

__all__ = ["budgets"]

ANN, BEN = identity("ann"), identity("ben")
PHONE = identity("ann", "phone")
_BUDGET = 100_000_000
_MOST = 50_000_000  # of one delta
_PER_BYTE = 10
_FOUNDING = found(ANN, BEN).again(fuel_budget=_BUDGET)
_DESCRIPTION = (
    "deltas: frames in a causal order, in a context whose charter has a fuel budget (rules.md). "
    "All but the last are admissible; the last is, in valid cases, and is refused with the code in "
    "invalid ones. left: what the bucket of its device holds after each delta that is admissible."
)


class _Chain:
    """A history in which every delta has one call; most of ann's device."""

    def __init__(self) -> None:
        self.history = History(_FOUNDING)
        self.left: dict[DeltaId, int] = {}

    def held(self, previous: DeltaId | None, time: HybridTime) -> int:
        """What a bucket holds at a time."""
        if previous is None:
            return _BUDGET
        before = self.history.deltas[previous].delta.core.time
        passed_ms = milliseconds(time) - milliseconds(before)
        return min(_BUDGET, self.left[previous] + _BUDGET * passed_ms // 60_000)

    def say(
        self,
        after: tuple[Delta, ...] = (),
        *,
        fuel: int | None = None,
        beyond: int = 0,
        at_ms: int | None = None,
        who: Identity = ANN,
        value: bytes = b"v",
    ) -> Delta:
        """A delta that uses so much, or as much as one may.

        beyond: so much more than its bucket holds. at_ms: its time, after the beginning.
        """
        put = Put("notes", b"k", value)
        draft = self._write(who, after, put, _MOST, at_ms, keep=False)
        held = self.held(draft.core.previous, draft.core.time)
        fits = held - _PER_BYTE * len(draft.frame) + beyond
        used = fuel if fuel is not None else fits
        assert 2**16 <= used <= _MOST, "the frame is as long as the draft's"
        delta = self._write(who, after, put, used, at_ms, keep=True)
        assert len(delta.frame) == len(draft.frame)
        self.left[delta.id] = held - used - _PER_BYTE * len(delta.frame)
        return delta

    def _write(
        self,
        who: Identity,
        after: tuple[Delta, ...],
        put: Put,
        fuel: int,
        at_ms: int | None,
        *,
        keep: bool,
    ) -> Delta:
        write, followed = self.history.write, tuple(delta.id for delta in after)
        if at_ms is None:
            return write(who, followed, (put,), fuel=(fuel,), keep=keep)
        time = time_at(START_MS + at_ms)
        return write(who, followed, (put,), fuel=(fuel,), keep=keep, time=time)

    def emptied(self) -> Delta:
        """Two deltas at once, which take all that there is."""
        return self.say((self.say(fuel=_MOST),))

    def admit(self, *after: Delta) -> Delta:
        """Another device of ann's, let in without a call."""
        effect = PHONE.admit(_FOUNDING.context)
        delta = self.history.write(ANN, (d.id for d in after), governance=(effect,))
        self.left[delta.id] = self.held(delta.core.previous, delta.core.time)
        return delta


def budgets() -> Vectors:
    """The file `budget.json`."""
    fit: dict[str, Callable[[_Chain], object]] = {
        "a bucket is full at first": lambda c: c.say(fuel=_MOST),
        "all that is left": lambda c: c.emptied(),
        "what half a minute fills": lambda c: c.say((c.emptied(),), at_ms=30_000),
        "what 50 ms fill, rounded down": lambda c: c.say((c.emptied(),), at_ms=50),
        "a full one after an hour": lambda c: c.say((c.emptied(),), at_ms=3_600_000, fuel=_MOST),
        "governance takes nothing": lambda c: c.admit(c.emptied()),
        "another member's device": lambda c: c.say((c.emptied(),), fuel=_MOST, who=BEN),
        "another device of the member": _phone,
        "the other branch of a fork": _branch,
    }
    exceed: dict[str, Callable[[_Chain], object]] = {
        "one more than is left": lambda c: c.say((c.say(fuel=_MOST),), beyond=1),
        "fuel that fits without the bytes": lambda c: c.say((c.say(fuel=_MOST),), fuel=_MOST),
        "half a minute less a millisecond": _early,
        "what 50 ms fill, rounded up": lambda c: c.say((c.emptied(),), at_ms=50, beyond=1),
        "two buckets after an hour": _hour,
        "another member's device, twice": _twice,
        "governance fills nothing": lambda c: c.say((c.admit(c.emptied()),), fuel=2**16),
        "what a branch of a fork has used": _used_branch,
        "what the other device of a member has": _used_phone,
    }
    return Vectors(
        _DESCRIPTION,
        tuple(_case(name, make, is_last=True) for name, make in fit.items()),
        tuple({**_case(name, make), "code": "over-budget"} for name, make in exceed.items()),
    )


def _case(name: str, make: Callable[[_Chain], object], *, is_last: bool = False) -> Case:
    chain = _Chain()
    make(chain)
    deltas = [written.delta for written in chain.history.deltas.values()]
    left = [chain.left[delta.id] for delta in deltas]
    assert all(fuel >= 0 for fuel in left[:-1])
    assert (left[-1] >= 0) is is_last
    return case(
        name,
        context=_FOUNDING.context,
        charter=_FOUNDING.packed,
        collections=[[c.name, c.rule.value, list(c.roles)] for c in _FOUNDING.collections],
        deltas=[delta.frame.hex() for delta in deltas],
        left=left if is_last else left[:-1],
    )


def _early(c: _Chain) -> Delta:
    """What it uses is what a whole half minute would fill."""
    held = _BUDGET * 29_999 // 60_000
    return c.say((c.emptied(),), at_ms=29_999, beyond=_BUDGET // 2 - held)


def _hour(c: _Chain) -> Delta:
    one = c.say((c.emptied(),), at_ms=3_600_000, fuel=_MOST)
    return c.say((one,), fuel=_MOST)


def _twice(c: _Chain) -> Delta:
    return c.say((c.say(fuel=_MOST, who=BEN),), fuel=_MOST, who=BEN)


def _phone(c: _Chain) -> Delta:
    return c.say((c.admit(c.emptied()),), fuel=_MOST, who=PHONE)


def _used_phone(c: _Chain) -> Delta:
    """The other device has used nothing of its own."""
    empty = c.emptied()
    other = c.say((c.admit(empty),), fuel=2**16, who=PHONE)
    return c.say((other,), fuel=2**16)


def _branch(c: _Chain) -> Delta:
    """Both take all that there was where they part."""
    first = c.say(fuel=_MOST)
    c.say((first,), value=b"left")
    return c.say((first,), value=b"right")


def _used_branch(c: _Chain) -> Delta:
    """It goes on in its own branch; the other has used nothing."""
    first = c.say(fuel=_MOST)
    left = c.say((first,), value=b"left")
    c.say((first,), value=b"right", fuel=2**16)
    return c.say((left,), fuel=2**16)
