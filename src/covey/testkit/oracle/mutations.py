"""What may be broken in the oracle: each rule of protocols/governance.md once, as text."""

from __future__ import annotations

from covey.testkit.oracle.code_mutations import CODE_MUTATIONS
from covey.testkit.oracle.mutation import Mutation

__all__ = ["MUTATIONS"]

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
        "live = [y for y in component if",
        "live = [y for y in (source,) if",
    ),
    Mutation(
        "R4 no removal hits what another rests on",
        "oracle",
        "self.history.within(self._support(j, r.known)) for r",
        "[r.known] for r",
    ),
    Mutation(
        "R4 a removal rests on every gift (an earlier wording)",
        "oracle",
        "if grant.role in needed and not (is_founder and grant.role == ADMIN_ROLE)",
        "if grant.role",
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

MUTATIONS = (*_JUDGED, *CODE_MUTATIONS)
"""All of them."""
