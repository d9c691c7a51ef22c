"""How much of what matters a run held: effects that met concurrently, and forks."""

from __future__ import annotations

import msgspec

from covey.model import Collection, DeltaId, DeviceId
from covey.testkit.oracle.history import History, Known
from covey.testkit.sim.checkers.reference import PlacesOf

__all__ = ["EffectCount", "count_effects", "count_forks"]


class EffectCount(msgspec.Struct, frozen=True):
    """Effects of one merge rule.

    concurrent: those on an entry that another delta changed too, neither seeing the other.
    """

    total: int = 0
    concurrent: int = 0

    def plus(self, other: EffectCount) -> EffectCount:
        """Both together."""
        return EffectCount(self.total + other.total, self.concurrent + other.concurrent)


def count_effects(
    history: History,
    collections: tuple[Collection, ...],
    places_of: PlacesOf = lambda _known: {},
) -> dict[str, EffectCount]:
    """Effects by merge rule. collections: of the first release.

    places_of: of what a later one declares beside them the place and the rule, by name.
    """
    rules = {collection.name: collection.rule.value for collection in collections}
    touching: dict[tuple[str, bytes], dict[DeltaId, Known]] = {}
    numbers: dict[tuple[str, bytes], dict[DeltaId, int]] = {}
    for known in history.known.values():
        places = places_of(known)
        rules.update((place, rule.value) for place, rule in places.values())
        for effects in known.payload.effects:
            for effect in effects:
                named = effect.collection
                place = (places[named][0] if named in places else named, effect.key)
                touching.setdefault(place, {})[known.delta.id] = known
                counts = numbers.setdefault(place, {})
                counts[known.delta.id] = counts.get(known.delta.id, 0) + 1
    found = {rule: EffectCount() for rule in sorted(set(rules.values()))}
    for place, by_delta in touching.items():
        rule = rules.get(place[0], "none")
        counts = numbers[place]
        concurrent = sum(counts[delta] for delta in _concurrent(by_delta))
        found[rule] = found.get(rule, EffectCount()).plus(
            EffectCount(sum(counts.values()), concurrent)
        )
    return found


def _concurrent(by_delta: dict[DeltaId, Known]) -> list[DeltaId]:
    """Those among some deltas that neither follow nor precede some other."""
    everybody = sum(known.bit for known in by_delta.values())
    ordered: dict[DeltaId, int] = {d: k.past | k.bit for d, k in by_delta.items()}
    for known in by_delta.values():
        for delta, earlier in by_delta.items():
            if earlier.bit & known.past:
                ordered[delta] |= known.bit
    return [delta for delta in by_delta if everybody & ~ordered[delta]]


def count_forks(history: History) -> int:
    """Places in the chains of devices where more than one delta stands."""
    seen: dict[tuple[DeviceId, int], int] = {}
    for known in history.known.values():
        core = known.delta.core
        place = (core.author, core.sequence)
        seen[place] = seen.get(place, 0) + 1
    return sum(1 for count in seen.values() if count > 1)
