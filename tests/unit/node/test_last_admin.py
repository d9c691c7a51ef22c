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


def require(
    said: Told, effects: tuple[Governance, ...], own: Identity = ANN, spent: Identity | None = None
) -> None:
    """As a node does before its device writes this, whose home has used another one up."""
    require_admin_stays(
        said.stage.replica.ledger.authority,
        own.device,
        effects,
        lambda device: spent is not None and device == spent.device,
    )


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


@pytest.mark.parametrize("effects", [close(SECOND), demote(SECOND)])
def test_device_that_its_home_used_up_is_no_admin_who_stays(effects):
    """It is an admin on paper for good, and nothing governs with it: it was left behind."""
    said = told()
    said.say(ANN, Promote(SECOND.device, ADMIN_ROLE))
    require(said, effects, SECOND)
    with pytest.raises(Refused, match="last-admin"):
        require(said, effects, SECOND, spent=ANN)


def test_what_only_a_used_up_device_holds_is_lost_already():
    """Who tidies it away, or leaves as a plain member, takes nothing from the context."""
    said = told()
    for effects in (close(ANN), demote(ANN), close(SECOND)):
        require(said, effects, SECOND, spent=ANN)


def test_used_up_device_is_nobody_to_govern_for():
    """Who leaves nobody else behind ends the context, as one who is alone does."""
    said = Told(start(ANN))
    said.admit(ANN, SECOND)
    said.say(ANN, Promote(SECOND.device, ADMIN_ROLE))
    require(said, close(SECOND), SECOND, spent=ANN)


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
