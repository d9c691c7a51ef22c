"""R6 of protocols/governance.md, "Releases and the code rule": what is in force at a cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from covey.codec import cid_of, decode_manifest, version_rank
from covey.governance.authority import Authority
from covey.governance.rows import Placed, TightenRow, UpgradeRow, approvals, tightens, upgrades
from covey.model import (
    Constraint,
    Core,
    DeltaId,
    Denied,
    MemberId,
    Publisher,
    Quorum,
    ReleaseId,
    ReleaseTerms,
    Tip,
    Upgrade,
    milliseconds,
)
from covey.rules import Cut

__all__ = ["CodeRule", "Words", "code_rule_at", "is_met", "is_witness", "unmet"]


@dataclass(frozen=True, slots=True)
class CodeRule:
    """What is in force at a cut.

    standing, fallen: the upgrades in it that do and do not stand.
    """

    number: int
    release: ReleaseId
    constraints: tuple[Constraint, ...]
    standing: tuple[UpgradeRow, ...]
    fallen: tuple[UpgradeRow, ...]


class Words(Protocol):
    """What is known of other cuts than the one at hand."""

    def before(self, delta: DeltaId) -> Authority:
        """The word on an applied delta's cut."""
        ...

    def rule(self, authority: Authority) -> CodeRule:
        """What is in force at a cut."""
        ...

    def terms(self, release: ReleaseId) -> ReleaseTerms:
        """What a release says of itself, that was in force somewhere."""
        ...

    def does_something(self, authority: Authority, at: Placed) -> bool:
        """Whether a delta of a cut is not void there."""
        ...

    def meets(self, upgrade: UpgradeRow, tighten: TightenRow) -> bool:
        """Whether an upgrade satisfies at its own cut what a tighten asks."""
        ...


def code_rule_at(words: Words, authority: Authority) -> CodeRule:
    """The code rule and the release in force at a cut."""
    reader = authority.past.reader
    bound = [row for row in tightens(reader) if authority.holds(row.at)]
    spared = [(row, _spared(authority, row.at)) for row in bound]
    held = [row for row in upgrades(reader) if authority.cut.holds(row.at.author, row.at.tip)]
    standing = tuple(
        row
        for row in held
        if row.at.id not in authority.void
        and all(
            words.meets(row, tighten)
            for tighten, cuts in spared
            if not any(cut.holds(row.at.author, row.at.tip) for cut in cuts)
        )
    )
    charter = authority.charter
    number, release = max(((r.number, r.release) for r in standing), default=(0, charter.release))
    return CodeRule(
        number,
        release,
        tuple(dict.fromkeys((*charter.constraints, *(row.constraint for row in bound)))),
        standing,
        tuple(row for row in held if row not in standing),
    )


def _spared(authority: Authority, tighten: Placed) -> tuple[Cut, ...]:
    """What a tighten of the cut spares."""
    return (authority.past.upto(tighten.id), *authority.branches_beside(tighten))


def is_met(words: Words, row: UpgradeRow, tighten: TightenRow) -> bool:
    """Whether an upgrade satisfies at its own cut what a tighten asks.

    True or false for ever: only the upgrade's own cut bears on it, and that is all applied.
    """
    if isinstance(tighten.constraint, Publisher) and row.replaced is not None:
        # Asking what was in force there would ask the same of every upgrade before, and so on.
        return version_rank(row.version) > version_rank(row.replaced)
    before = words.before(row.at.id)
    if before.holds(tighten.at):
        return True  # Else it would not be admissible.
    core = before.past.delta(row.at.id).core
    (upgrade,) = (effect for effect in core.governance if isinstance(effect, Upgrade))
    return unmet(words, before, core, upgrade, tighten.constraint) is None


def unmet(
    words: Words, authority: Authority, core: Core, upgrade: Upgrade, constraint: Constraint
) -> Denied | None:
    """Why an upgrade does not satisfy a constraint; None: it does.

    authority: the word on the upgrade's own cut; core: of its delta.
    """
    match constraint:
        case Publisher():
            now = words.terms(words.rule(authority).release).version
            then = decode_manifest(upgrade.manifest).version
            if version_rank(then) > version_rank(now):
                return None
            return Denied("no-newer-version", f"{then} is not newer than {now}, which is in force")
        case Quorum():
            return _unmet_quorum(words, authority, core, upgrade, constraint)
    return Denied("locked", "the code of this context can never change")


def _unmet_quorum(
    words: Words, authority: Authority, core: Core, upgrade: Upgrade, quorum: Quorum
) -> Denied | None:
    wanted = (upgrade.number, ReleaseId(cid_of(upgrade.manifest)))
    given = {
        row.at: row.member
        for row in approvals(authority.past.reader)
        if (row.number, row.release) == wanted
        and row.member in quorum.keys
        and authority.holds(row.at)
    }
    if len(set(given.values())) < quorum.k:
        return Denied("not-approved", f"it takes {quorum.k} keys to approve this release")
    if quorum.notice_ms == 0:
        return None
    for witness in upgrade.witnesses:
        told = authority.past.delta(witness).core
        elapsed = milliseconds(core.time) - milliseconds(told.time)
        at = Placed(told.author, Tip(told.sequence, witness))
        if elapsed >= quorum.notice_ms and is_witness(words, authority, at, given, quorum):
            return None
    return Denied("notice", "no witness shows that the notice has run")


def is_witness(
    words: Words, authority: Authority, at: Placed, given: dict[Placed, MemberId], quorum: Quorum
) -> bool:
    """Whether a delta of the cut shows that the approvals were known outside the keys."""
    seen = {member for row, member in given.items() if authority.past.follows(at, row)}
    if len(seen) < quorum.k or not words.does_something(authority, at):
        return False
    return words.before(at.id).member(at.author) not in quorum.keys
