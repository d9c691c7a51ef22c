"""Nobody gives a context's last admin up by a slip, whatever the command is called."""

from __future__ import annotations

import pytest

from covey.errors import Refused
from covey.model import ADMIN_ROLE, Close, Demote, Governance, Promote, Vote
from covey.node.last_admin import require_admin_stays
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, BEN, DORA, Told

SECOND = device("ann", "second")


def told() -> Told:
    """ann founded alone, with a second device; dora is a member without a role."""
    said = Told(start(ANN))
    said.admit(ANN, SECOND)
    said.admit(ANN, DORA)
    return said


def close(*several: Identity) -> tuple[Governance, ...]:
    return tuple(Close(each.device, ()) for each in several)


def demote(who: Identity, role: str = ADMIN_ROLE) -> tuple[Governance, ...]:
    return (Demote(who.device, role, ()),)


def require(said: Told, effects: tuple[Governance, ...]) -> None:
    """As ann's node does before she writes this."""
    require_admin_stays(said.stage.replica.ledger.authority, ANN.device, effects)


@pytest.mark.parametrize("effects", [close(ANN), close(ANN, SECOND), demote(ANN)])
def test_last_admin_cannot_go_while_somebody_stays(effects):
    """By leaving, by removing itself, or by taking its own role: nobody could ever mend it."""
    with pytest.raises(Refused, match=r"last-admin: .*--give admin\), or say --abandon"):
        require(told(), effects)


def test_who_keeps_an_admin_may_do_it():
    """Another member's, or another device of its own: the context can still be governed."""
    said = told()
    said.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    for effects in (close(ANN), close(ANN, SECOND), demote(ANN)):
        require(said, effects)
    own = told()
    own.say(ANN, Promote(SECOND.device, ADMIN_ROLE))
    require(own, close(ANN))
    with pytest.raises(Refused):
        require(own, close(ANN, SECOND))


def test_alone_there_is_nothing_to_abandon_but_the_role():
    """Who leaves alone ends the context; who only takes its own role lives on without an admin."""
    alone = Told(start(ANN))
    require(alone, close(ANN))
    with pytest.raises(Refused):
        require(alone, demote(ANN))


@pytest.mark.parametrize(
    "effects",
    [close(SECOND), close(DORA), demote(DORA), demote(ANN, "editor"), (Vote(BEN.device),)],
)
def test_what_takes_no_admin_away_is_not_in_its_way(effects):
    """The rules say what else is wrong: their word must not be hidden behind this one."""
    require(told(), effects)
