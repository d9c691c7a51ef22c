"""What may be broken in the oracle: each rule of protocols/governance.md once, as text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTATIONS", "Mutation"]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place in the source of a module of this package, and what stands there instead.

    which: of several places with the same text, from 0.
    """

    name: str
    module: str
    old: str
    new: str
    which: int = 0


def _skipped(code: str, which: int = 0) -> Mutation:
    place = f" ({which + 1})" if which else ""
    return Mutation(f"R0 never {code}{place}", "admissible", f'return "{code}"', "pass", which)


def _never(code: str, old: str) -> Mutation:
    return Mutation(f"R0 never {code}", "admissible", old, 'return ""')


_JUDGED = [
    Mutation(
        "R0 judged with what the node knows",
        "admissible",
        "j = oracle.judge(known.past)",
        "j = oracle.judge((1 << len(oracle.history.known)) - 1 & ~known.bit)",
    ),
    Mutation(
        "R1 restrictions reach only what follows",
        "oracle",
        "mask = known.past | known.bit\n",
        "mask = j.s & ~sum(d.bit for d in self.history.within(j.s) if d.past & known.bit)\n",
    ),
    Mutation("R1 restrictions reach their own cut", "judgement", "if not r.spares & bit and", "if"),
    Mutation(
        "R1 grants reach backward",
        "judgement",
        "if granted & past & grant.known.bit",
        "if self.s & grant.known.bit",
    ),
    Mutation(
        "R1 roles reach backward",
        "judgement",
        "grant.role == role and granted & past & grant.known.bit",
        "grant.role == role and granted & grant.known.bit",
    ),
    Mutation("R1 the latest admission names the member", "judgement", "min(usable", "max(usable"),
    Mutation(
        "R2 any admin closes any",
        "admissible",
        "    return target not in oracle.founders and bool(chains) and",
        "    return True or",
    ),
    Mutation(
        "R2 one chain is enough",
        "admissible",
        "all(actor in c for c in chains)",
        "any(actor in c for c in chains)",
    ),
    Mutation(
        "R2 charter order ignored",
        "admissible",
        "oracle.ranks[actor] < oracle.ranks[target]",
        "True",
    ),
    Mutation(
        "R2 a junior's close is whole",
        "oracle",
        "return None if author in self.founders or self.is_own(known, target) else author",
        "return None",
    ),
    Mutation(
        "R2 a close of an own device is partial",
        "oracle",
        "author in self.founders or self.is_own(known, target) else",
        "author in self.founders else",
    ),
    Mutation(
        "R2 above: some chain",
        "oracle",
        "frozenset.intersection(*chains) | {author}",
        "frozenset.union(*chains) | {author}",
    ),
    Mutation(
        "R2 above: the author alone",
        "oracle",
        "frozenset.intersection(*chains) | {author} if chains",
        "frozenset({author}) if chains",
    ),
    Mutation(
        "R2 no device but oneself is own",
        "oracle",
        "return device == author or",
        "return device == author and",
    ),
    Mutation(
        "R2 everyone's devices are own",
        "oracle",
        "(device in members and members[device] == members.get(author))",
        "device in members",
    ),
    Mutation("R2 one vote is enough", "admissible", ">= oracle.charter.admin_quorum", ">= 1"),
    Mutation(
        "R2 votes by devices",
        "admissible",
        "len({j.members[device] for device in seats})",
        "len(seats)",
    ),
    Mutation(
        "R2 votes of the removed",
        "admissible",
        "len({j.members[device] for device in seats})",
        "len({oracle.founders[device] for device in for_it})",
    ),
    Mutation(
        "R2 votes for anyone",
        "admissible",
        "if Vote(target) in each.delta.core.governance",
        "if any(isinstance(e, Vote) for e in each.delta.core.governance)",
    ),
    Mutation(
        "R2 no votes",
        "admissible",
        "        return _is_voted(",
        "        return False and _is_voted(",
    ),
    Mutation("R3 void from the fork on", "oracle", " or vouched[core.author] & known.bit", ""),
    Mutation(
        "R3 forks ignored",
        "oracle",
        "is_before or vouched[core.author] & known.bit",
        "True",
    ),
    Mutation(
        "R3 vouchers without any fork (an earlier wording)",
        "oracle",
        "if device != core.author and not",
        "if device != core.author and core.author not in j.forked and not",
    ),
    Mutation(
        "R3 evidence does not end vouching",
        "oracle",
        " and not known.past & proofs.get(device, 0)",
        "",
    ),
    Mutation("R3 one vouches for oneself", "oracle", "if device != core.author and not", "if not"),
    Mutation(
        "R3 forkers vouch uncounted",
        "oracle",
        "        before = -1\n",
        "        before = -1\n"
        "        for known in deltas:\n"
        "            for device in vouched:\n"
        "                if device != known.delta.core.author:\n"
        "                    if not known.past & proofs.get(device, 0):\n"
        "                        vouched[device] |= known.past\n",
    ),
    Mutation(
        "R3 a branch's close reaches siblings' cuts (an earlier wording)",
        "oracle",
        "        if author in j.forked:",
        "        if False:",
    ),
    Mutation(
        "R4 removals of the removed stand",
        "oracle",
        "[y for y in component if j.alive & removals[y].known.bit]",
        "component",
    ),
    Mutation(
        "R4 nothing removed hits a removal",
        "oracle",
        "+ (len(component) > 1)\n            self._settle(j, deltas)",
        "+ (len(component) > 1)\n        self._settle(j, deltas)",
    ),
    Mutation(
        "R4 of a circle the first alone stands",
        "oracle",
        "            waiting = [y for y in waiting if y not in component]",
        "            self._settle(j, deltas)\n"
        "            waiting = [y for y in waiting if y != source]",
    ),
    Mutation(
        "R4 no removal hits what another rests on",
        "oracle",
        "self.history.within(self._support(j, r.known)) for r",
        "[r.known] for r",
    ),
    Mutation(
        "R5 void grants serve",
        "oracle",
        "known.bit, needs, j.alive)",
        "known.bit, needs, j.counted)",
    ),
    Mutation("R5 roles not asked", "judgement", "for group in needs\n", "for group in ()\n"),
    Mutation(
        "R5 a demote takes nothing",
        "judgement",
        "(r.role is None or r.role == role)",
        "(r.role is None)",
    ),
    Mutation(
        "R5 a demote is a close",
        "judgement",
        "(r.role is None or r.role == role)",
        "True",
    ),
    Mutation(
        "R5 a founder's role cannot be taken",
        "judgement",
        "if self._member(device, past, granted, self._reached(device, bit, role)) is None:",
        "if device not in self.founders and self._member("
        "device, past, granted, self._reached(device, bit, role)) is None:",
    ),
    Mutation(
        "R5 entries need no role",
        "oracle",
        "if named.get(name)}",
        'if name == ""}',
    ),
    Mutation("R5 who admits needs nothing", "oracle", "return is_closed and", "return False and"),
    Mutation(
        "R5 admitting another's needs nothing",
        "oracle",
        "is_closed and certificate.member != self.author_of(known)",
        "is_closed and certificate.member == self.author_of(known)",
    ),
]

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

MUTATIONS = (*_JUDGED, *_RELEASES, *_CODES)
"""All of them."""
