"""What a frame on the topic is worth: Accept, Reject or Ignore, and what becomes of it."""

from __future__ import annotations

import random

import pytest

from covey.codec import pack, pack_gossip, topic_key
from covey.crypto import seal_envelope
from covey.model import Delta, PeerId, Put, Verdict, limits
from covey.sync import (
    ANNOUNCE,
    Applied,
    Ask,
    Broadcast,
    FrameReceived,
    Misbehaved,
    TimerFired,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, play

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context
_rng = random.Random(1)


def envelope(kind: int, body: bytes, context=CONTEXT) -> bytes:
    """A frame as a peer that knows the context id would seal it."""
    return sealed(pack_gossip(kind, body), context)


def sealed(frame: bytes, context=CONTEXT) -> bytes:
    """As `envelope`, of any bytes."""
    return seal_envelope(topic_key(context), _rng.randbytes(24), frame)


def frame_of(delta: Delta, signature: bytes | None = None) -> bytes:
    """The wire form of a delta, perhaps with another signature."""
    return pack((1, delta.header, signature or delta.signature, delta.sealed))


def honest() -> Delta:
    """A delta that anyone may apply at once."""
    return History(FOUNDING).write(BEN, (), [Put("notes", b"k", b"v")])


def announcement(stage: Stage) -> bytes:
    """What the node of a stage announces when its timer fires."""
    effects = stage.handle(TimerFired(ANNOUNCE))
    return next(effect.envelope for effect in effects if isinstance(effect, Broadcast))


def test_delta_is_accepted_applied_and_ignored_the_second_time():
    """The topic repeats; nobody is blamed for it."""
    stage, frame = Stage(FOUNDING, ANN), envelope(1, honest().frame)
    assert stage.replica.verdict(frame, stage.now)[0] is Verdict.ACCEPT
    assert stage.replica.verdict(frame, stage.now)[0] is Verdict.IGNORE
    other = Stage(FOUNDING, ANN)
    assert (
        play(other)
        >> FrameReceived(frame, PEER) << Applied << None
        >> FrameReceived(frame, PEER) << None
        >> FrameReceived(envelope(1, honest().frame), PEER) << None  # sealed anew: known
    )  # fmt: skip


def test_wrong_signature_is_rejected_and_the_true_delta_is_still_accepted():
    """The id does not cover the signature: a forged frame must not poison the true one."""
    delta = honest()
    forged = envelope(1, frame_of(delta, bytes(64)))
    assert (
        play(Stage(FOUNDING, ANN))
        >> FrameReceived(forged, PEER) << Misbehaved(PEER, "bad-signature")
        >> FrameReceived(forged, PEER) << None
        >> FrameReceived(envelope(1, delta.frame), PEER) << Applied
    )  # fmt: skip


def test_signature_for_another_context_is_rejected():
    """The context is in every signature though it is never sent."""
    other = found(ANN, BEN, EVE)
    delta = History(other).write(BEN, (), [Put("notes", b"k", b"v")])
    assert (
        play(Stage(FOUNDING, ANN))
        >> FrameReceived(envelope(1, delta.frame), PEER) << Misbehaved(PEER, "bad-signature")
    )  # fmt: skip


REJECTED = {
    "another context's envelope": (
        envelope(1, honest().frame, found(ANN).context), "bad-envelope"
    ),
    "nothing": (b"", "truncated"),
    "garbage": (b"\x01" + bytes(100), "bad-envelope"),
    "less than a tag": (b"\x01" + bytes(24 + 15), "truncated"),
    "short": (b"\x01" + bytes(10), "truncated"),
    "oversized": (bytes(limits.GOSSIP_FRAME_BYTES_MAX + 1), "oversized"),
    "no array": (sealed(b"\x01"), "wrong-shape"),
    "kind is no number": (
        sealed(pack(("delta", b""))), "wrong-shape"
    ),
    "body is no bytes": (
        sealed(pack((1, 1))), "wrong-shape"
    ),
    "delta that is not compressed": (sealed(pack((1, honest().frame))), "malformed"),
    "delta that opens to too much": (
        envelope(1, bytes(limits.GOSSIP_FRAME_BYTES_MAX + 1)), "oversized"
    ),
    "delta of no form": (envelope(1, b"\x90"), "wrong-shape"),
    "payload of another delta": (
        envelope(1, pack((1, honest().header, honest().signature, b"\x93\x90\x90\x90"))),
        "wrong-payload",
    ),
    "announcement of no form": (envelope(2, b"\xc1"), "malformed"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "code"), REJECTED.values(), ids=REJECTED.keys())
def test_what_anyone_can_see_to_be_wrong_is_rejected(frame: bytes, code: str):
    """It costs the peer that sent it, never the node."""
    stage = Stage(FOUNDING, ANN)
    assert play(stage) >> FrameReceived(frame, PEER) << Misbehaved(PEER, code)
    assert not stage.replica.is_upgrade_needed


NEWER = {
    "envelope": b"\x02" + bytes(100),
    "kind of gossip": envelope(9, b""),
    "delta": envelope(1, pack((2, b"", b"", b""))),
    "header": envelope(1, pack((1, pack((2, 0)), bytes(64), b""))),
    "announcement": envelope(2, pack((pack((2,)), bytes(64)))),
}


@pytest.mark.parametrize("frame", NEWER.values(), ids=NEWER.keys())
def test_unknown_version_is_ignored_and_says_that_an_upgrade_is_needed(frame: bytes):
    """A newer node is not punished by older ones."""
    stage = Stage(FOUNDING, ANN)
    assert stage.replica.verdict(frame, stage.now)[0] is Verdict.IGNORE
    assert stage.replica.is_upgrade_needed


def test_inadmissible_delta_is_ignored():
    """Who forwards it cannot know, so it is its author who loses, not the peer."""
    stranger = History(FOUNDING).write(EVE, (), [Put("notes", b"k", b"v")])
    stage = Stage(FOUNDING, ANN)
    assert stage.replica.verdict(envelope(1, stranger.frame), stage.now)[0] is Verdict.IGNORE
    assert play(stage) >> FrameReceived(envelope(1, stranger.frame), PEER) << None


def test_delta_with_missing_parents_is_ignored_kept_and_asked_for():
    """Gossip is a hint: what it lacks is fetched."""
    history = History(FOUNDING)
    first = history.write(BEN, (), [Put("notes", b"k", b"1")])
    second = history.write(BEN, (first.id,), [Put("notes", b"k", b"2")])
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> FrameReceived(envelope(1, second.frame), PEER) << Ask(PEER, (first.id,))
        >> FrameReceived(envelope(1, first.frame), PEER) << Applied << Applied
    )  # fmt: skip


