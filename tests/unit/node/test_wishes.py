"""What takes an admin away is looked at and written one at a time, whoever asks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from covey.codec import did_text
from covey.errors import Refused
from covey.model import ADMIN_ROLE, DeltaId, Demote, Governance, Promote
from covey.node.context import ContextDriver
from covey.node.contexts import Contexts
from covey.node.governing import Wish
from covey.node.held import Held
from covey.node.records import ContextRecord, Records
from covey.node.wishes import fulfil
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, DORA, Told

pytestmark = pytest.mark.trio
SECOND = device("ann", "second")
_BY_NAME = {each.device: each for each in (ANN, SECOND)}


class _Devices:
    """Of a home that has used none of them up."""

    def is_spent(self, *_: object) -> bool:
        return False


class _Contexts:
    """All that is asked of them."""

    devices = _Devices()


class _Driver:
    """Of ann's first device: writes what takes a role once it is let. asked: what came so far."""

    def __init__(self, said: Told) -> None:
        self.replica = SimpleNamespace(ledger=said.stage.replica.ledger, device=ANN.device)
        self.asked: list[tuple[Governance, ...]] = []
        self.is_let = trio.Event()
        self._said = said

    async def govern(self, effects: tuple[Governance, ...]) -> DeltaId:
        self.asked.append(effects)
        await self.is_let.wait()
        (demote,) = effects
        assert isinstance(demote, Demote)
        return self._said.demote(ANN, _BY_NAME[demote.device], demote.role).delta.id


class _Node:
    """Ann's node, where both her devices are admins and dora is a member."""

    def __init__(self) -> None:
        self.said = Told(start(ANN))
        self.said.admit(ANN, SECOND)
        self.said.admit(ANN, DORA)
        self.said.say(ANN, Promote(SECOND.device, ADMIN_ROLE))
        self.driver = _Driver(self.said)
        context = self.said.founding.context
        record = ContextRecord(id=context, name="kv", device=ANN.device, inviter=None, addresses=())
        self.held = Held(record, driver=cast("ContextDriver", self.driver))
        self.refused: list[str] = []

    async def take(self, who: Identity) -> None:
        """Take the role of an admin from one of ann's devices."""
        wish = Wish(action="take", who=did_text(who.device), role=ADMIN_ROLE)
        contexts, driver = cast("Contexts", _Contexts()), cast("ContextDriver", self.driver)
        try:
            await fulfil(contexts, cast("Records", None), self.held, driver, wish)
        except Refused as no:
            self.refused.append(str(no))

    def admins(self) -> list[Identity]:
        """Those of ann's devices that are admins."""
        return [who for who in (ANN, SECOND) if ADMIN_ROLE in self.said.roles(who)]


@pytest.fixture
def node() -> _Node:
    return _Node()


async def test_second_of_two_at_once_counts_on_nothing_that_the_first_takes(node):
    """Each would let the other one stay: both looked at first, both would go."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.take, ANN)
        nursery.start_soon(node.take, SECOND)
        await trio.testing.wait_all_tasks_blocked()
        at_once = len(node.driver.asked)
        node.driver.is_let.set()
    assert at_once == 1
    assert len(node.admins()) == 1
    (why,) = node.refused
    assert why.startswith("last-admin")


async def test_who_hangs_up_lets_nobody_by_before_it_is_written(node):
    """A client that leaves cancels its request, and what it asked for is written all the same."""
    async with trio.open_nursery() as nursery:
        hung_up = trio.CancelScope()

        async def ask_and_hang_up() -> None:
            with hung_up:
                await node.take(ANN)

        nursery.start_soon(ask_and_hang_up)
        await trio.testing.wait_all_tasks_blocked()
        hung_up.cancel()
        nursery.start_soon(node.take, SECOND)
        await trio.testing.wait_all_tasks_blocked()
        at_once = len(node.driver.asked)
        node.driver.is_let.set()
    assert at_once == 1
    assert node.admins() == [SECOND]
    (why,) = node.refused
    assert why.startswith("last-admin")


async def test_wish_that_waited_until_the_context_was_left_is_refused(node):
    """Nothing serves the context any more, and what is read of it may be gone."""
    node.driver.is_let.set()
    async with trio.open_nursery() as nursery, node.held.governing:
        nursery.start_soon(node.take, SECOND)
        await trio.testing.wait_all_tasks_blocked()
        node.held.driver = None
    assert node.refused == ["the context was left before it was done"]
    assert node.driver.asked == []
