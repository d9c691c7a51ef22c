"""The test vectors of the protocol, made from scratch: the same bytes every time."""

from __future__ import annotations

from covey.testkit.vectors.bounds import limits_table
from covey.testkit.vectors.budgets import budgets
from covey.testkit.vectors.deltas import announcements, deltas, envelopes, gossip, payloads
from covey.testkit.vectors.effects import effects
from covey.testkit.vectors.execution import executions
from covey.testkit.vectors.form import Vectors, to_json
from covey.testkit.vectors.founding import certificates, charters
from covey.testkit.vectors.governance import governance
from covey.testkit.vectors.histories import admissibility, merges
from covey.testkit.vectors.primitives import encoding, frontiers, hashing, identifiers, lthash
from covey.testkit.vectors.replays import replays
from covey.testkit.vectors.session import sessions

__all__ = ["Vectors", "all_vectors", "limits_table", "to_json"]


def all_vectors() -> dict[str, Vectors]:
    """Every file of vectors by its name."""
    return {
        "admissibility": admissibility(),
        "announcement": announcements(),
        "budget": budgets(),
        "certificate": certificates(),
        "charter": charters(),
        "delta": deltas(),
        "effect": effects(),
        "encoding": encoding(),
        "envelope": envelopes(),
        "gossip": gossip(),
        "governance": governance(),
        "execution": executions(),
        "frontier": frontiers(),
        "hashing": hashing(),
        "identifiers": identifiers(),
        "lthash": lthash(),
        "merge": merges(),
        "payload": payloads(),
        "replay": replays(),
        "session": sessions(),
    }
