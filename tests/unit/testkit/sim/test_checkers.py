"""Each checker, on its own, notices the broken promise that it is for."""

from __future__ import annotations

from collections.abc import Callable

import msgpack
import pytest

from covey.codec import GOSSIP_DELTA, pack_gossip, topic_key
from covey.crypto import NONCE_SIZE_BYTES, seal_envelope, sha256
from covey.model import Call, Delta, Digest, Failed, Failure, PeerId, Put, Table, Write, limits
from covey.sync import CallRequest, CallsSubmitted, Ledger, Replica, Reply, Standing
from covey.testkit.sim.checkers.durability import Durability
from covey.testkit.sim.checkers.progress import Progress
from covey.testkit.sim.checkers.reference import check_against_reference
from covey.testkit.sim.checkers.states import States
from covey.testkit.sim.plan import NodePlan
from tests.unit.testkit.sim.scenes import FOUNDERS, Scene
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

NOTE = Put("notes", b"k", b"v")
CALL = Call("play", b"{}")
OUTCOME = Failed(Failure.REFUSED, "no", 0, ())


@pytest.fixture
def scene() -> Scene:
    """A world at rest, in which nothing was ever written."""
    return Scene()


@pytest.fixture
def written() -> Scene:
    """A world at rest, with some notes, counts and stamps on every node."""
    steps = '[["add", "counts", "k", 5], ["seal", "stamps", "text"]]'
    some = calls("n0", 0.5, put("k", "v"), f'{{"steps": {steps}, "fails": false, "work": 0}}')
    scene = Scene(small_plan(nodes=FOUNDERS, submissions=(some,)))
    check_against_reference(scene.checks, scene.node("n1"), with_digest=True)
    return scene


def broken(what: str, act: Callable[..., object], *arguments: object) -> None:
    """Require that a checker speaks up."""
    with pytest.raises(AssertionError, match=what):
        act(*arguments)


def submitted(scene: Scene, *requests: int) -> None:
    """Tell that n0 was asked for something."""
    event = CallsSubmitted(tuple(CallRequest(number, CALL) for number in requests))
    scene.checks.submitted(scene.node(), event)


def on_disk(scene: Scene, table: Table, key: tuple[bytes | int, ...], row: bytes) -> None:
    """Put a row on n0's disk that it never wrote."""
    scene.node().disk.write((Write(table, key, row),), durable=True)


def keep(scene: Scene, delta: Delta) -> None:
    """Put a delta on n0's disk."""
    on_disk(scene, Table.DELTA, (delta.id,), delta.frame)


# -- causality -------------------------------------------------------------------------------------


def test_delta_applied_twice_is_noticed(scene: Scene) -> None:
    """A counter would count it twice."""
    delta = scene.write("n0", (), NOTE)
    scene.apply(delta)
    scene.apply(delta, at="n1")
    broken("n0 applied .* twice", scene.apply, delta)


def test_delta_applied_before_its_parent_is_noticed(scene: Scene) -> None:
    """Each node has an account of its own: that another has the parent is no help."""
    first = scene.write("n0", (), NOTE)
    second = scene.write("n1", (first,), NOTE)
    scene.apply(first, second)
    with pytest.raises(AssertionError, match=r"n1 applied \w+ too early"):
        scene.apply(second, at="n1")


def test_log_with_a_gap_is_noticed(scene: Scene) -> None:
    """A restarted node reads it from the beginning."""
    delta = scene.write("n0", (), NOTE)
    keep(scene, delta)
    on_disk(scene, Table.LOG, (2,), delta.id)
    broken("n0: the log has a gap", scene.checks.started, scene.node())


def test_log_of_a_delta_that_is_not_there_is_noticed(scene: Scene) -> None:
    """Both are one atomic write."""
    on_disk(scene, Table.LOG, (1,), scene.write("n0", (), NOTE).id)
    broken("the log names a delta that is not there", scene.checks.started, scene.node())


def test_log_in_the_wrong_order_is_noticed(scene: Scene) -> None:
    """What comes first in it was applied first."""
    first = scene.write("n0", (), NOTE)
    second = scene.write("n1", (first,), NOTE)
    scene.apply(first, second, at="n1")
    keep(scene, second)
    on_disk(scene, Table.LOG, (1,), second.id)
    broken("n0 applied .* too early", scene.checks.started, scene.node())


