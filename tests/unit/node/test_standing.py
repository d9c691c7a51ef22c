"""Who waits for admission is told, and told again after it was lost."""

from __future__ import annotations

from covey.node.standing import Standing


def test_admission_lost_and_found():
    """Events that were waited for stay set; new ones are for what comes."""
    standing = Standing()
    first, turned = standing.admitted, standing.turned
    standing.note(is_admitted=False, is_removed=False)
    assert not turned.is_set()
    standing.note(is_admitted=True, is_removed=False)
    assert first.is_set()
    assert turned.is_set()
    assert standing.admitted is first
    again = standing.turned
    standing.note(is_admitted=True, is_removed=False)
    assert not again.is_set()
    standing.note(is_admitted=False, is_removed=False)
    assert again.is_set()
    assert first.is_set()
    assert not standing.admitted.is_set()
    standing.note(is_admitted=True, is_removed=False)
    assert standing.admitted.is_set()


def test_removal_is_a_turn_too():
    """So that who asks for admission ends."""
    standing = Standing()
    turned = standing.turned
    standing.note(is_admitted=False, is_removed=True)
    assert turned.is_set()
    assert not standing.admitted.is_set()
