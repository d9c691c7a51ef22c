"""What members sign and nobody may apply is kept as the proof of it, within bounds."""

from __future__ import annotations

import pytest

from covey.codec import encode_payload, make_delta
from covey.model import Call, Core, Delta, Denied, HybridTime, Payload, Put, limits
from covey.sync import DeltaReceived, Refusal, refusals_of
from covey.testkit.history import START_MS
from covey.testkit.identities import Identity, found, identity
from covey.testkit.playbook import PEER, Stage

ANN, BEN, EVE = (identity(name) for name in ("ann", "ben", "eve"))
FOUNDING = found(ANN, BEN)


def wrong(who: Identity, number: int = 0, value: bytes = b"v") -> Delta:
    """A first delta that writes to a collection which is not there."""
    payload = Payload((Call("m", b"{}"),), ((Put("nowhere", b"k%d" % number, value),),), ((),))
    core = Core(
        author=who.device,
        sequence=1,
        previous=None,
        parents=(),
        gov_parents=(),
        time=HybridTime(START_MS << 16),
        release=FOUNDING.charter.release,
        epochs=(),
        fuel=(1,),
        governance=(),
    )
    return make_delta(FOUNDING.context, core, encode_payload(payload), who.signer)


def kept(stage: Stage) -> list[Refusal]:
    return refusals_of(stage.store.reader(FOUNDING.context))


def test_refused_delta_is_kept_as_it_was_signed():
    stage, delta = Stage(FOUNDING, ANN), wrong(BEN)
    stage.receive(delta)
    (refusal,) = kept(stage)
    assert (refusal.author, refusal.delta, refusal.code) == (
        BEN.device, delta.id, "unknown-collection",
    )  # fmt: skip
    assert refusal.frame == delta.frame
    assert "nowhere" in refusal.reason


def test_long_reason_is_cut_and_read_back_after_a_restart(monkeypatch: pytest.MonkeyPatch):
    """A reason repeats what its author wrote: it must not fill the store, nor stop its reader."""
    stage, most = Stage(FOUNDING, ANN), limits.REASON_CHARS_MAX
    long = Denied("unknown-collection", "é" * (most + 1))
    monkeypatch.setattr(stage.replica.judge, "judge", lambda *_: long)
    stage.receive(wrong(BEN))
    (refusal,) = kept(stage.restarted())
    assert refusal.reason == "é" * most
    assert refusal.frame == wrong(BEN).frame


def test_it_is_kept_once_also_over_a_restart():
    stage, delta = Stage(FOUNDING, ANN), wrong(BEN)
    stage.receive(delta, delta)
    again = stage.restarted()
    again.receive(delta)
    assert len(kept(again)) == 1


def test_what_came_by_gossip_is_kept_too():
    """Its verdict is said at once, before anything may be written."""
    stage, delta = Stage(FOUNDING, ANN), wrong(BEN)
    stage.handle(DeltaReceived(delta, PEER, is_streamed=False))
    assert len(kept(stage)) == 1


def test_strangers_fill_no_store():
    """Anybody can sign anything; only whom a cut let in can misbehave here."""
    stage = Stage(FOUNDING, ANN)
    stage.receive(wrong(EVE))
    assert kept(stage) == []


def test_who_only_follows_what_was_refused_is_not_accused():
    stage, delta = Stage(FOUNDING, ANN), wrong(BEN)
    stage.receive(delta)
    after = make_delta(
        FOUNDING.context,
        Core(
            author=ANN.device,
            sequence=1,
            previous=None,
            parents=(delta.id,),
            gov_parents=(),
            time=HybridTime(delta.core.time + 1),
            release=FOUNDING.charter.release,
            epochs=(),
            fuel=(),
            governance=(),
        ),
        encode_payload(Payload((), (), ())),
        ANN.signer,
    )
    stage.receive(after)
    assert [refusal.delta for refusal in kept(stage)] == [delta.id]


def test_of_each_device_the_first_ones_are_kept():
    """A flood of later ones hides nothing."""
    stage = Stage(FOUNDING, ANN)
    deltas = [wrong(BEN, number) for number in range(limits.REFUSALS_PER_DEVICE_MAX + 3)]
    stage.receive(*deltas)
    assert [refusal.delta for refusal in kept(stage)] == [
        delta.id for delta in deltas[: limits.REFUSALS_PER_DEVICE_MAX]
    ]
    commits = len(stage.commits)
    stage.receive(wrong(BEN, 99))
    assert len(stage.commits) == commits


def test_without_room_the_word_is_kept_and_not_the_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "REFUSALS_KEPT_BYTES", 2_000)
    stage = Stage(FOUNDING, ANN)
    stage.receive(wrong(BEN, 1), wrong(BEN, 2, b"v" * 4_000), wrong(BEN, 3))
    assert [bool(refusal.frame) for refusal in kept(stage)] == [True, False, True]


def test_there_is_an_end_to_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "REFUSALS_KEPT_MAX", 2)
    stage = Stage(FOUNDING, ANN)
    stage.receive(*(wrong(BEN, number) for number in range(4)))
    assert len(kept(stage)) == 2
