"""Whom to ask for what is missing: one peer, then several that share it, none that is silent."""

from __future__ import annotations

import pytest

from covey.model import DeltaId, Digest, PeerId, limits
from covey.sync import Share, Sources, Use

__all__: list[str] = []

A, B, C = PeerId("a"), PeerId("b"), PeerId("c")
MINE, ONE, TWO = (Digest(bytes([n]) * 32) for n in range(3))
ALL = Share(0, 1)


def _many(sources: Sources, peer: PeerId, now: float) -> None:
    _brings(sources, peer, now, limits.SYNC_SHARE_AFTER_DELTAS)


def _brings(
    sources: Sources, peer: PeerId, now: float, count: int = 1, use: Use = Use.APPLIED
) -> None:
    for _ in range(count):
        sources.delivered(peer)
        sources.consumed(peer, use, 300, now)


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


def _two() -> Sources:
    """A is asked, and B holds something else too."""
    sources = Sources()
    sources.differs(A, MINE, ONE, 0.0)
    sources.differs(B, MINE, ONE, 0.0)
    assert sources.due() == ((A, ALL),)
    return sources


@pytest.mark.parametrize("use", [Use.APPLIED, Use.WAITS])
def test_news_is_a_sign_of_life(use: Use) -> None:
    """What waits for others' shares is no less news than what is applied."""
    sources = _two()

    _brings(sources, A, limits.SYNC_SOURCE_SILENT_S - 0.1, use=use)
    sources.tick(limits.SYNC_SOURCE_SILENT_S)

    assert sources.due() == ()


def test_what_is_still_being_dealt_with_is_no_silence() -> None:
    """Until it is the peer may have no credit for more."""
    sources = _two()

    sources.delivered(A)
    sources.tick(limits.SYNC_SOURCE_SILENT_S)

    assert sources.due() == ()


def test_what_is_good_for_nothing_is_no_sign_of_life() -> None:
    """A stranger signed a delta a second that nobody can apply, and nobody else was asked."""
    sources = _two()

    for second in range(int(limits.SYNC_SOURCE_SILENT_S) + 1):
        _brings(sources, A, float(second), use=Use.NONE)
        sources.tick(float(second))

    assert sources.due() == ((B, ALL),)


def test_what_waits_for_ever_is_progress_for_a_while() -> None:
    """A member may invent what its deltas follow, as often as it likes."""
    sources, now = _two(), 0.0
    while not (due := sources.due()):
        now += 1
        _brings(sources, A, now, use=Use.WAITS)
        sources.tick(now)

    assert due == ((B, ALL),)
    assert now <= limits.SYNC_FRUITLESS_S


def test_trickle_of_good_deltas_is_no_progress() -> None:
    """Whoever keeps back what is missing may write something of its own now and then."""
    sources, now = _two(), 0.0
    while not (due := sources.due()):
        now += 1
        _brings(sources, A, now)
        sources.tick(now)

    assert due == ((B, ALL),)
    assert now <= limits.SYNC_FRUITLESS_S


def test_few_large_deltas_are_progress() -> None:
    """A slow link brings them one by one."""
    sources = _two()
    for second in range(1, 9):
        sources.delivered(A)
        sources.consumed(A, Use.APPLIED, 100_000, float(second))
        sources.tick(float(second))

    assert sources.due() == ()


def test_node_that_is_busy_itself_blames_nobody() -> None:
    """A slow disk holds up what honest peers sent."""
    sources = _two()
    for _ in range(10):
        sources.delivered(A)
    sources.tick(limits.SYNC_FRUITLESS_S + 1)

    assert sources.due() == ()


def test_slow_one_is_joined_by_others_after_a_while() -> None:
    """It may bring just enough of its own to keep its place for ever."""
    sources, now = _two(), 0.0
    while not (due := sources.due()):
        now += 1
        _brings(sources, A, now, limits.SYNC_WORTH_MIN)
        sources.tick(now)

    assert B in dict(due)
    assert now <= limits.SYNC_SHARE_AFTER_S


def test_more_are_asked_for_the_whole_the_longer_nothing_comes() -> None:
    """A crowd that claims to hold something would be asked one by one."""
    sources = Sources()
    crowd = [PeerId(f"p{number}") for number in range(40)]
    for peer in crowd:
        sources.differs(peer, MINE, ONE, 0.0)
    asked: list[tuple[PeerId, Share]] = list(sources.due())
    now = 0.0
    while len({peer for peer, _ in asked}) < len(crowd):
        now += 1
        sources.tick(now)
        due = sources.due()
        assert len(due) <= limits.SYNC_SOURCES_MAX
        asked += due

    assert {share for _, share in asked} == {ALL}
    assert now <= 10 * limits.SYNC_SOURCE_SILENT_S


def test_share_that_lags_behind_holds_nobody_up() -> None:
    """Its deltas are what all others wait for."""
    sources = Sources()
    for peer in (A, B, C):
        sources.differs(peer, MINE, ONE, 0.0)
    sources.due()
    _many(sources, A, 0.5)
    assert sources.due() == ((A, Share(0, 3)), (B, Share(1, 3)), (C, Share(2, 3)))
    for peer in (B, C):
        _brings(sources, peer, 1.0, 200)
        sources.finished(peer, MINE, TWO, 1.0)

    now = 1.0
    while not (due := sources.due()):
        now += 0.5
        _brings(sources, A, now, 4)
        sources.tick(now)

    assert now <= 1.0 + limits.SYNC_SOURCE_SILENT_S
    assert due[0][0] in (B, C)


def test_nothing_is_shared_for_a_while_after_it_failed() -> None:
    """Those that keep their share back would have it again at once."""
    sources, now = _two(), 0.5
    _many(sources, A, now)
    assert len(sources.due()) == 2
    _brings(sources, A, now, 200)
    sources.finished(A, MINE, TWO, now)

    sources.tick(now := now + limits.SYNC_SOURCE_SILENT_S)
    assert sources.due() == ((A, ALL),)
    sources.differs(C, MINE, ONE, now)
    _many(sources, A, now)
    assert sources.due() == (), "B kept its share back; C is not tried now"
    sources.tick(now := now + limits.SYNC_SOURCE_AGAIN_S)
    _many(sources, A, now)
    assert len(sources.due()) > 1


def test_who_is_passed_over_again_waits_longer() -> None:
    """Each time costs some seconds."""
    sources, now = Sources(), 0.0
    waits = []
    sources.differs(A, MINE, ONE, now)
    sources.due()
    for _ in range(8):
        sources.differs(B, MINE, ONE, now)
        sources.tick(now := now + limits.SYNC_SOURCE_ALONE_S)
        waits.append(sources._passed_over[A][1])
        sources.left(B, now)
        assert (A, ALL) in sources.due()

    assert waits[:3] == [30.0, 60.0, 120.0]
    assert waits[-1] == limits.SYNC_SOURCE_AGAIN_S_MAX


def test_shares_are_divided_again_when_one_has_finished() -> None:
    """There are as many as before, and one of them has nothing to do."""
    sources = _two()
    _many(sources, A, 0.5)
    assert len(sources.due()) == 2
    sources.finished(B, MINE, TWO, 0.6)
    sources.differs(C, MINE, ONE, 0.7)

    _many(sources, A, 0.8)

    assert sources.due() == ((A, Share(0, 2)), (C, Share(1, 2)))


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

    assert sources.due()[0] == (A, ALL)