def test_announcement_of_unknown_heads_is_asked_for():
    """Announcements find what gossip lost."""
    ben, delta = Stage(FOUNDING, BEN), honest()
    ben.receive(delta)
    frame = announcement(ben)
    peer = PeerId("peer of ben")
    assert play(Stage(FOUNDING, ANN)) >> FrameReceived(frame, PEER) << Ask(peer, (delta.id,))


def test_announcement_of_an_equal_node_makes_it_in_sync():
    """Equal frontiers and equal digests, as of when it was said."""
    ann, ben = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    ann.handle(FrameReceived(announcement(ben), PEER))
    standing = ann.replica.standing(ann.now)
    assert (standing.in_sync_with, standing.behind) == (("peer of ben",), 0)


def test_older_announcement_is_no_news():
    """Nobody can hold a node back by repeating what it once said."""
    ben, ann = Stage(FOUNDING, BEN), Stage(FOUNDING, ANN)
    old = announcement(ben)
    new = announcement(ben)
    assert ann.replica.verdict(new, ann.now)[0] is Verdict.ACCEPT
    assert ann.replica.verdict(old, ann.now)[0] is Verdict.IGNORE


@pytest.mark.parametrize(
    ("late_s", "verdict"),
    [
        (limits.ANNOUNCEMENT_TTL_S + 29, Verdict.ACCEPT),
        (limits.ANNOUNCEMENT_TTL_S + 31, Verdict.IGNORE),
        (-29, Verdict.ACCEPT),
        (-31, Verdict.IGNORE),
    ],
)
def test_announcement_of_another_time_is_played_back(late_s: float, verdict: Verdict):
    """A node that was restarted remembers none: it would be in sync with who left long ago."""
    ann, ben = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    frame = announcement(ben)
    ann.now += late_s
    assert ann.replica.verdict(frame, ann.now)[0] is verdict


def test_announcement_that_was_kept_back_is_as_old_as_it_says():
    """It says what was held then, whenever it comes."""
    ann, ben = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    said_s, frame = ben.now, announcement(ben)
    ann.now += 20
    ann.handle(FrameReceived(frame, PEER))
    standing = ann.replica.standing(ann.now)
    assert (standing.in_sync_with, standing.as_of_s) == (("peer of ben",), said_s)
    assert ann.replica.standing(said_s + limits.ANNOUNCEMENT_TTL_S + 1).in_sync_with == ()


def test_announcement_of_a_stranger_is_ignored():
    """Whoever is no member has no word about the state."""
    frame = Stage(found(ANN, BEN, EVE), EVE)  # another context, whose founder eve is
    stranger = Stage(FOUNDING, EVE)
    assert not stranger.replica.is_admitted
    effects = stranger.handle(TimerFired(ANNOUNCE))
    assert not [effect for effect in effects if isinstance(effect, Broadcast)]
    spoken = frame.replica._gossip  # its words, sealed for this context
    spoken._context, spoken._key = CONTEXT, topic_key(CONTEXT)
    ann = Stage(FOUNDING, ANN)
    words = spoken.announcement_envelope(frame.replica.ledger, int(ann.now * 1000))
    assert ann.replica.verdict(words, ann.now)[0] is Verdict.IGNORE
    assert ann.replica.standing(ann.now).in_sync_with == ()


def test_delta_beyond_a_gossip_frame_goes_by_stream_alone():
    """The announcement that follows tells of it."""
    stage = Stage(FOUNDING, ANN)
    big = Put("notes", b"k", bytes(limits.GOSSIP_FRAME_BYTES_MAX))
    effects = stage.write((big,))
    assert not [effect for effect in effects if isinstance(effect, Broadcast)]
    assert [effect for effect in effects if isinstance(effect, Applied)]


def test_remembered_frames_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """A flood of frames grows no memory."""
    monkeypatch.setattr(limits, "FRAMES_REMEMBERED_MAX", 4)
    stage = Stage(FOUNDING, ANN)
    for n in range(20):
        stage.replica.verdict(b"\x02" + bytes([n]), stage.now)
    assert len(stage.replica._gossip._seen) == 4


def test_constant_change_does_not_put_announcements_off_for_ever():
    """Peers believe a silent node to be gone: it announces about once a second under load."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    after, due, announced = (), None, 0
    for _ in range(100):
        stage.now += 0.1
        if due is not None and stage.now >= due:
            effects = stage.handle(TimerFired(ANNOUNCE))
            announced += any(isinstance(effect, Broadcast) for effect in effects)
            due = stage.now + effects[0].after_s
        delta = history.write(BEN, after, [Put("notes", b"k", b"v")])
        after = (delta.id,)
        for effect in stage.receive(delta):
            if not isinstance(effect, Applied):
                due = stage.now + effect.after_s
    assert 8 <= announced <= 11
