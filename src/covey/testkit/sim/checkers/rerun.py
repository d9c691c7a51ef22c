"""Where calls are run again, nothing is applied that the code would not have done.

Every delta is run once more here, on the state that a naive fold of its causal past makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from covey.model import Batch, Completed, Verification
from covey.testkit.oracle import Known
from covey.testkit.sim.checkers.reference import Place, fold

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks

__all__ = ["rerun"]


def rerun(checks: Checks, known: Known) -> str:
    """How a delta differs from what its calls do, or empty."""
    world, core, payload = checks.world, known.delta.core, known.payload
    if not payload.calls or not _is_due(checks, known):
        return ""
    j = checks.oracle.judge(known.past)
    batch = Batch(
        context=world.founding.context,
        release=checks.declared.release(known),
        member=j.members[core.author],
        device=core.author,
        sequence=core.sequence,
        previous=core.previous,
        time=core.time,
        roles=tuple(sorted(j.roles[core.author])),
        calls=payload.calls,
    )
    places = checks.declared.places(known)
    names = {place: name for name, (place, _) in places.items()}
    state = _State(fold(checks.speaking(known.past), checks.declared.places), names)
    outcomes = world.application.executor.run_batch(batch, state)
    did = [o for o in outcomes if isinstance(o, Completed)]
    if len(did) != len(payload.calls):
        return "not every call that it holds can be run"
    for place, outcome in enumerate(did):
        signed = (payload.effects[place], payload.events[place], core.fuel[place])
        if (outcome.effects, outcome.events, outcome.fuel) != signed:
            return f"call {place} does something else than it says"
    return ""


def _is_due(checks: Checks, known: Known) -> bool:
    """Elsewhere signatures are trusted; but where code changes the honest run the right one."""
    world, author = checks.world, known.delta.core.author
    if world.founding.charter.verification is Verification.REPLAY:
        return True
    return world.plan.code is not None and author not in checks.doctored_devices


class _State:
    """Live entries by name and key; an `EntryReader`. names: by place, of those declared."""

    def __init__(self, live: Mapping[Place, object], names: Mapping[str, str]) -> None:
        self._values: dict[str, dict[bytes, bytes]] = {name: {} for name in names.values()}
        for (place, key), winner in live.items():
            if place in names:
                self._values[names[place]][key] = _value(winner)

    def get(self, collection: str, key: bytes) -> bytes | None:
        """As `EntryReader.get`."""
        return self._values[collection].get(key)

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `EntryReader.scan`."""
        values = self._values[collection]
        chosen = sorted(key for key in values if key.startswith(prefix) and key > after)
        return ((key, values[key]) for key in chosen)


def _value(winner: object) -> bytes:
    if isinstance(winner, int):
        low, high = -(2**63), 2**63 - 1
        return max(low, min(high, winner)).to_bytes(8, "little", signed=True)
    assert isinstance(winner, tuple)
    value = winner[3]
    assert isinstance(value, bytes)
    return value
