"""What a peer that breaks the protocol gets: an end, a code, and nothing else."""

from __future__ import annotations

import pytest

from covey.codec import (
    WHOLE_RANGE,
    AdmitAnswer,
    Blob,
    CharterTold,
    Credit,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    Hello,
    Know,
    Listing,
    ListingFrame,
    Parts,
    PartsFrame,
    cid_of,
    decode_delta,
    encode_frame,
    pack,
    pack_batch,
    topic_hash,
)
from covey.model import (
    DeltaId,
    Digest,
    Put,
    Tip,
    limits,
)
from covey.sync import (
    AskBlob,
    AskCharter,
    AskDeltas,
    BlobTold,
    CharterAnswered,
    Close,
    Compared,
    FrameArrived,
)
from covey.testkit.playbook import Stage
from tests.unit.sync.session.conversation import (
    ALICE,
    BOB,
    delivered,
    sides,
    talk,
    tick,
    write,
)

__all__: list[str] = []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (encode_frame(Hello(1, bytes(32))), "wrong-phase"),
        (encode_frame(Know(1, bytes(32))), "wrong-phase"),
        (encode_frame(Credit(1, limits.SYNC_CREDIT_BYTES)), "wrong-credit"),
        (encode_frame(DeltasFrame(1, pack_batch((b"\x90",)))), "wrong-shape"),
        (encode_frame(Blob(1, cid_of(b"x"), b"x")), "unasked"),
        (encode_frame(AdmitAnswer(1, "")), "unasked"),
        (encode_frame(CharterTold(bytes(32), None)), "unasked"),
        (b"\x91\xcc\x01", "non-canonical"),
        (b"\xc1", "malformed"),
        (b"", "malformed"),
        (b"\x92\x63\x01", "unknown-version"),
    ],
)
def test_a_misbehaving_peer_ends_its_stream(frame: bytes, code: str) -> None:
    """Each costs that peer its stream, with a code that says why."""
    one, two = sides()
    talk(one, two)

    one.tell(FrameArrived(frame))

    assert one.heard(Close) == [Close(code)]


def test_a_frame_before_the_greeting_ends_the_stream() -> None:
    """Nothing is answered before nonces are exchanged."""
    one, _ = sides()

    one.tell(FrameArrived(encode_frame(Know(1, bytes(32)))))

    assert one.heard(Close) == [Close("wrong-phase")]


def test_a_reflected_nonce_ends_the_stream() -> None:
    """Else our own proofs could be played back to us."""
    one, _ = sides()
    hello = one.out[0]

    one.tell(FrameArrived(hello))

    assert one.heard(Close) == [Close("reflected")]


def test_another_version_ends_the_stream_without_blame() -> None:
    """A newer peer is not a bad one."""
    one, _ = sides()

    one.tell(FrameArrived(encode_frame(Hello(2, bytes(32)))))

    assert one.heard(Close) == [Close("")]


def test_too_many_channels_end_the_stream() -> None:
    """Proofs for contexts that are not held here are kept, but not without end."""
    one, two = sides(stranger=True)
    talk(one, two)

    for number in range(limits.SYNC_CONTEXTS_MAX + 1):
        one.tell(FrameArrived(encode_frame(Know(number, number.to_bytes(32, "big")))))

    assert one.heard(Close) == [Close("flood")]


def test_a_delta_with_a_wrong_signature_ends_the_stream() -> None:
    """Whoever streams a delta has checked it: a forged one is the streamer's fault."""
    one, two = sides()
    talk(one, two)
    write(one, 1)
    assert one.stage is not None
    frame = one.stage.replica.ledger.frame(next(iter(one.stage.replica.ledger.heads)))
    assert frame is not None
    signature = decode_delta(one.founding.context, frame).signature
    forged = frame.replace(signature, bytes(64))

    two.tell(FrameArrived(encode_frame(DeltasFrame(1, pack_batch((forged,))))))

    assert two.heard(Close) == [Close("bad-signature")]
    assert two.stage is not None
    assert two.stage.replica.ledger.count == 0


def test_requests_beyond_the_rate_get_nothing() -> None:
    """A peer that asks without end gets empty answers, at no cost in reads."""
    one, two = sides(joining=True)
    one.blobs[cid_of(b"x")] = b"x"
    talk(one, two)

    for _ in range(limits.SYNC_REQUESTS_PER_S_MAX + 10):
        two.tell(AskBlob(two.founding.context, cid_of(b"x")))
        talk(one, two)

    told = [e.content for e in two.said if isinstance(e, BlobTold)]
    assert told.count(b"x") == limits.SYNC_REQUESTS_PER_S_MAX
    assert told[-1] is None


def test_delta_that_cannot_be_applied_is_checked_once() -> None:
    """Sent again and again it counts as known, unless this node asked for it again."""
    one, two = sides()
    talk(one, two)
    elsewhere = Stage(one.founding, ALICE)
    for number in range(2):
        elsewhere.write((Put("notes", b"k", b"%d" % number),))
    (head,) = elsewhere.replica.ledger.heads
    second = elsewhere.replica.ledger.frame(head)
    assert second is not None
    batch = encode_frame(DeltasFrame(1, pack_batch((second,) * limits.SYNC_BATCH_DELTAS_MAX)))
    before = len(delivered(two))

    two.tell(FrameArrived(batch))
    two.tell(FrameArrived(batch))
    assert len(delivered(two)) == before + 1

    delta = decode_delta(one.founding.context, second)
    two.tell(AskDeltas(one.founding.context, (delta.id,)))
    two.tell(FrameArrived(batch))
    assert len(delivered(two)) == before + 2