@pytest.mark.parametrize(
    ("field", "value"), [("count", 7), ("heads", {b"x": None}), ("frontier", {b"d": ()})]
)
def test_ledger_that_differs_from_the_account_is_noticed(
    scene: Scene, field: str, value: object
) -> None:
    """Count, heads and frontier follow from what was applied."""
    scene.checks.settled(scene.node())
    scene.checks.started(scene.node())
    setattr(scene.node().replica.ledger, field, value)
    broken(f"n0: wrong {field}", scene.checks.settled, scene.node())


# -- chains ----------------------------------------------------------------------------------------


def test_fork_of_an_honest_device_is_noticed(scene: Scene) -> None:
    """A crash that makes a node forget what it released does this; a cheat's fork is its own."""
    for author, value in (("n2", b"1"), ("n2", b"2"), ("n1", b"1")):
        scene.apply(scene.write(author, (), Put("notes", b"k", value)))
    other = scene.write("n1", (), Put("notes", b"k", b"2"))
    broken("an honest device forked at sequence 1", scene.apply, other)


def test_release_of_a_delta_from_the_past_is_noticed(scene: Scene) -> None:
    """Before anybody applies it: by gossip as by a stream."""
    first = scene.write("n1", (), NOTE)
    scene.apply(first)
    second = scene.write("n1", (first,), NOTE, time=first.core.time)
    key = topic_key(scene.world.founding.context)
    envelope = seal_envelope(key, bytes(NONCE_SIZE_BYTES), pack_gossip(GOSSIP_DELTA, second.frame))
    broken("a device's clock went back", scene.checks.broadcast, scene.node(), envelope)


# -- durability ------------------------------------------------------------------------------------


def test_answer_to_nobody_is_noticed(scene: Scene) -> None:
    """One answer to each request."""
    submitted(scene, 7)
    scene.checks.replied(scene.node(), Reply(7, OUTCOME, None))
    broken("n0 answers 7 again", scene.checks.replied, scene.node(), Reply(7, OUTCOME, None))


def test_answer_before_the_delta_is_applied_is_noticed(scene: Scene) -> None:
    """The caller would read the state from before its own call."""
    submitted(scene, 7)
    reply = Reply(7, OUTCOME, scene.write("n0", (), NOTE).id)
    broken("n0 replies before it applies", scene.checks.replied, scene.node(), reply)


def test_answer_before_the_delta_is_safe_is_noticed(scene: Scene) -> None:
    """On the disk, and synced: what is only written is lost with the power."""
    delta = scene.write("n0", (), NOTE)
    scene.apply(delta)
    submitted(scene, 7)
    scene.node().disk.write((Write(Table.DELTA, (delta.id,), delta.frame),), durable=False)
    reply = Reply(7, OUTCOME, delta.id)
    broken("n0 releases .* before it is safe", scene.checks.replied, scene.node(), reply)


def test_promised_delta_that_is_gone_is_noticed(scene: Scene) -> None:
    """After a restart: somebody was told that it is done."""
    delta = scene.write("n0", (), NOTE)
    scene.apply(delta)
    keep(scene, delta)
    durability = Durability(scene.checks)
    durability.submitted(scene.node(), CallsSubmitted((CallRequest(7, CALL),)))
    durability.replied(scene.node(), Reply(7, OUTCOME, delta.id))
    broken("n0 lost .*, acknowledged", durability.started, scene.node())


def test_store_that_is_older_than_the_keystore_is_noticed(scene: Scene) -> None:
    """A copy of an old disk would sign the same sequence again."""
    scene.node().keystore_sequence = 1
    broken("n0: store behind its keystore", scene.checks.started, scene.node())


def test_caller_who_is_never_answered_is_noticed_at_the_end(scene: Scene) -> None:
    """But those of a process that ended know that nobody will answer."""
    submitted(scene, 7, 8)
    broken("n0 never answered 7 and 8", scene.checks.ended)
    scene.checks.started(scene.node())
    scene.checks.ended()


