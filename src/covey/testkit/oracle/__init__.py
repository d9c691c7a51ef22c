"""The rules of authority as pure functions of sets of deltas: what nodes are held against."""

from __future__ import annotations

from covey.testkit.oracle.admissible import refusal
from covey.testkit.oracle.history import History, Known, parents_of
from covey.testkit.oracle.judgement import Grant, Judgement, Mask, Needs, Restriction
from covey.testkit.oracle.oracle import Oracle, upgrade_of

__all__ = [
    "Grant",
    "History",
    "Judgement",
    "Known",
    "Mask",
    "Needs",
    "Oracle",
    "Restriction",
    "parents_of",
    "refusal",
    "upgrade_of",
]
