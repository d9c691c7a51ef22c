"""Which release is in force at any set of deltas, a third time, and why an upgrade is refused.

As in `naive.py`: from the text of protocols/governance.md, "Releases and the code rule", alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

from covey.codec import application_id, cid_of, decode_manifest
from covey.crypto import Tag, is_signed, signing_message
from covey.errors import ProtocolViolation
from covey.model import (
    Approve,
    Charter,
    Collection,
    Constraint,
    Delta,
    DeltaId,
    Manifest,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
)
from covey.testkit.oracle.naive import Ids, Society
from covey.testkit.oracle.people import FIRST_MANIFEST

__all__ = ["Code"]


class Code(Society):
    """What runs. All releases are told by their manifests, the charter's too (first)."""

    def __init__(
        self,
        charter: Charter,
        deltas: Iterable[Delta],
        first: bytes = FIRST_MANIFEST,
        reserved: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(charter, deltas, reserved)
        self._first = first
        self._refusals: dict[DeltaId, str] = {}
        self._satisfied: dict[tuple[DeltaId, Constraint], bool] = {}

    def upgrade(self, d: DeltaId) -> Upgrade | None:
        """The upgrade that a delta holds."""
        return next((e for _, e in self.said(frozenset({d})) if isinstance(e, Upgrade)), None)

    def in_force(self, s: Ids) -> tuple[int, ReleaseId]:
        """The number and the release at a set."""
        standing = [
            (upgrade.number, ReleaseId(cid_of(upgrade.manifest)))
            for d in s
            for upgrade in (self.upgrade(d),)
            if upgrade is not None and self.stands(d, s)
        ]
        return max(standing, default=(0, self.charter.release))

    def stands(self, d: DeltaId, s: Ids) -> bool:
        """Whether an upgrade does at a set: authorised, alive, not against a tighten it missed."""
        word = self.word(s)
        return (
            d in word.alive
            and not self.refusal(d)
            and all(
                self.satisfies(d, constraint)
                for t, constraint in self._tightens(s)
                if d not in self.spares(t, word.counted)
            )
        )

    def constraints(self, s: Ids) -> list[Constraint]:
        """The code rule at a set: nothing takes one away."""
        return [*self.charter.constraints, *(constraint for _, constraint in self._tightens(s))]

    def refusal(self, d: DeltaId) -> str:
        """Why an upgrade was not authorised where it was made, or nothing."""
        if d not in self._refusals:
            self._refusals[d] = self._refusal(d)
        return self._refusals[d]

    def _tightens(self, s: Ids) -> list[tuple[DeltaId, Constraint]]:
        said = self.said(self.word(s).alive)
        return [(d, e.constraint) for d, e in said if isinstance(e, Tighten)]

    def _refusal(self, d: DeltaId) -> str:
        core, cut, upgrade = self.delta[d].core, self.past[d], self.upgrade(d)
        assert upgrade is not None
        number, release = self.in_force(cut)
        if len(core.governance) > 1:
            return "it does not stand alone"
        if not self.is_admin(core.author, cut):
            return "its author is no admin"
        if core.release != release:
            return "it ran under another release"
        if upgrade.number != number + 1:
            return "it is not the next"
        then, now = _signed(upgrade.manifest), self._manifest(release, cut)
        if then is None or now is None:
            return "its manifest is not signed"
        if application_id(then.publisher, then.package) != self.charter.application:
            return "it is another application's"
        if (then.execution, then.abi) != (self.charter.execution, "covey/1"):
            return "it runs in another way"
        if not {_terms(c) for c in now.collections} <= {_terms(c) for c in then.collections}:
            return "it does not keep a collection"
        if not set(upgrade.witnesses) <= cut:
            return "a witness is not in the cut"
        broken = [c for c in self.constraints(cut) if not self.satisfies(d, c)]
        return f"it breaks {type(broken[0]).__name__.lower()}" if broken else ""

    def satisfies(self, d: DeltaId, constraint: Constraint) -> bool:
        """Whether an upgrade satisfies a constraint at its cut."""
        if (d, constraint) not in self._satisfied:
            self._satisfied[d, constraint] = self._satisfies(d, constraint)
        return self._satisfied[d, constraint]

    def _satisfies(self, d: DeltaId, constraint: Constraint) -> bool:
        cut, upgrade = self.past[d], self.upgrade(d)
        assert upgrade is not None
        if isinstance(constraint, Never):
            return False
        if isinstance(constraint, Publisher):
            now = self._manifest(self.in_force(cut)[1], cut)
            then = _signed(upgrade.manifest)
            assert now is not None
            return then is not None and _is_greater(then.version, now.version)
        wanted = Approve(upgrade.number, ReleaseId(cid_of(upgrade.manifest)))
        return self.is_approved(cut, wanted, self._ms(d), upgrade.witnesses, constraint)

    def is_approved(
        self, s: Ids, wanted: Approve, ms: int, witnesses: Iterable[DeltaId], quorum: Quorum
    ) -> bool:
        """Whether a quorum is satisfied at a set, for an upgrade of that time and witnesses."""
        alive = self.word(s).alive
        given = {a: self._member_of(a) for a, e in self.said(alive) if e == wanted}
        by_key = {a: member for a, member in given.items() if member in quorum.keys}
        if len(set(by_key.values())) < quorum.k:
            return False
        return quorum.notice_ms == 0 or any(
            w in alive
            and self._member_of(w) not in quorum.keys
            and len({by_key[a] for a in by_key if a in self.past[w]}) >= quorum.k
            and ms - self._ms(w) >= quorum.notice_ms
            for w in witnesses
        )

    def _member_of(self, d: DeltaId) -> object:
        return self.member(self.author(d), self.past[d])

    def _ms(self, d: DeltaId) -> int:
        return self.delta[d].core.time // 2**16

    def _manifest(self, release: ReleaseId, s: Ids) -> Manifest | None:
        named = [self.upgrade(d) for d in s]
        packed = [self._first, *(upgrade.manifest for upgrade in named if upgrade is not None)]
        return next(_signed(each) for each in packed if ReleaseId(cid_of(each)) == release)


@cache
def _signed(packed: bytes) -> Manifest | None:
    """A manifest, if its publisher signed these very words."""
    fields = json.loads(packed)
    del fields["signature"]
    words = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        manifest = decode_manifest(packed)
    except ProtocolViolation:
        return None
    message = signing_message(Tag.MANIFEST, words.encode())
    return manifest if is_signed(manifest.publisher, message, manifest.signature) else None


def _terms(collection: Collection) -> tuple[object, ...]:
    return collection.name, collection.rule.value, collection.roles


def _is_greater(then: str, now: str) -> bool:
    """Section 11 of semver.org, for versions of which one at most has `-rc.N`."""
    return _parts(then) > _parts(now)


def _parts(version: str) -> tuple[list[int], int, int]:
    numbers, _, candidate = version.partition("-rc.")
    return [int(n) for n in numbers.split(".")], not candidate, int(candidate or 0)
