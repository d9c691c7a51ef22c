"""What a member can do though every rule holds: docs/threat-model.md says so, and this shows it."""

from __future__ import annotations

from covey.codec import GOSSIP_DELTA, pack_gossip, topic_key
from covey.crypto import seal_envelope
from covey.merge import StateReader
from covey.model import HybridTime, Put, Verdict, limits, time_at
from covey.sync import FrameReceived, Verify
from covey.testkit.history import START_MS, History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, play
from tests.unit.sync import replayed

ANN, BEN, ANNS_OTHER = identity("ann"), identity("ben"), identity("ann", "second")
FOUNDING = found(ANN, BEN)


def value(stage: Stage, collection: str, key: bytes) -> bytes | None:
    return StateReader(stage.replica.ledger.view, FOUNDING.collections).get(collection, key)


def test_latest_claim_wins_a_conflict():
    """As far ahead as the drift allows, and every honest value beside it loses."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    claimed = HybridTime(time_at(START_MS + limits.DRIFT_MS_MAX))
    ahead = history.write(ANN, (), [Put("notes", b"k", b"mine")], time=claimed)
    later = HybridTime(time_at(START_MS + limits.DRIFT_MS_MAX - 1))
    honest = history.write(BEN, (), [Put("notes", b"k", b"written later")], time=later)
    stage.receive(ahead)
    stage.now += limits.DRIFT_MS_MAX / 1_000 - 0.001
    stage.receive(honest)
    assert value(stage, "notes", b"k") == b"mine"


def test_member_changes_its_own_frozen_entry_with_another_device():
    """Of two puts the earlier one counts, and an earlier one can be made later.

    The other device writes as if it had not seen the first put; what others read changes.
    """
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    key = bytes(ANN.member_id) + b"k"
    admit = history.write(BEN, (), governance=(ANNS_OTHER.admit(FOUNDING.context),))
    later = HybridTime(admit.core.time + 1_000)
    first = history.write(ANN, (admit.id,), [Put("posts", key, b"first")], time=later)
    read = history.write(BEN, (first.id,), [Put("notes", b"k", b"I read it")])
    stage.receive(admit, first, read)
    assert value(stage, "posts", key) == b"first"
    stage.receive(history.write(ANNS_OTHER, (admit.id,), [Put("posts", key, b"second")]))
    assert value(stage, "posts", key) == b"second"


def test_device_goes_on_from_before_what_was_refused():
    """A doctored one: what ends with a refused delta is what follows it, not the device."""
    history, stage = History(replayed.FOUNDING), Stage(replayed.FOUNDING, replayed.ANN)
    lie = history.write(replayed.BEN, (), [Put("notes", b"k", b"lie")])
    stage.receive(lie)
    stage.handle(replayed.DIFFERS)
    after = history.write(replayed.BEN, (lie.id,), replayed.NOTE)
    assert not replayed.is_asked(stage.receive(after))
    true = history.write(replayed.BEN, (), replayed.NOTE)
    assert replayed.is_asked(stage.receive(true))
    assert replayed.applied(stage.handle(replayed.AGREES)) == [true]


def test_forged_delta_is_passed_on_before_it_is_run():
    """The topic's verdict cannot wait for the engine."""
    (lie,) = replayed.chain(History(replayed.FOUNDING), 1)
    key = topic_key(replayed.FOUNDING.context)
    envelope = seal_envelope(key, bytes(24), pack_gossip(GOSSIP_DELTA, lie.frame))
    stage, other = (Stage(replayed.FOUNDING, replayed.ANN) for _ in range(2))
    assert stage.replica.verdict(envelope, stage.now)[0] is Verdict.ACCEPT
    assert play(other) >> FrameReceived(envelope, PEER) << Verify >> replayed.DIFFERS << None


def test_what_this_node_cannot_finish_is_told_as_behind():
    """Its deltas and all that follows them are held; nobody is told that all is well."""
    stage = Stage(replayed.FOUNDING, replayed.ANN)
    first, second = replayed.chain(History(replayed.FOUNDING), 2)
    stage.receive(first, second)
    stage.handle(replayed.FAULT)
    assert stage.replica.ledger.count == 0
    assert stage.replica.standing(stage.now).behind == 2
