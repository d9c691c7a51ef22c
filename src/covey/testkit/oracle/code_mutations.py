"""What may be broken in the oracle's rules of releases, and in what it refuses."""

from __future__ import annotations

from covey.testkit.oracle.mutation import Mutation

__all__ = ["CODE_MUTATIONS"]


def _skipped(code: str, which: int = 0) -> Mutation:
    place = f" ({which + 1})" if which else ""
    return Mutation(f"R0 never {code}{place}", "admissible", f'return "{code}"', "pass", which)


def _never(code: str, old: str) -> Mutation:
    return Mutation(f"R0 never {code}", "admissible", old, 'return ""')


_RELEASES = [
    Mutation(
        "R6 greatest id wins",
        "oracle",
        "max(j.upgrades.values(), default=(0, self.charter.release))",
        "max(j.upgrades.values(), default=(0, self.charter.release), key=lambda put: put[1])",
    ),
    Mutation(
        "R6 smallest id wins",
        "oracle",
        "max(j.upgrades.values(), default=(0, self.charter.release))",
        "max(sorted(j.upgrades.values()), default=(0, self.charter.release), "
        "key=lambda put: put[0])",
    ),
    Mutation(
        "R6 losers void calls",
        "oracle",
        "bit and put[1] == release\n",
        "bit and put[1] == release == j.release\n",
    ),
    Mutation("R6 nothing is mute", "oracle", "if self._is_mute(j, known):", "if False:"),
    Mutation(
        "R6 a migration outlives its upgrade",
        "oracle",
        "return known.delta.id not in j.upgrades",
        "return False",
    ),
    Mutation(
        "R6 tighten reaches nothing",
        "oracle",
        "spares & known.bit or not self.refusal(known, upgrade, constraint)",
        "True",
    ),
    Mutation(
        "R6 tighten reaches its own cut",
        "oracle",
        "spares & known.bit or not self.refusal(",
        "not self.refusal(",
    ),
    Mutation(
        "R6 void tightens bind",
        "oracle",
        "for known in alive\n            for effect",
        "for known in deltas\n            for effect",
    ),
    Mutation(
        "R6 a tighten replaces the charter's rule",
        "oracle",
        "frozenset((*self.charter.constraints, *(c for c, _ in tightens)))",
        "frozenset([c for c, _ in tightens] or self.charter.constraints)",
    ),
    Mutation(
        "R6 a tighten replaces those of its kind",
        "oracle",
        "frozenset((*self.charter.constraints, *(c for c, _ in tightens)))",
        "frozenset({type(c): c for c in "
        "(*self.charter.constraints, *(c for c, _ in tightens))}.values())",
    ),
    Mutation("R6 never means now and then", "oracle", 'return "locked"', 'return ""'),
    Mutation(
        "R6 the same version will do",
        "oracle",
        "version_rank(then) > version_rank(now)",
        "version_rank(then) >= version_rank(now)",
    ),
    Mutation(
        "R6 versions as text",
        "oracle",
        "version_rank(then) > version_rank(now)",
        "then > now",
    ),
    Mutation(
        "R6 newer than the first release will do",
        "oracle",
        "self.version(j.release or self.charter.release, known.past)",
        "self.first.version",
    ),
    Mutation(
        "R6 any number of approvals",
        "oracle",
        "for _, member in approvals}) < quorum.k",
        "for _, member in approvals}) < 1",
    ),
    Mutation(
        "R6 approvals by devices",
        "oracle",
        "len({member for _, member in approvals}) <",
        "len(approvals) <",
    ),
    Mutation(
        "R6 approvals of anyone",
        "oracle",
        "member is not None and member in quorum.keys",
        "member is not None",
    ),
    Mutation(
        "R6 approvals of another release",
        "oracle",
        "if wanted in each.delta.core.governance else None",
        "if any(isinstance(e, Approve) and e.number == wanted.number"
        " for e in each.delta.core.governance) else None",
    ),
    Mutation(
        "R6 approvals of another number",
        "oracle",
        "if wanted in each.delta.core.governance else None",
        "if any(isinstance(e, Approve) and e.release == wanted.release"
        " for e in each.delta.core.governance) else None",
    ),
    Mutation(
        "R6 approvals that are void",
        "oracle",
        "for each in self.history.within(j.alive):\n            member",
        "for each in self.history.within(known.past):\n            member",
    ),
    Mutation(
        "R6 approvals that nobody followed",
        "oracle",
        "for each in self.history.within(j.alive):\n            member",
        "for each in self.history.known.values():\n            member",
    ),
    Mutation("R6 no notice", "oracle", "if quorum.notice_ms == 0:", "if True:"),
    Mutation(
        "R6 notice by who has a key", "oracle", "is_enough and is_stranger and", "is_enough and"
    ),
    Mutation(
        "R6 notice before the approvals",
        "oracle",
        "is_enough = len(seen) >= quorum.k and elapsed",
        "is_enough = elapsed",
    ),
    Mutation(
        "R6 notice that has not run",
        "oracle",
        "is_enough = len(seen) >= quorum.k and elapsed >= quorum.notice_ms",
        "is_enough = len(seen) >= quorum.k",
    ),
    Mutation(
        "R6 notice a moment short",
        "oracle",
        "elapsed >= quorum.notice_ms",
        "elapsed + 1 >= quorum.notice_ms",
    ),
    Mutation(
        "R6 notice by a void witness",
        "oracle",
        "is_stranger and j.alive & each.bit",
        "is_stranger",
    ),
    Mutation(
        "R6 an upgrade may change roles",
        "admissible",
        "(collection.name, collection.rule, collection.roles) not in kept",
        "(collection.name, collection.rule) not in {each[:2] for each in kept}",
    ),
    Mutation(
        "R6 an upgrade may change rules",
        "admissible",
        "(collection.name, collection.rule, collection.roles) not in kept",
        "collection.name not in {each[0] for each in kept}",
    ),
    Mutation(
        "R6 an upgrade keeps the first collections alone",
        "admissible",
        "in oracle.collections(known.delta.core.release, known.past):",
        "in oracle.first.collections:",
    ),
]

_CODES = [
    *[
        _skipped(code)
        for code in (
            *("own-fork", "wrong-release", "not-admitted", "wrong-merge", "no-admin"),
            *("role-missing", "admission", "bad-certificate", "bad-join", "closed"),
            *("unknown-role", "no-member", "held-already", "demoted", "wrong-tips", "rank"),
            *("tightened-already", "other-application", "other-execution", "collection-changed"),
            *("wrong-witness", "wrong-number", "no-key", "approved-already"),
            *("wrong-evidence", "known-already"),
        )
    ],
    *[
        _skipped(code, 1)
        for code in ("admitted-already", "unknown-role", "no-member", "wrong-number")
    ],
    _skipped("wrong-evidence", 1),
    _never("wrong-upgrade", 'return "" if alone and is_migration else "wrong-upgrade"'),
    _never("mixed", 'return "mixed" if governance and calls else ""'),
    _never(
        "said-twice", 'return "admitted-already" if isinstance(effect, Admit) else "said-twice"'
    ),
    _never("too-many", 'return "too-many" if len(j.constraints) >= limits.CONSTRAINTS_MAX else ""'),
    _never("no-quorum", 'return "" if charter.admin_quorum and is_seat else "no-quorum"'),
    _never("bad-manifest", 'return "bad-manifest"'),
]

CODE_MUTATIONS = (*_RELEASES, *_CODES)
"""All of them."""
