"""Each checker of what nodes write and say, on its own, notices the broken promise it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.codec import (
    GOSSIP_DELTA,
    Announcement,
    DigestFrame,
    FrontierFrame,
    encode_frame,
    pack_gossip,
    topic_key,
)
from covey.crypto import NONCE_SIZE_BYTES, seal_envelope
from covey.merge import StateAtCut
from covey.model import (
    Add,
    Call,
    Completed,
    Delta,
    DeltaId,
    Digest,
    Failed,
    Failure,
    Merge,
    Outcome,
    Payload,
    PeerId,
    Put,
    Signature,
    Tip,
    limits,
    time_at,
)
from covey.sync import CallRequest, CallsSubmitted, Reply, Standing
from covey.testkit.sim.checkers.announcements import Announcements
from covey.testkit.sim.checkers.answers import Answers
from covey.testkit.sim.checkers.cuts import Cuts
from covey.testkit.sim.checkers.drift import Drift
from covey.testkit.sim.checkers.honesty import Honesty
from covey.testkit.sim.checkers.keystore import Keystore
from covey.testkit.sim.checkers.nonces import Nonces
from covey.testkit.sim.checkers.pasts import Pasts
from covey.testkit.sim.checkers.signatures import Signatures
from covey.testkit.sim.faults import Jump
from tests.unit.testkit.sim.scenes import FOUNDERS, Scene
from tests.unit.testkit.sim.worlds import calls, put, small_plan

NOTE = Put("notes", b"k", b"v")
CALL = Call("play", b"{}")


@pytest.fixture
def scene() -> Scene:
    """A world at rest, in which nothing was ever written."""
    return Scene()


def broken(what: str, act: Callable[..., object], *arguments: object) -> None:
    """Require that a checker speaks up."""
    with pytest.raises(AssertionError, match=what):
        act(*arguments)


def sealed(scene: Scene, delta: Delta, nonce: int = 0) -> bytes:
    """An envelope with a delta."""
    key = topic_key(scene.world.founding.context)
    return seal_envelope(
        key, bytes([nonce] * NONCE_SIZE_BYTES), pack_gossip(GOSSIP_DELTA, delta.frame)
    )


def did(*effects: Put | Add) -> Completed:
    """The outcome of a call that took effect."""
    return Completed(effects, (), b"", 0, ())


def failed(failure: Failure) -> Failed:
    """The outcome of a call that did not."""
    return Failed(failure, "no", 0, ())


def payload_of(scene: Scene, delta: Delta) -> Payload:
    """What is in a delta, which all know from now on."""
    return scene.checks.history.record(delta).payload


def answered(scene: Scene, request: int, outcome: Outcome, delta: DeltaId) -> Callable[[], None]:
    """What tells the checker of an answer."""
    answers = Answers(scene.checks)
    asked = CallsSubmitted(tuple(CallRequest(n, CALL) for n in range(1, request + 1)))
    answers.submitted(scene.node(), asked)
    return lambda: answers.replied(scene.node(), Reply(request, outcome, delta))


def test_delta_that_nobody_signed_is_noticed(scene: Scene) -> None:
    """Also where its id is that of a signed one, which is known."""
    delta = scene.write("n1", (), NOTE)
    signatures = Signatures(scene.checks)
    signatures.applied(scene.node(), delta)
    forged = replace(delta, signature=Signature(bytes(64)))
    broken("n0 applied .*, which nobody signed", signatures.applied, scene.node(), forged)


def test_own_delta_that_leaves_out_a_head_is_noticed(scene: Scene) -> None:
    """Its calls have seen that head; a merge, whose calls are none, may leave it out."""
    other = scene.write("n1", (), NOTE)
    scene.apply(other)
    merge = scene.write("n0", (), governance=(Merge(),))
    scene.apply(merge)
    blind = scene.write("n0", (merge,), NOTE)
    broken("n0 wrote .* with another cut than it held", scene.apply, blind)


def test_others_may_have_seen_less(scene: Scene) -> None:
    """And a cheat does as it likes."""
    scene.apply(scene.write("n1", (), NOTE))
    scene.apply(scene.write("n2", (), NOTE))
    Cuts(scene.checks).applied(scene.node("n2"), scene.write("n2", (), NOTE))


def test_answer_whose_delta_lacks_the_effects_is_noticed(scene: Scene) -> None:
    """The caller was told of a note that nobody will ever see."""
    delta = scene.write("n0", (), NOTE)
    scene.apply(delta)
    other = did(Put("notes", b"k", b"another"))
    broken("n0 answers 1 with what its delta", answered(scene, 1, other, delta.id))


def test_answer_that_overtakes_another_is_noticed(scene: Scene) -> None:
    """Calls run in the order in which they came."""
    first = scene.write("n0", (), NOTE)
    scene.apply(first)
    call = scene.checks.history.known[first.id].payload.calls[0]
    answers = Answers(scene.checks)
    asked = CallsSubmitted((CallRequest(1, call), CallRequest(2, call)))
    answers.submitted(scene.node(), asked)
    answers.replied(scene.node(), Reply(2, did(NOTE), first.id))
    late = Reply(1, did(NOTE), first.id)
    broken("n0 answers 1 after 2", answers.replied, scene.node(), late)


def test_failure_that_overtakes_another_is_noticed(scene: Scene) -> None:
    """Only who never had a turn is told so at once: of a queue that is full, say."""
    asked = CallsSubmitted(tuple(CallRequest(n, CALL) for n in range(1, 5)))
    answers = Answers(scene.checks)
    answers.submitted(scene.node(), asked)
    answers.replied(scene.node(), Reply(4, failed(Failure.OVERLOADED), None))
    answers.replied(scene.node(), Reply(2, failed(Failure.REFUSED), None))
    answers.replied(scene.node(), Reply(3, failed(Failure.TRAP), None))
    late = Reply(1, failed(Failure.REFUSED), None)
    broken("n0 answers 1 after 3", answers.replied, scene.node(), late)


def test_failure_with_a_delta_is_noticed(scene: Scene) -> None:
    """It would be in it, and not be in it."""
    delta = scene.write("n0", (), NOTE)
    scene.apply(delta)
    told = answered(scene, 1, failed(Failure.REFUSED), delta.id)
    broken("n0 answers 1, which failed, with a delta", told)


def test_caller_who_is_told_of_a_failure_that_was_none_is_noticed(scene: Scene) -> None:
    """It would do again what is done: two calls took effect, and one of two is told so."""
    delta = scene.write("n0", (), NOTE, NOTE)
    first, second = payload_of(scene, delta).calls
    answers = Answers(scene.checks)
    asked = CallsSubmitted((CallRequest(1, first), CallRequest(2, second)))
    answers.submitted(scene.node(), asked)
    answers.applied(scene.node(), delta)
    answers.replied(scene.node(), Reply(1, did(NOTE), delta.id))
    answers.replied(scene.node(), Reply(2, failed(Failure.REFUSED), None))
    broken("n0 wrote 2 calls into .* and told 1", answers.settled, scene.node())


def test_callers_of_a_node_that_crashed_are_told_nothing(scene: Scene) -> None:
    """Between its commit and their answers; and a cheat's own deltas have no callers."""
    delta, forged = scene.write("n0", (), NOTE), scene.write("n2", (), NOTE)
    scene.apply(delta, forged)
    answers = Answers(scene.checks)
    answers.applied(scene.node(), delta)
    answers.stopped(scene.node(), "killed")
    answers.applied(scene.node("n2"), forged)
    answers.ended()
    answers.applied(scene.node(), delta)
    broken("n0 wrote 1 calls into .* and told 0", answers.ended)