def test_promised_delta_that_another_lacks_is_noticed_at_the_end(written: Scene) -> None:
    """Healing is over when everybody has what anybody was promised."""
    written.checks.ended()
    ledger = written.node("n1").replica.ledger
    ledger.is_applied = lambda _: False
    broken("n1 lacks .* of n0", written.checks.ended)


# -- honesty ---------------------------------------------------------------------------------------


def claim(monkeypatch: pytest.MonkeyPatch, in_sync: str = "", diverged: str = "") -> None:
    """From now on every node says this of its peers."""
    named = [(PeerId(name),) if name else () for name in (in_sync, diverged)]
    standing = Standing(*named, 0, 0.0)
    monkeypatch.setattr(Replica, "standing", lambda *_: standing)


def test_claim_of_sync_with_who_never_said_so_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has said anything so early; once n2 has, true or not, n0 may believe it."""
    scene = Scene(until_s=0.005)
    node = scene.node()
    claim(monkeypatch, in_sync="n2")
    broken("n0 claims sync with n2, who never said so", scene.checks.settled, node)
    ledger = node.replica.ledger
    scene.checks.lied(scene.node("n2"), ledger.frontier_digest(), ledger.digest())
    scene.checks.settled(node)


def test_claim_of_sync_with_who_is_long_silent_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute later much may have happened over there."""
    claim(monkeypatch, in_sync="n1")
    scene.world.clock.now += limits.ANNOUNCEMENT_TTL_S
    scene.checks.settled(scene.node())
    scene.world.clock.now += 20
    broken("n0 claims sync with n1, long silent", scene.checks.settled, scene.node())


def test_claim_that_an_honest_node_diverged_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is what a user is told when a defect is found: never for nothing."""
    claim(monkeypatch, diverged="n2")
    scene.checks.settled(scene.node())
    claim(monkeypatch, diverged="n1")
    broken("n0 says that n1 diverged", scene.checks.settled, scene.node())


# -- states ----------------------------------------------------------------------------------------


def test_other_state_of_the_same_deltas_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first promise of all."""
    monkeypatch.setattr(Ledger, "digest", lambda _: Digest(bytes(32)))
    broken("n0 has another state than a node", scene.checks.settled, scene.node())


def test_same_frontier_of_other_deltas_is_noticed(scene: Scene) -> None:
    """Two nodes would believe that nothing is missing."""
    states = States(scene.checks)
    states.settled(scene.node())
    scene.apply(scene.write("n0", (), NOTE))
    broken("n0: one frontier for two sets of deltas", states.settled, scene.node())


def entry(scene: Scene, collection: bytes, place: int, value: object) -> None:
    """Change a part of the only row of a collection on n0's disk."""
    ((key, row),) = scene.node().disk.reader.scan(Table.ENTRY, (collection,))
    parts = msgpack.unpackb(row, raw=False)
    parts[place] = value
    on_disk(scene, Table.ENTRY, key, msgpack.packb(parts, use_bin_type=True))


STATES: dict[str, Callable[[Scene], None]] = {
    "sums to 6, not 5": lambda s: entry(s, b"counts", 0, (6).to_bytes(16, "big", signed=True)),
    "another winner at": lambda s: entry(s, b"notes", 0, b"w"),
    "another winner at .*stamps": lambda s: entry(s, b"stamps", 1, 1),
    "other entries than the reference": lambda s: on_disk(
        s, Table.ENTRY, (b"notes", b"new"), msgpack.packb([b"v", 1, bytes(32), 0])
    ),
}


@pytest.mark.parametrize("what", STATES)
def test_state_that_is_not_the_reference_s_is_noticed(written: Scene, what: str) -> None:
    """Where all nodes make the same mistake they agree, and only the oracle differs."""
    written.checks.ended()
    STATES[what](written)
    broken(f"^n0: .*{what}", written.checks.ended)


