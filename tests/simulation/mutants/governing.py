"""Bugs in who may do what: forks, removals, ranks, and what is folded out of the state."""

from __future__ import annotations

from typing import Any

import pytest

from covey.governance import Authority
from covey.governance.vouched import Vouched


def count_every_branch(patch: pytest.MonkeyPatch) -> None:
    """Of a device that forked every branch counts, vouched for or not."""
    patch.setattr("covey.governance.governor.counted_at", lambda *_: {})


def count_no_branch(patch: pytest.MonkeyPatch) -> None:
    """Of a device that forked nothing counts from the fork on, whoever built on it."""
    patch.setattr(Vouched, "seen", lambda *_: ())


def let_the_removed_write_on(patch: pytest.MonkeyPatch) -> None:
    """A close takes nothing from anybody."""
    patch.setattr(Authority, "standing", lambda *_: ())


def reach_what_a_removal_spares(patch: pytest.MonkeyPatch) -> None:
    """A removal takes back what its author had seen of the removed, too."""
    patch.setattr(Authority, "spares", lambda *_: False)


def keep_what_became_void(patch: pytest.MonkeyPatch) -> None:
    """What becomes void after it was applied keeps its effects."""
    patch.setattr("covey.sync.voids._settle", lambda *_: None)


def fold_in_what_is_void(patch: pytest.MonkeyPatch) -> None:
    """A delta that is void as it comes has its effects all the same."""
    patch.setattr("covey.sync.ledger.silence_at", lambda *_: None)


def let_everybody_rank_first(patch: pytest.MonkeyPatch) -> None:
    """Any admin may remove anybody."""
    patch.setattr("covey.governance.effects._ranks_above", lambda *_: True)


def promote_the_demoted(patch: pytest.MonkeyPatch) -> None:
    """A role that was taken may be given again."""
    patch.setattr("covey.governance.effects._check_promote", lambda *_: None)


def close_without_looking(patch: pytest.MonkeyPatch) -> None:
    """A close need not name the last deltas of its target."""
    patch.setattr("covey.governance.effects.last_ids", _wrong)
    patch.setattr("covey.sync.wishes.last_ids", _wrong)


def _wrong(frontier: Any, device: Any) -> Any:
    del frontier, device
    return ()


def leave_roles_out_of_the_digest(patch: pytest.MonkeyPatch) -> None:
    """The digest says nothing of roles."""
    patch.setattr("covey.sync.voids.role_element", lambda *_: b"role")