def test_delta_from_the_far_future_is_noticed(scene: Scene) -> None:
    """It waits until drift explains it; one's own follows what was taken in before."""
    ahead_ms = int(scene.node().now() * 1000) + limits.DRIFT_MS_MAX + 2_000
    delta = scene.write("n1", (), NOTE, time=time_at(ahead_ms))
    drift = Drift(scene.checks)
    drift.applied(scene.node("n1"), delta)
    broken("n0 applied what lies 32 s ahead", drift.applied, scene.node(), delta)


def test_clock_that_was_set_back_explains_it() -> None:
    """Between the word on a delta and its commit."""
    scene = Scene(small_plan(Jump(10.0, "n0", -5.0), nodes=FOUNDERS))
    ahead_ms = int(scene.node().now() * 1000) + limits.DRIFT_MS_MAX + 2_000
    delta = scene.write("n1", (), NOTE, time=time_at(ahead_ms))
    Drift(scene.checks).applied(scene.node(), delta)


def test_nonce_that_is_used_again_is_noticed(scene: Scene) -> None:
    """By another node, too: all seal with one key."""
    delta = scene.write("n0", (), NOTE)
    nonces = Nonces(scene.checks)
    nonces.published(scene.node(), sealed(scene, delta, 1), delta)
    nonces.published(scene.node(), sealed(scene, delta, 2), delta)
    again = sealed(scene, delta, 1)
    broken("n1 uses a nonce again", nonces.published, scene.node("n1"), again, delta)


