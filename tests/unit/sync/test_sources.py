"""Whom to ask for what is missing: one peer, then several that share it, none that is silent."""

from __future__ import annotations

import pytest

from covey.model import DeltaId, Digest, PeerId, limits
from covey.sync import Share, Sources

__all__: list[str] = []

A, B, C = PeerId("a"), PeerId("b"), PeerId("c")
MINE, ONE, TWO = (Digest(bytes([n]) * 32) for n in range(3))
ALL = Share(0, 1)


def _many(sources: Sources, peer: PeerId, now: float) -> None:
    for _ in range(limits.SYNC_SHARE_AFTER_DELTAS):
        sources.delivered(peer, now)


def test_one_is_asked_at_first() -> None:
    """A second peer that differs too would send the same deltas again."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, ONE, 0.0)

    assert sources.due() == ((A, ALL),)
    assert sources.due() == ()


def test_the_next_is_asked_when_the_first_has_sent_what_it_had() -> None:
    """Somebody else may hold something else."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, TWO, 0.0)
    sources.due()

    sources.agrees(A, 0.1)

    assert sources.due() == ((B, ALL),)


def test_who_has_nothing_more_is_not_asked_again_at_once() -> None:
    """It differs because it lacks something itself: that is its own business."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.due()

    sources.finished(A, MINE, ONE, 0.1)
    assert sources.due() == ()

    sources.finished(A, MINE, TWO, 0.2)
    assert sources.due() == ((A, ALL),), "it has something new since"


def test_who_has_nothing_more_is_asked_again_later() -> None:
    """What it sent may have been dropped here."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.due()
    sources.finished(A, MINE, ONE, 0.1)

    sources.finished(A, MINE, ONE, 0.1 + limits.ASK_AGAIN_S)

    assert sources.due() == ((A, ALL),)


def test_a_frontier_told_meanwhile_is_no_end() -> None:
    """A peer that asks for what it lacks itself goes on sending what it was asked for."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, ONE, 0.0)
    sources.due()

    sources.differs(A, MINE, ONE, 0.1)

    assert sources.due() == ()


def test_much_is_shared_by_all_that_differ() -> None:
    """After many deltas of one peer the others take their part."""
    sources = Sources()
    for peer in (A, B, C):
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()

    _many(sources, A, 0.5)

    assert sources.due() == ((A, Share(0, 3)), (B, Share(1, 3)), (C, Share(2, 3)))


def test_shares_are_the_whole_and_apart() -> None:
    """Each delta belongs to exactly one share."""
    for number in range(100):
        delta = DeltaId(number.to_bytes(8, "big") + bytes(24))
        assert sum(Share(index, 3).holds(delta) for index in range(3)) == 1
        assert ALL.holds(delta)


def test_a_round_ends_when_all_have_sent_their_share() -> None:
    """Then one is asked again, for the whole."""
    sources = Sources()
    for peer in (A, B):
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()
    _many(sources, A, 0.5)
    sources.due()

    sources.finished(A, TWO, ONE, 1.0)
    assert sources.due() == ()
    sources.finished(B, TWO, ONE, 1.1)
    assert sources.due() == (), "both have just said that there is no more"
    sources.finished(B, TWO, MINE, 1.2)
    assert sources.due() == ((B, ALL),)


def test_who_falls_silent_is_passed_over() -> None:
    """A peer that promises and does not send holds nothing up."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, ONE, 0.0)
    sources.due()

    sources.tick(limits.SYNC_SOURCE_SILENT_S - 0.1)
    assert sources.due() == ()
    sources.tick(limits.SYNC_SOURCE_SILENT_S)

    assert sources.due() == ((B, ALL),)


def test_the_only_one_is_asked_again_however_slow() -> None:
    """Nobody is passed over where there is nobody else."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.due()

    sources.tick(10.0)

    assert sources.due() == ((A, ALL),)


@pytest.mark.parametrize("sign", ["delivered", "consumed"])
def test_news_is_a_sign_of_life(sign: str) -> None:
    """Also that something sent before is dealt with only now: until then there was no credit."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, ONE, 0.0)
    sources.due()

    getattr(sources, sign)(A, limits.SYNC_SOURCE_SILENT_S - 0.1)
    sources.tick(limits.SYNC_SOURCE_SILENT_S)

    assert sources.due() == ()


def test_the_share_of_who_leaves_goes_to_another() -> None:
    """What a peer was to send when its stream broke is still missing."""
    sources = Sources()
    for peer in (A, B):
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()
    _many(sources, A, 0.5)
    sources.due()

    sources.left(A, 1.0)

    assert sources.due() == ((B, ALL),)


def test_who_left_is_forgotten() -> None:
    """Tables do not grow with the peers that ever were."""
    sources = Sources()
    for number in range(50):
        peer = PeerId(f"p{number}")
        sources.differs(peer, MINE, ONE, 0.0)
        sources.tick(10.0 * number)
        sources.left(peer, 0.0)

    tables = (sources._differing, sources._chosen, sources._finished, sources._passed_over)
    assert [len(table) for table in (*tables, sources._due)] == [0] * 5


def test_no_more_than_some_share() -> None:
    """Each of them costs a stream of its own."""
    sources = Sources()
    peers = [PeerId(f"p{number}") for number in range(limits.SYNC_SOURCES_MAX + 3)]
    for peer in peers:
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()

    _many(sources, peers[0], 0.5)

    due = sources.due()
    assert [share for _, share in due] == [
        Share(index, limits.SYNC_SOURCES_MAX) for index in range(limits.SYNC_SOURCES_MAX)
    ]


def test_who_was_passed_over_is_asked_again_after_a_while() -> None:
    """A peer may have been busy; for a while others are asked before it."""
    sources = Sources()
    for peer in (A, B, C):
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()
    silent_s = limits.SYNC_SOURCE_SILENT_S
    sources.tick(silent_s)
    assert sources.due() == ((B, ALL),)
    sources.finished(B, MINE, TWO, silent_s + 1)
    assert sources.due() == ((C, ALL),)

    sources.finished(C, MINE, TWO, silent_s + 1 + limits.ASK_AGAIN_S)
    assert sources.due() == ((B, ALL),), "A has waited longest, and is passed over"
    sources.tick(silent_s + limits.SYNC_SOURCE_AGAIN_S)

    assert sources.due() == ((A, ALL),)