def test_digest_that_is_not_the_reference_s_is_noticed(
    written: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another implementation computes it by the same words."""
    monkeypatch.setattr(Ledger, "digest", lambda _: Digest(sha256(b"another")))
    check_against_reference(written.checks, written.node(), with_digest=False)
    with pytest.raises(AssertionError, match="n0: another digest"):
        check_against_reference(written.checks, written.node(), with_digest=True)


# -- bounds ----------------------------------------------------------------------------------------

BOUNDS = {
    "pending": "PENDING_DELTAS_MAX",
    "pending bytes": "PENDING_BYTES_MAX",
    "pending of a device": "PENDING_PER_DEVICE_MAX",
    "pending of a peer": "PENDING_PER_PEER_MAX",
    "refused": "REFUSED_REMEMBERED_MAX",
    "judged": "JUDGED_REMEMBERED_MAX",
    "held back": "INBOX_WHILE_EXECUTING_MAX",
    "frames": "FRAMES_REMEMBERED_MAX",
    "claims": "ANNOUNCEMENT_PEERS_MAX",
    "closures": "FRONTIERS_CACHED_MAX",
}


@pytest.mark.parametrize(("name", "limit"), BOUNDS.items(), ids=BOUNDS)
def test_buffer_above_its_limit_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, limit: str
) -> None:
    """With a limit that no size keeps: each of them is looked at."""
    monkeypatch.setattr(limits, limit, -1)
    broken(rf"n0: \d+ {name}, more than -1", scene.checks.settled, scene.node())


def test_second_cache_of_a_limit_is_looked_at_too(scene: Scene) -> None:
    """Closures and summaries share one."""
    summaries = scene.node().replica.ledger.pasts._summaries
    summaries.update(dict.fromkeys(range(limits.FRONTIERS_CACHED_MAX + 1)))
    broken("summaries, more than", scene.checks.settled, scene.node())


# -- progress --------------------------------------------------------------------------------------


def test_node_that_is_busy_for_ever_is_noticed(scene: Scene) -> None:
    """An engine that never answers stops its node, and nobody else would tell."""
    progress = Progress(scene.checks)
    progress.look()
    scene.node()._executing = True
    for passed_s in (1, 58):
        scene.world.clock.now += passed_s
        progress.look()
    scene.world.clock.now += 2
    broken("n0 has been busy for 61 s", progress.look)
    scene.node()._executing = False
    progress.look()


def test_caller_who_waits_for_ever_is_noticed(scene: Scene) -> None:
    """Also where the node comes to rest between: it forgot the caller."""
    progress = Progress(scene.checks)
    progress.submitted(scene.node(), CallsSubmitted((CallRequest(7, CALL),)))
    for at_s, is_busy in ((100.0, False), (120.0, True)):
        scene.world.clock.now = at_s
        scene.node()._executing = is_busy
        progress.look()
    scene.world.clock.now = 124.0
    broken("a caller of n0 waits for 121 s", progress.look)
    progress.replied(scene.node(), Reply(7, OUTCOME, None))
    progress.look()


# -- the end ---------------------------------------------------------------------------------------


def test_node_that_is_down_at_the_end_is_noticed(scene: Scene) -> None:
    """Unless its owner went away with it, or cheats."""
    scene.node("n2").stop("stopped", is_power_cut=False)
    scene.checks.ended()
    scene.node("n1").stop("stopped", is_power_cut=False)
    broken("no healing in bounded time: n1 is down", scene.checks.ended)
    scene.node("n1").leave(is_for_good=True)
    scene.checks.ended()


def test_nodes_that_do_not_agree_at_the_end_are_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or do not know it, or are not done yet."""
    scene.node()._executing = True
    broken("no healing in bounded time: n0 is busy", scene.checks.ended)
    scene.node()._executing = False
    with monkeypatch.context() as claiming:
        claim(claiming)
        broken("n0 does not know that it is in sync with n1", scene.checks.ended)
    scene.apply(scene.write("n2", (), NOTE))
    broken("no healing in bounded time: they hold different deltas", scene.checks.ended)


def test_node_that_is_not_admitted_at_the_end_is_noticed() -> None:
    """It asked everybody, and there was time enough."""
    plan = small_plan(nodes=(*nodes("n0"), NodePlan("n1", "n1", 0.5)))
    broken("n1 is not admitted", Scene(plan, until_s=0.55).checks.ended)
    Scene(plan, until_s=20.0).checks.ended()
