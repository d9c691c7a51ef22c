"""A question that many are asked: who is silent, however many they are, holds up none of them."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import trio

from covey.model import ContextId, PeerId, limits
from covey.node.asking import Asking
from covey.node.joining import seek_admission
from covey.node.standing import Standing
from covey.testkit.identities import found, identity

pytestmark = pytest.mark.trio

BEN = PeerId("ben")
SILENT = [PeerId(f"a{number:02}") for number in range(64)]  # their names come before ben's


class _Peers:
    """Some are silent, some have nothing, ben answers."""

    def __init__(self, *there: PeerId, answer_s: float = 0.1) -> None:
        self.there = list(there)
        self.without: list[PeerId] = []
        self.asked: list[PeerId] = []
        self.open = self.most_open = 0
        self._answer_s = answer_s

    async def ask(self, peer: PeerId):
        self.asked.append(peer)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await trio.sleep(limits.ASK_S if peer in SILENT else self._answer_s)
        finally:
            self.open -= 1
        if peer in SILENT:
            return ()
        return (None,) if peer in self.without else (b"it",)

    async def first(self, asking: Asking) -> float:
        """How long an answer takes."""
        began_s = trio.current_time()
        assert await asking.first(lambda: self.there, self.ask) == b"it"
        return trio.current_time() - began_s


async def test_silent_peers_are_asked_beside_one_another(autojump_clock):
    """Eight of them stood before each charter, manifest and module, for five seconds each."""
    for seed in range(10):
        peers = _Peers(*SILENT[:8], BEN)
        assert await peers.first(Asking(random.Random(seed))) < 2 * limits.ASK_SILENT_S + 1


async def test_crowd_of_silent_peers_takes_seconds(autojump_clock):
    """As many as one host may connect."""
    for seed in range(5):
        peers = _Peers(*SILENT, BEN)
        assert await peers.first(Asking(random.Random(seed))) < 20


async def test_who_helped_is_asked_first_and_who_was_silent_last(autojump_clock):
    """A bundle is several questions."""
    peers, asking = _Peers(*SILENT[:8], BEN), Asking(random.Random(1))
    await peers.first(asking)
    peers.asked.clear()
    assert await peers.first(asking) < 0.2
    assert peers.asked == [BEN]


async def test_silent_ones_come_after_those_not_known(autojump_clock):
    """They have had their turn."""
    asking = Asking(random.Random(1))
    peers = _Peers(*SILENT[:3])

    async def ben_comes() -> None:
        await trio.sleep(2 * limits.ASK_S)
        peers.there.append(BEN)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ben_comes)
        await peers.first(asking)
    assert asking.ordered([*SILENT[:3], BEN])[0] == BEN
    other = PeerId("other")
    assert asking.ordered([*SILENT[:3], other])[0] == other


async def test_who_comes_meanwhile_is_asked_too(autojump_clock):
    """The list was made before the first was asked."""
    peers = _Peers(*SILENT[:8])

    async def ben_comes() -> None:
        await trio.sleep(3)
        peers.there.append(BEN)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ben_comes)
        assert await peers.first(Asking(random.Random(1))) < 3 + limits.ASK_SILENT_S + 1


async def test_who_has_nothing_yet_is_asked_again(autojump_clock):
    """It may be joining itself; but not as fast as it answers."""
    peers = _Peers(BEN)
    peers.without = [BEN]

    async def ben_has_it() -> None:
        await trio.sleep(3)
        peers.without.clear()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ben_has_it)
        assert await peers.first(Asking(random.Random(1))) < 4
    assert len(peers.asked) < 3 / limits.ASK_REST_S + 2


async def test_not_all_are_asked_at_once(autojump_clock):
    """A module is a megabyte from each of them."""
    slow = [PeerId(f"s{number}") for number in range(64)]
    peers = _Peers(*slow, answer_s=1.9)
    await peers.first(Asking(random.Random(1)))
    assert peers.most_open <= limits.ASKED_AT_ONCE_MAX


async def test_one_that_helped_is_given_time(autojump_clock):
    """On a slow link every further one makes it slower."""
    asking = Asking(random.Random(1))
    asking.note(BEN, has_helped=True)
    peers = _Peers(BEN, *(PeerId(f"s{number}") for number in range(8)), answer_s=4)
    await peers.first(asking)
    assert peers.asked == [BEN]


async def test_memory_of_peers_is_bounded(autojump_clock, monkeypatch):
    """Names cost nothing."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 3)
    asking = Asking(random.Random(1))
    for peer in SILENT:
        asking.note(peer, has_helped=False)
    assert len(asking._helped) == 3


# -- admission -------------------------------------------------------------------------------


class _Members:
    """Links to peers of whom some are silent, some lie, and ben admits."""

    def __init__(self, there: list[PeerId], driver: SimpleNamespace, *, lie: bool = False) -> None:
        self.asking = Asking(random.Random(1))
        self.asked: list[PeerId] = []
        self._there, self._driver, self._lie = there, driver, lie

    def sharing(self, context: ContextId):
        del context
        return tuple(self._there)

    async def ask_admission(self, peer: PeerId, event: object, context: ContextId) -> str:
        del event, context
        self.asked.append(peer)
        if peer in SILENT:
            await trio.sleep(0.1 if self._lie else limits.JOIN_ASK_S)
            return "" if self._lie else "no answer"
        await trio.sleep(0.2)
        self._driver.replica.is_admitted = True
        self._driver.standing.note(is_admitted=True, is_removed=False)
        return ""


async def _seek(there: list[PeerId], *, lie: bool = False, helped: bool = False) -> float:
    """How long an admission takes."""
    founding, who = found(identity("ann")), identity("ben")
    replica = SimpleNamespace(context=founding.context, is_admitted=False, is_removed=False)
    driver = SimpleNamespace(replica=replica, standing=Standing())
    links = _Members(there, driver, lie=lie)
    if helped:
        links.asking.note(BEN, has_helped=True)
    began_s = trio.current_time()
    await seek_admission(driver, links, who.signer, who.certificate, None)
    return trio.current_time() - began_s


async def test_silent_members_do_not_hold_up_an_admission(autojump_clock):
    """One after the other they took five seconds each."""
    assert await _seek([*SILENT[:16], BEN]) <= 17 * limits.JOIN_NEXT_S + 1


async def test_who_brought_the_charter_is_asked_to_admit_first(autojump_clock):
    """It is no invention of a crowd's."""
    assert await _seek([*SILENT, BEN], helped=True) < 1


async def test_lies_of_admission_cost_less_and_less(autojump_clock):
    """What is promised may take its time to come, but not from each of a crowd."""
    believed_s = limits.JOIN_PROMISES_MAX * limits.JOIN_ASK_S
    assert await _seek([*SILENT[:16], BEN], lie=True) <= believed_s + 17 * limits.JOIN_NEXT_S + 2


async def test_one_member_alone_is_asked_once(autojump_clock):
    """No second admission of the same device."""
    assert await _seek([BEN]) < 1
