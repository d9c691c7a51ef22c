"""Status is honest: nothing is claimed that no peer said lately."""

from __future__ import annotations

import pytest

from covey.codec import Head
from covey.model import DeltaId, DeviceId, PeerId, Put, Tip, limits
from covey.sync import (
    ANNOUNCE,
    Broadcast,
    Claim,
    Claims,
    FrameReceived,
    PeerCompared,
    PeerLeft,
    Standing,
    TimerFired,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN)


def compared(stage: Stage, *, frontier: bytes = b"", state: bytes = b"", missing: int = 0):
    """What a peer says on its stream: equal unless told otherwise."""
    ledger = stage.replica.ledger
    return PeerCompared(
        PEER, frontier or ledger.frontier_digest(), state or ledger.digest(), missing
    )


def test_nobody_said_anything_so_nothing_is_claimed():
    """A node alone is in sync with nobody."""
    stage = Stage(FOUNDING, ANN)
    assert stage.replica.standing(stage.now) == Standing((), (), 0, stage.now)


def test_equal_frontier_and_state_is_in_sync_as_of_when_it_was_said():
    """`as_of_s` is the oldest word that the claim rests on."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage))
    assert stage.replica.standing(stage.now + 3) == Standing((PEER,), (), 0, stage.now)


def test_equal_frontier_and_other_state_is_diverged_never_in_sync():
    """The one thing that must never happen is said aloud if it does."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage, state=bytes(32)))
    standing = stage.replica.standing(stage.now)
    assert (standing.in_sync_with, standing.diverged) == ((), (PEER,))


def test_other_frontier_and_equal_state_is_not_in_sync():
    """Equal entries may rest on different deltas."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage, frontier=bytes(32)))
    standing = stage.replica.standing(stage.now)
    assert (standing.in_sync_with, standing.diverged) == ((), ())


def test_word_of_a_peer_expires():
    """A peer silent for longer than the limit is not claimed to be in sync."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage))
    last = stage.now + limits.ANNOUNCEMENT_TTL_S
    assert stage.replica.standing(last).in_sync_with == (PEER,)
    assert stage.replica.standing(last + 0.1).in_sync_with == ()


def test_own_change_ends_being_in_sync_until_the_peer_says_so_again():
    """What a peer said of the state before says nothing of the state now."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage))
    stage.write((Put("notes", b"k", b"v"),))
    assert stage.replica.standing(stage.now).in_sync_with == ()


def test_peer_that_left_is_forgotten():
    """Its word is no longer current."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage))
    stage.handle(PeerLeft(PEER))
    assert stage.replica.standing(stage.now).in_sync_with == ()


def test_behind_counts_what_frontiers_show():
    """Deltas known to be missing are counted, never guessed away."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage, frontier=bytes(32), missing=7))
    assert stage.replica.standing(stage.now).behind == 7


def test_behind_counts_the_gap_to_an_announced_head():
    """The sequence of a head tells how many deltas of its device are missing at least."""
    stage, claims = Stage(FOUNDING, ANN), Claims()
    history = History(FOUNDING)
    first = history.write(BEN, (), [Put("notes", b"k", b"v")])
    stage.receive(first)
    heads = (Head(BEN.device, Tip(5, DeltaId(bytes(32)))),)
    claims.record(PEER, claim(heads, stage.now))
    claims.record(PeerId("other"), claim(heads, stage.now))  # the same five, not ten
    assert claims.standing(stage.replica.ledger, 0, stage.now).behind == 4


def test_behind_counts_a_fork_at_a_known_sequence():
    """A head that is not here is at least one delta, whatever its sequence."""
    stage, claims = Stage(FOUNDING, ANN), Claims()
    stage.receive(History(FOUNDING).write(BEN, (), [Put("notes", b"k", b"v")]))
    claims.record(PEER, claim((Head(BEN.device, Tip(1, DeltaId(bytes(32)))),), stage.now))
    assert claims.standing(stage.replica.ledger, 0, stage.now).behind == 1


def test_what_waits_is_behind():
    """A delta whose parents are missing is not applied, so it is missing too."""
    history = History(FOUNDING)
    first = history.write(BEN, (), [Put("notes", b"k", b"v")])
    second = history.write(BEN, (first.id,), [Put("notes", b"k", b"v")])
    stage = Stage(FOUNDING, ANN)
    stage.receive(second)
    assert stage.replica.standing(stage.now).behind >= 1


def test_claims_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """A crowd of peers grows no memory; the oldest word is forgotten."""
    monkeypatch.setattr(limits, "ANNOUNCEMENT_PEERS_MAX", 3)
    stage, claims = Stage(FOUNDING, ANN), Claims()
    ledger = stage.replica.ledger
    for n in range(10):
        claims.record(PeerId(f"peer {n}"), claim((), 0.0, ledger))
    assert claims.standing(ledger, 0, 0.0).in_sync_with == ("peer 7", "peer 8", "peer 9")


def test_lie_about_what_is_missing_stays_a_number_that_can_be_told():
    """A peer may claim 2^63 deltas of each of a thousand devices."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(compared(stage, frontier=bytes(32), missing=2**70))
    assert stage.replica.standing(stage.now).behind == limits.SEQUENCE_MAX


def announced(by: Stage, peer: str, to: Stage) -> None:
    """A member announces what it holds in a peer's name."""
    by.replica._gossip._peer = PeerId(peer)
    by.now += 1
    frame = next(e.envelope for e in by.handle(TimerFired(ANNOUNCE)) if isinstance(e, Broadcast))
    to.handle(FrameReceived(frame, PEER))


def test_member_speaks_neither_for_a_proved_peer_nor_for_this_node():
    """Otherwise any member could say of anybody that it is in sync, or that it diverged."""
    ann, ben = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    ann.handle(PeerCompared(PeerId("eve's"), bytes(32), bytes(32), 0, DeviceId(bytes(32))))
    announced(ben, "eve's", ann)
    announced(ben, "peer of ann", ann)
    assert ann.replica.standing(ann.now).in_sync_with == ()
    announced(ben, "peer of ben", ann)
    assert ann.replica.standing(ann.now).in_sync_with == ("peer of ben",)
    ann.handle(PeerLeft(PeerId("eve's")))
    announced(ben, "eve's", ann)  # Nobody known to be it is connected: hearsay, as before.
    assert "eve's" in ann.replica.standing(ann.now).in_sync_with


@pytest.mark.parametrize("peer", ["", "\x1b[2J", "a\nb", "\x9b2J", "pe\u202eer"])
def test_announced_peer_that_could_command_a_terminal_is_rejected(peer: str):
    """The status shows it."""
    ann, ben = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    announced(ben, peer, ann)
    assert ann.replica.standing(ann.now).in_sync_with == ()


def claim(heads: tuple[Head, ...], at_s: float, ledger=None) -> Claim:
    """A peer's word; with a ledger, that it holds the same."""
    return Claim(
        frontier_digest=bytes(32) if ledger is None else ledger.frontier_digest(),
        state_digest=bytes(32) if ledger is None else ledger.digest(),
        heads=heads,
        missing=0,
        at_s=at_s,
    )