def test_delta_that_the_keystore_does_not_know_is_noticed(scene: Scene) -> None:
    """With an older copy of the store the device would sign that sequence again."""
    delta = scene.write("n0", (), NOTE)
    keystore = Keystore(scene.checks)
    broken("n0 publishes what its keystore", keystore.published, scene.node(), b"", delta)
    scene.node().keystore_sequence = 1
    keystore.published(scene.node(), b"", delta)


def test_announcement_of_what_is_not_yet_committed_is_noticed(scene: Scene) -> None:
    """After a crash it would have been a lie."""
    node = scene.node()
    ledger = node.replica.ledger
    told = Announcement(
        device=node.identity.device,
        peer=node.peer,
        count=ledger.count,
        frontier_digest=ledger.frontier_digest(),
        state_digest=ledger.digest(),
        heads=(),
        unix_ms=1,
    )
    early = replace(told, count=told.count + 1)
    for checker in scene.checks._all:
        checker.published(node, bytes(40), told)
    broken("n0 announces what it does not hold", _publish, scene, early)
    another = replace(told, state_digest=Digest(bytes(32)))
    announcements = Announcements(scene.checks)
    broken("n0 announces another state", announcements.published, node, b"", another)


def test_word_that_is_not_true_is_noticed(scene: Scene) -> None:
    """On the topic and on streams; but a cheat's is for others to doubt."""
    ledger = scene.node().replica.ledger
    frontier, state = ledger.frontier_digest(), ledger.digest()
    old = Digest(bytes(32))
    for frame in (DigestFrame(1, frontier, state), FrontierFrame(1, {}, state)):
        scene.checks.sent(scene.node(), encode_frame(frame))
    said = "n0 says that it holds what it does not"
    for lie in (
        DigestFrame(1, old, state),
        DigestFrame(1, frontier, old),
        FrontierFrame(1, {}, old),
        FrontierFrame(1, {scene.node("n1").identity.device: (Tip(1, DeltaId(old)),)}, state),
    ):
        broken(said, scene.checks.sent, scene.node(), encode_frame(lie))
        scene.checks.sent(scene.node("n2"), encode_frame(lie))


def _publish(scene: Scene, told: Announcement) -> None:
    for checker in scene.checks._all:
        checker.published(scene.node(), b"another nonce".ljust(40), told)


def test_frame_that_nobody_can_read_is_noticed(scene: Scene) -> None:
    """Whoever sends it would be blamed for it."""
    envelope = sealed(scene, replace(scene.write("n0", (), NOTE), frame=b"\x90"))
    broken("n0 sends what nobody can read", scene.checks.broadcast, scene.node(), envelope)


def test_another_state_at_a_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an author saw does not change when more becomes known."""
    some = calls("n0", 0.5, put("k", "v"), put("j", "v"))
    scene = Scene(small_plan(nodes=FOUNDERS, submissions=(some,)))
    pasts = Pasts(scene.checks)
    pasts.ended()
    monkeypatch.setattr(StateAtCut, "get", lambda *_: b"another")
    broken("n0: another state at", pasts.ended)


def test_claim_that_would_never_expire_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world ends before anybody is silent for so long, so the machine is asked."""
    honesty = Honesty(scene.checks)
    honesty.ended()
    claimed = Standing((PeerId("n1"),), (), 0, 0.0)
    monkeypatch.setattr("covey.sync.Replica.standing", lambda *_: claimed)
    broken("n0 would claim sync with .*n1", honesty.ended)
