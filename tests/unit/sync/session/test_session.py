"""The conversation of two peers: greeting, proofs, frontiers, deltas, blobs, admission."""

from __future__ import annotations

from covey.codec import (
    FrontierFrame,
    Hello,
    Know,
    Member,
    cid_of,
    encode_frame,
    topic_hash,
)
from covey.model import (
    Put,
    Signature,
    Tip,
    limits,
)
from covey.sync import (
    AdmissionAsked,
    AdmissionTold,
    AnswerAdmission,
    AskAdmission,
    AskBlob,
    AskCharter,
    AskDeltas,
    BlobTold,
    CharterAnswered,
    Close,
    Compared,
    Consumed,
    ContextOpened,
    DeltaDelivered,
    FrameArrived,
    Session,
    Share,
    Shared,
    Tick,
)
from covey.sync.session.streaming import Stream
from covey.testkit.history import History
from covey.testkit.identities import found
from covey.testkit.playbook import Stage
from tests.unit.rules.test_cut import Counted
from tests.unit.sync.session.conversation import (
    ALICE,
    BOB,
    LARGE,
    SMALL,
    Side,
    delivered,
    sides,
    talk,
    tick,
    write,
)

__all__: list[str] = []


FOUNDING = found(ALICE, BOB)


def test_what_one_lacks_the_other_sends() -> None:
    """The point of a session: after it both hold the same."""
    one, two = sides()
    write(one, 150)

    talk(one, two)

    assert one.stage is not None
    assert two.stage is not None
    assert two.stage.replica.ledger.digest() == one.stage.replica.ledger.digest()
    assert len(two.heard(DeltaDelivered)) == 150


def test_deltas_arrive_parents_first() -> None:
    """Causal order: nothing that arrives has to wait for what comes later."""
    one, two = sides()
    write(one, 150)

    talk(one, two)

    assert two.stage is not None
    assert len(two.stage.replica.intake.pending) == 0
    sequences = [delta.core.sequence for delta in delivered(two)]
    assert sequences == sorted(sequences)


def test_nothing_is_sent_twice_when_both_hold_the_same() -> None:
    """A comparison of equals costs digests alone."""
    one, two = sides()
    write(one, 20)
    talk(one, two)
    before = len(two.heard(DeltaDelivered))

    tick(one, two)

    assert len(two.heard(DeltaDelivered)) == before


def test_a_tick_brings_what_gossip_lost() -> None:
    """Sync is the truth: a delta that no gossip brought comes with the next comparison."""
    one, two = sides()
    talk(one, two)
    write(one, 1)

    tick(one, two)

    assert two.stage is not None
    assert two.stage.replica.ledger.count == 1


def test_a_stranger_learns_nothing() -> None:
    """Who does not know the context id is not even told that it is held here."""
    one, two = sides(stranger=True)
    write(one, 3)

    talk(one, two)

    assert two.said == []
    assert one.session.shared() == ()


def test_a_wrong_proof_looks_like_an_unknown_context() -> None:
    """A guess gets the same silence as a context that is not held."""
    one, two = sides(stranger=True)
    talk(one, two)

    one.tell(FrameArrived(encode_frame(Know(1, bytes(32)))))

    assert list(one.out) == []
    assert one.session.shared() == ()


def test_a_proof_is_bound_to_the_stream() -> None:
    """A proof that was overheard on one stream opens no other: nonces and peers are in it."""
    one, two = sides()
    know = next(f for f in _after_greeting(one, two) if isinstance(f, Know))
    third = Side(LARGE, SMALL, one.founding, BOB, None)
    third.session = Session(third, LARGE, SMALL, b"another nonce of thirty-two byte")
    third.take(third.session.start())
    third.tell(FrameArrived(encode_frame(Hello(1, b"n" * 32))))

    third.tell(FrameArrived(encode_frame(know)))

    assert third.session.shared() == ()


