"""Where calls are run again, nothing is applied that the code would not have done.

Every delta is run once more here, on the state that a naive fold of its causal past makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from covey.model import Batch, Completed, Rule, Verification
from covey.testkit.oracle import Known
from covey.testkit.sim.checkers.reference import Place, fold

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks

__all__ = ["rerun"]


def rerun(checks: Checks, known: Known) -> str:
    """How a delta differs from what its calls do, or empty."""
    world, core, payload = checks.world, known.delta.core, known.payload
    if world.founding.charter.verification is not Verification.REPLAY or not payload.calls:
        return ""
    j = checks.oracle.judge(known.past)
    batch = Batch(
        context=world.founding.context,
        release=core.release,
        member=j.members[core.author],
        device=core.author,
        sequence=core.sequence,
        previous=core.previous,
        time=core.time,
        roles=tuple(sorted(j.roles[core.author])),
        calls=payload.calls,
    )
    rules = {collection.name: collection.rule for collection in world.founding.collections}
    state = _State(fold(checks.speaking(known.past), rules), rules)
    outcomes = world.application.executor.run_batch(batch, state)
    did = [o for o in outcomes if isinstance(o, Completed)]
    if len(did) != len(payload.calls):
        return "not every call that it holds can be run"
    for place, outcome in enumerate(did):
        signed = (payload.effects[place], payload.events[place], core.fuel[place])
        if (outcome.effects, outcome.events, outcome.fuel) != signed:
            return f"call {place} does something else than it says"
    return ""


class _State:
    """Live entries by name and key; an `EntryReader`."""

    def __init__(self, live: Mapping[Place, object], rules: dict[str, Rule]) -> None:
        self._values: dict[str, dict[bytes, bytes]] = {name: {} for name in rules}
        for (collection, key), winner in live.items():
            self._values[collection][key] = _value(winner)

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
