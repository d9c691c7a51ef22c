"""May this author make this change, and what wins."""

from __future__ import annotations

from covey.rules.branches import ancestor_at, first_doubled
from covey.rules.budget import (
    bucket_at,
    check_budget,
    cost_of,
    record_budget,
)
from covey.rules.chain import (
    check_chain,
    check_clock,
    check_release,
)
from covey.rules.cut import (
    Cut,
    Position,
    arrival_of,
    closure_of,
    cut_of,
    is_forked,
    is_on_chain,
    join_frontiers,
    maximal_tips,
    position_of,
    record_frontier,
    record_position,
)
from covey.rules.effects import (
    ADD_MAX,
    ADD_MIN,
    check_effect,
)
from covey.rules.silence import is_silent, set_silent, silent_tips

__all__ = [
    "is_silent",
    "set_silent",
    "silent_tips",
    "ancestor_at",
    "first_doubled",
    "maximal_tips",
    "ADD_MAX",
    "ADD_MIN",
    "Cut",
    "Position",
    "arrival_of",
    "bucket_at",
    "check_budget",
    "check_chain",
    "check_clock",
    "check_effect",
    "check_release",
    "closure_of",
    "cost_of",
    "cut_of",
    "is_forked",
    "is_on_chain",
    "join_frontiers",
    "position_of",
    "record_budget",
    "record_frontier",
    "record_position",
]