def _after_greeting(one: Side, two: Side) -> list[object]:
    two.tell(FrameArrived(one.out.popleft()))
    one.tell(FrameArrived(two.out.popleft()))
    return one.frames()


def test_a_context_joined_later_is_shared_at_once() -> None:
    """A proof that came before this node held the context is kept, not thrown away."""
    one, two = sides(stranger=True)
    write(one, 3)
    talk(one, two)

    two.knows = True
    two.tell(ContextOpened(two.founding.context))
    talk(one, two)

    assert two.heard(Shared)
    assert two.stage is not None
    assert two.stage.replica.ledger.count == 3


def test_a_joiner_is_served_before_it_has_a_ledger() -> None:
    """Charter and blobs come by CID to whoever proved to know the context id."""
    one, two = sides(joining=True)
    blob = b"a module"
    one.blobs[cid_of(blob)] = blob
    talk(one, two)

    two.tell(AskBlob(two.founding.context, cid_of(blob)))
    two.tell(AskBlob(two.founding.context, cid_of(b"absent")))
    talk(one, two)

    assert two.heard(BlobTold) == [
        BlobTold(two.founding.context, cid_of(blob), blob),
        BlobTold(two.founding.context, cid_of(b"absent"), None),
    ]


def test_a_charter_is_told_by_topic() -> None:
    """A bare topic is enough to begin with an open context."""
    one, two = sides(stranger=True)
    topic = topic_hash(one.founding.context)

    talk(one, two)
    two.tell(AskCharter(topic))
    two.tell(AskCharter(bytes(32)))
    talk(one, two)

    assert two.heard(CharterAnswered) == [
        CharterAnswered(topic, one.founding.packed),
        CharterAnswered(bytes(32), None),
    ]


def test_admission_is_asked_and_answered() -> None:
    """The two ends of `admit`: the question reaches the replica, the word comes back."""
    one, two = sides()
    talk(one, two)
    context = one.founding.context

    two.tell(AskAdmission(context, BOB.certificate, BOB.join(context)))
    talk(one, two)
    assert one.heard(AdmissionAsked)
    one.tell(AnswerAdmission(context, "no"))
    talk(one, two)

    assert two.heard(AdmissionTold) == [AdmissionTold(context, "no")]


def test_wanted_deltas_are_sent() -> None:
    """Missing parents are asked for by id."""
    one, two = sides()
    talk(one, two)
    write(one, 3)
    assert one.stage is not None
    head = next(iter(one.stage.replica.ledger.heads))

    two.tell(AskDeltas(two.founding.context, (head,)))
    talk(one, two)

    assert delivered(two)[0].id == head


def test_the_device_is_proved() -> None:
    """Members show which device they are; nobody else can show it."""
    one, two = sides()

    talk(one, two)

    assert one.session.device(one.founding.context) == BOB.device
    assert two.session.device(one.founding.context) == ALICE.device


def test_a_forged_device_proof_ends_the_stream() -> None:
    """Claiming to be somebody's device without its key is no mistake."""
    one, two = sides()
    talk(one, two)

    one.tell(FrameArrived(encode_frame(Member(1, ALICE.device, Signature(bytes(64))))))

    assert one.heard(Close) == [Close("bad-signature")]


def test_behind_is_counted_from_the_frontier() -> None:
    """The status may say how much is missing as soon as the peer has said what it holds."""
    one, two = sides()
    write(one, 42)

    talk(one, two)

    compared = [e for e in two.heard(Compared) if isinstance(e, Compared)]
    assert max(each.missing for each in compared) == 42
    assert compared[-1].missing == 0


def test_credit_bounds_what_is_in_flight() -> None:
    """A receiver that grants nothing is sent no more than the credit."""
    one, two = sides()
    write(one, 30, 500_000)
    two.tell = lambda event: (  # type: ignore[method-assign]
        None if isinstance(event, Consumed) else Side.tell(two, event)
    )

    talk(one, two)

    sent = sum(len(delta.frame) for delta in delivered(two))
    assert sent <= limits.SYNC_CREDIT_BYTES
    assert sent > limits.SYNC_CREDIT_BYTES - 600_000


