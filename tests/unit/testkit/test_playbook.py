"""A conversation that goes otherwise must fail the test that tells it."""

from __future__ import annotations

import pytest

from covey.model import PeerId
from covey.sync import Ask, Misbehaved, PeerLeft, SetTimer
from covey.testkit.playbook import play

EVENT = PeerLeft(PeerId("x"))
ASK, BLAME, TIMER = Ask(None, ()), Misbehaved(PeerId("x"), "code"), SetTimer("ask", 1.0)


class Saying:
    """A machine that always says the same."""

    def __init__(self, *effects) -> None:
        self._effects = effects

    def handle(self, event):
        """Whatever it is told."""
        return list(self._effects)


def test_effects_are_named_by_value_type_or_predicate():
    """In order; timers are silent unless named."""
    machine = Saying(TIMER, ASK, BLAME)
    assert play(machine) >> EVENT << ASK << BLAME
    assert play(machine) >> EVENT << Ask << (lambda e: e.code == "code") << None
    assert play(machine) >> EVENT << SetTimer << Ask << Misbehaved
    assert play(machine) >> EVENT << TIMER << ASK << BLAME


@pytest.mark.parametrize(
    "expected",
    [(BLAME, ASK), (ASK, ASK), (ASK, BLAME, BLAME), (None,), (ASK,), (ASK, None), (Ask, TIMER)],
)
def test_another_effect_a_missing_one_and_one_too_many_fail(expected):
    """Each of them is how a bug would show."""

    def told() -> None:
        conversation = play(Saying(ASK, BLAME)) >> EVENT
        for effect in expected:
            conversation = conversation << effect
        assert conversation

    with pytest.raises(AssertionError):
        told()


def test_unnamed_effect_fails_the_next_event():
    """Nothing slips by between two lines."""
    with pytest.raises(AssertionError, match="nobody named"):
        play(Saying(ASK)) >> EVENT >> EVENT
