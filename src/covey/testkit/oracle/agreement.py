"""In what a node's word on authority differs from the oracle's word on the same deltas."""

from __future__ import annotations

from covey.governance import devices
from covey.model import DeltaId
from covey.rules import silent_tips
from covey.sync import Ledger
from covey.testkit.oracle.judgement import Judgement

__all__ = ["disagreement"]


def disagreement(ledger: Ledger, j: Judgement, silent: frozenset[DeltaId]) -> str:
    """The first thing that differs, or nothing.

    silent: the ids of `j.silent`. Compared are members' devices, their roles, closed devices, the
    release in force, the code rule, and the silent deltas.
    """
    authority = ledger.authority
    if dict(devices(authority)) != j.members:
        return "other members"
    if any(authority.roles(device) != roles for device, roles in j.roles.items()):
        return "other roles"
    if any(authority.is_closed(d) != (d in j.closed) for d in (*j.founders, *j.admits)):
        return "other closed devices"
    rule = ledger.governor.rule(authority)
    if (rule.number, rule.release) != (j.number, j.release):
        return "another release in force"
    if frozenset(rule.constraints) != j.constraints:
        return "another code rule"
    mine = {tip.id for _, tip in silent_tips(ledger.view)}
    if mine != silent:
        return f"other silent deltas: {len(mine - silent)} more, {len(silent - mine)} fewer"
    return ""