def test_digests_beyond_the_rate_are_not_looked_at() -> None:
    """Each different one could have a frontier told."""
    one, two = sides()
    talk(one, two)
    before = len(two.heard(Compared))
    for number in range(10 * limits.SYNC_REQUESTS_PER_S_MAX):
        digest = Digest(number.to_bytes(32, "big"))
        two.tell(FrameArrived(encode_frame(DigestFrame(1, digest, digest))))
    assert len(two.heard(Compared)) <= before + limits.SYNC_REQUESTS_PER_S_MAX


def test_an_impossible_frontier_does_no_harm() -> None:
    """A peer that claims what nobody wrote is counted as ahead, and gets what it lacks."""
    one, two = sides()
    write(one, 2)
    talk(one, two)
    claim = {BOB.device: (Tip(2**62, DeltaId(bytes(32))),)}

    one.tell(FrameArrived(encode_frame(FrontierFrame(1, claim, Digest(bytes(32))))))
    talk(one, two)

    assert not one.heard(Close)
    assert one.stage is not None
    assert one.stage.replica.ledger.count == 2


def test_both_branches_of_a_fork_reach_the_other_side() -> None:
    """A forked device's branches are kept by all: a session brings each what it lacks."""
    one, two = sides()
    twin = Stage(one.founding, ALICE)
    two.stage = twin
    write(one, 3)
    twin.write((Put("notes", b"other", b"branch"),))

    talk(one, two)
    tick(one, two)

    assert one.stage is not None
    assert one.stage.replica.ledger.frontier == twin.replica.ledger.frontier
    assert one.stage.replica.ledger.digest() == twin.replica.ledger.digest()
    assert one.stage.replica.ledger.count == 4


def test_stranger_that_sends_a_large_frame_is_sent_away() -> None:
    """Only who proved to know a context may make this node decode megabytes."""
    one, _ = sides(stranger=True)
    large = pack((1, 1, bytes(limits.SYNC_STRANGER_BYTES_MAX)))

    one.tell(FrameArrived(large))

    assert one.heard(Close) == [Close("oversized")]


def test_frontiers_beyond_the_rate_are_not_looked_at() -> None:
    """Each makes this node read what the peer lacks: forty bytes must not cost milliseconds."""
    one, two = sides()
    talk(one, two)
    one.said.clear()
    frame = encode_frame(FrontierFrame(1, {}, Digest(bytes(32))))

    for _ in range(limits.SYNC_REQUESTS_PER_S_MAX + 10):
        one.tell(FrameArrived(frame))

    assert len(one.heard(Compared)) <= limits.SYNC_REQUESTS_PER_S_MAX
    assert not one.heard(Close)


def test_endless_ranges_are_answered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer whose fingerprints never agree, and who answers each answer, is soon told nothing."""
    monkeypatch.setattr(limits, "SYNC_RANGES_BYTES_PER_S", 600)
    one, two = sides()
    write(one, 3)
    talk(one, two)
    wrong = encode_frame(PartsFrame(1, (Parts(WHOLE_RANGE, (1, 2)),)))
    listing = encode_frame(ListingFrame(1, is_answer=False, several=(Listing(WHOLE_RANGE, {}),)))
    one.out.clear()
    one.now += 10

    said = 0
    for second in range(3):
        for _ in range(20):
            one.tell(FrameArrived(wrong))
            one.tell(FrameArrived(listing))
        compared = [f for f in one.frames() if isinstance(f, PartsFrame | ListingFrame)]
        said = sum(len(encode_frame(frame)) for frame in compared)
        assert 0 < said <= 600 * (second + 1) + len(wrong) + 200, second
        one.now += 1


def test_comparisons_beyond_the_rate_are_not_looked_at() -> None:
    """Frontiers, ranges, listings and digests count as requests: fifty a second."""
    one, two = sides()
    write(one, 3)
    talk(one, two)
    one.out.clear()
    one.now += 10
    wrong = encode_frame(PartsFrame(1, (Parts(WHOLE_RANGE, (1, 2)),)))

    for _ in range(4 * limits.SYNC_REQUESTS_PER_S_MAX):
        one.tell(FrameArrived(wrong))

    assert len(one.out) <= limits.SYNC_REQUESTS_PER_S_MAX


def test_question_that_is_open_is_not_put_again() -> None:
    """A slow peer would answer both, and the second answer were one that nobody asked for."""
    one, two = sides()
    talk(one, two)
    one.blobs[cid_of(b"x")] = b"x"
    for _ in range(2):
        two.tell(AskBlob(two.founding.context, cid_of(b"x")))
        two.tell(AskCharter(topic_hash(two.founding.context)))

    talk(one, two)

    assert not two.heard(Close)
    assert len(two.heard(BlobTold)) == len(two.heard(CharterAnswered)) == 1
    two.tell(AskBlob(two.founding.context, cid_of(b"x")))
    talk(one, two)
    assert len(two.heard(BlobTold)) == 2
