"""The governance of one context as a node holds it: a word on any cut, remembered.

Source: protocols/governance.md. What follows from a delta's own cut is worked out from rows, that
is from everything applied, looked at through that cut.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from covey.codec import decode_manifest
from covey.governance.authority import ADMIN, Authority, Needs
from covey.governance.code_rule import CodeRule, code_rule_at, is_met
from covey.governance.counted import counted_at
from covey.governance.past import Past
from covey.governance.record import restricted_by
from covey.governance.removals import is_contested, settle_removals
from covey.governance.rows import (
    Placed,
    RestrictionRow,
    TightenRow,
    UpgradeRow,
    is_for_admins,
    restrictions,
    upgrades,
)
from covey.governance.vouched import Vouched
from covey.model import (
    Charter,
    Collection,
    ContextId,
    Delta,
    DeltaId,
    DeviceId,
    Frontier,
    Reader,
    ReleaseId,
    ReleaseTerms,
    Table,
    Upgrade,
    limits,
)
from covey.rules import Cut, cut_of

__all__ = ["Governor"]


class Governor:
    """Gives the word on cuts of one context.

    reader: must show every applied delta whenever it is asked. first: of the charter's release.
    """

    def __init__(
        self,
        context: ContextId,
        charter: Charter,
        first: ReleaseTerms,
        reader: Reader,
        closure: Callable[[DeltaId], Frontier],
    ) -> None:
        self.charter = charter
        self.past = Past(context, reader, closure)
        self.first = first
        self._reader = reader
        self._terms: dict[ReleaseId, ReleaseTerms] = {charter.release: first}
        self._collections: dict[ReleaseId, dict[str, Collection]] = {}
        self._words: OrderedDict[Hashable, Authority] = OrderedDict()
        self._vouched = Vouched(self.past)
        self._met: OrderedDict[tuple[DeltaId, DeltaId, int], bool] = OrderedDict()
        self.forked: dict[DeviceId, None] = {}
        self.contested: dict[tuple[DeltaId, int], RestrictionRow] = {}
        self.has_restrictions = False

    def load(self, frontier: Frontier) -> None:
        """Read what is kept in memory: which devices forked, which removals meet governance."""
        for key, _ in self._reader.scan(Table.BRANCH):
            assert isinstance(key[0], bytes)
            self.forked[DeviceId(key[0])] = None
        everything = Authority(self.past, self.charter, Cut(self._reader, frontier), {})
        for row in restrictions(self._reader):
            self.has_restrictions = True
            if is_contested(everything, row):
                self.contested[row.at.id, row.at.index] = row

    # -- words ---------------------------------------------------------------------------------

    def at(self, frontier: Frontier, heads: tuple[DeltaId, ...]) -> Authority:
        """The word on a cut; heads: its governance heads."""
        # Where nobody forked a cut's governance says it all: many cuts share one word.
        is_forked = any(len(frontier.get(device, ())) > 1 for device in self.forked)
        key: Hashable = frozenset(frontier.items()) if is_forked else heads
        known = self._words.get(key)
        if known is None:
            known = self._work_out(frontier)
            self._words[key] = known
            while len(self._words) > limits.AUTHORITIES_CACHED_MAX:
                self._words.popitem(last=False)
        else:
            self._words.move_to_end(key)
        return known

    def before(self, delta: DeltaId) -> Authority:
        """The word on an applied delta's cut."""
        return self.at(cut_of(self._reader, delta), self.past.delta(delta).core.gov_parents)

    def _work_out(self, frontier: Frontier) -> Authority:
        cut = Cut(self._reader, frontier)
        counted = counted_at(self._vouched, cut, self.forked)
        authority = Authority(self.past, self.charter, cut, counted)
        settle_removals(authority, self.contested.values())
        return authority

    def rule(self, authority: Authority) -> CodeRule:
        """What is in force at a cut."""
        if authority.rule is None:
            authority.rule = code_rule_at(self, authority)
        return authority.rule

    def meets(self, upgrade: UpgradeRow, tighten: TightenRow) -> bool:
        """Whether an upgrade satisfies at its own cut what a tighten asks."""
        key = (upgrade.at.id, tighten.at.id, tighten.at.index)
        known = self._met.get(key)
        if known is None:
            known = self._met[key] = is_met(self, upgrade, tighten)
            while len(self._met) > limits.FACTS_REMEMBERED_MAX:
                self._met.popitem(last=False)
        return known

    # -- what deltas and releases say ------------------------------------------------------------

    def terms(self, release: ReleaseId) -> ReleaseTerms:
        """What a release says of itself, that was in force somewhere."""
        if release not in self._terms:
            self._terms[release] = decode_manifest(self.manifest(release)).terms
        return self._terms[release]

    def collections(self, release: ReleaseId) -> dict[str, Collection]:
        """The collections of a release, by name."""
        known = self._collections.get(release)
        if known is None:
            known = self._collections[release] = self.placed(self.terms(release))
        return known

    def manifest(self, release: ReleaseId) -> bytes:
        """The signed manifest of a release that an applied upgrade named."""
        row = next(row for row in upgrades(self._reader) if row.release == release)
        core = self.past.delta(row.at.id).core
        return next(e.manifest for e in core.governance if isinstance(e, Upgrade))

    def releases(self) -> tuple[ReleaseId, ...]:
        """Every release that was named in this context, the charter's first."""
        named = (row.release for row in upgrades(self._reader))
        return tuple(dict.fromkeys((self.charter.release, *named)))

    def placed(self, terms: ReleaseTerms) -> dict[str, Collection]:
        """Collections by name, each with where its rows are in this context."""
        first = {(collection.name, collection.rule) for collection in self.first.collections}
        return {
            c.name: c if (c.name, c.rule) in first else replace(c, is_later=True)
            for c in terms.collections
        }

    def collections_of(self, delta: Delta) -> dict[str, Collection]:
        """The collections that a delta's calls could write to: a migration is the new release's."""
        for effect in delta.core.governance:
            if isinstance(effect, Upgrade):
                return self.placed(decode_manifest(effect.manifest).terms)
        return self.collections(delta.core.release)

    def needs(self, at: Placed) -> Needs:
        """The roles that an applied delta needs."""
        if self._reader.get(Table.GOVERNED, (at.author, at.tip.sequence, at.tip.id)) is not None:
            return ADMIN if is_for_admins(self._reader, at) else ()
        return self.needs_of(
            self.past.delta(at.id).core.release, self.past.collections_touched(at.id)
        )

    def needs_of(self, release: ReleaseId, touched: frozenset[str]) -> Needs:
        """The roles that a delta without governance needs, by the collections it changes."""
        declared = self.collections(release)
        groups = {
            frozenset(declared[name].roles)
            for name in touched
            if name in declared and declared[name].roles
        }
        return tuple(sorted(groups, key=sorted))

    def does_something(self, authority: Authority, at: Placed) -> bool:
        """Whether a delta of a cut is not void there."""
        return authority.is_alive(at, self.needs(at))

    # -- what is applied -------------------------------------------------------------------------

    def note_fork(self, device: DeviceId) -> None:
        """A device has two deltas with one sequence."""
        self.forked[device] = None

    def note_governance(self, author: DeviceId, delta: DeltaId, frontier: Frontier) -> None:
        """A governance delta is recorded: which removals meet governance now.

        Those of its author, and its own. frontier: of everything applied, with it.
        """
        restricted = restricted_by(self.past.delta(delta).core)
        self.has_restrictions |= bool(restricted)
        if not self.has_restrictions:
            return
        everything = Authority(self.past, self.charter, Cut(self._reader, frontier), {})
        targets = {author: None, **dict.fromkeys(restricted)}
        for device in targets:
            for row in restrictions(self._reader, device):
                is_new = device == author or row.at.id == delta
                if is_new and is_contested(everything, row):
                    self.contested[row.at.id, row.at.index] = row