def test_more_than_the_credit_arrives_when_it_is_granted() -> None:
    """Credits come back as deltas are dealt with, so nothing gets stuck."""
    one, two = sides()
    write(one, 30, 500_000)

    talk(one, two)

    assert two.stage is not None
    assert two.stage.replica.ledger.count == 30


def _with_slow_intake(side: Side) -> list[Consumed]:
    """Make a side note what its context has dealt with, and say so when the test does."""
    dealt_with: list[Consumed] = []
    side.tell = lambda event: (  # type: ignore[method-assign]
        dealt_with.append(event) if isinstance(event, Consumed) else Side.tell(side, event)
    )
    return dealt_with


def test_what_is_being_taken_in_is_not_sent_again() -> None:
    """A frontier told in the midst of many deltas would bring the rest of them a second time."""
    one, two = sides()
    write(one, 6)
    dealt_with = _with_slow_intake(two)
    talk(one, two)
    assert two.stage is not None
    write(one, 1)

    two.tell(Tick())
    one.tell(Tick())
    talk(one, two)
    sent = delivered(two)
    while dealt_with:
        Side.tell(two, dealt_with.pop(0))
        talk(one, two)

    assert len(sent) == 6
    assert len(delivered(two)) == 7
    assert two.stage.replica.ledger.count == 7


def test_a_delta_that_is_never_dealt_with_does_not_end_comparison() -> None:
    """A frontier is held back for a while only."""
    one, two = sides()
    write(one, 2)
    _with_slow_intake(two)
    talk(one, two)
    write(one, 1)

    tick(one, two)
    tick(one, two)

    assert two.stage is not None
    assert two.stage.replica.ledger.count == 3


def test_equal_frontiers_are_confirmed() -> None:
    """Who tells what it holds learns at once that the other holds the same."""
    one, two = sides()
    write(one, 3)
    talk(one, two)
    two.said.clear()
    assert two.stage is not None
    held = two.stage.replica.ledger

    two.out.append(encode_frame(FrontierFrame(1, dict(held.frontier), held.digest())))
    talk(one, two)

    assert two.said == [
        Compared(one.founding.context, held.frontier_digest(), held.digest(), missing=0)
    ]


def test_page_of_large_deltas_is_short() -> None:
    """Pages are held for each peer that reads slowly: their bytes are bounded, not only deltas."""
    one, _ = sides()
    assert one.stage is not None
    for _ in range(4):
        one.stage.write((Put("notes", b"k", bytes(limits.SYNC_PAGE_BYTES // 2)),))
    stream = Stream(one.stage.replica.ledger)
    stream.restart({})
    assert [len(list(stream.page(Share(0, 1)))) for _ in range(3)] == [2, 2, 0]


def reads_of_a_page(count: int) -> int:
    """Rows read to stream so many deltas of a device that forked once, to a peer with its root."""
    history = History(FOUNDING)
    root = history.write(ALICE, (), [Put("notes", b"k", b"root")])
    twig = history.write(ALICE, (root.id,), [Put("notes", b"k", b"twig")])
    chain = [root]
    for _ in range(count):
        chain.append(history.write(ALICE, (chain[-1].id,), [Put("notes", b"k", b"x")]))
    stage = Stage(FOUNDING, BOB)
    stage.receive(root, twig, *chain[1:])
    ledger = stage.restarted().replica.ledger
    counted = ledger._base = Counted(ledger._base)
    stream = Stream(ledger)
    stream.restart({ALICE.device: (Tip(1, root.id),)})
    assert set(stream.page(Share(0, 1))) == {d.frame for d in (twig, *chain[1:])}
    return counted.rows


def test_streaming_a_forked_device_costs_its_deltas_and_not_their_square() -> None:
    """One restored copy of a home must not make its whole history dear for ever."""
    assert reads_of_a_page(40) < 2.5 * reads_of_a_page(20)
