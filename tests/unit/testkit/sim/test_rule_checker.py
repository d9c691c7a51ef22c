"""The checker of rules, on its own: it notices every delta that no honest node may apply."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.crypto import sha256
from covey.model import Add, Delete, Delta, DeltaId, Effect, HybridTime, PeerId, Put, Verdict
from covey.testkit.identities import identity
from tests.unit.testkit.sim.scenes import Scene

GUEST = identity("guest")
NOTE = Put("notes", b"k", b"v")
Forge = Callable[[Scene, Delta, Delta], Delta]


@pytest.fixture
def scene() -> Scene:
    """A world at rest."""
    return Scene()


def other_owner(scene: Scene) -> bytes:
    """The key of a member who is not n0."""
    return bytes(scene.node("n1").identity.member_id)


def test_deltas_that_follow_the_rules_are_let_through(scene: Scene) -> None:
    """An admission, and then an effect of each kind, by whoever may have it."""
    first = scene.write("n0", (), governance=(GUEST.admit(scene.world.founding.context),))
    mine = bytes(GUEST.member_id)
    allowed = scene.write(
        GUEST,
        (first,),
        NOTE,
        Delete("notes", b"k"),
        Add("counts", b"k", -3),
        Put("stamps", mine + b"k", b"v"),
        Put("stamps", sha256(b"shared"), b"shared"),
        Put("cards", mine + b"k", b"v"),
        Delete("cards", mine),
    )
    ruling = scene.write("n1", (allowed,), Put("rulings", b"k", b"v"))
    scene.apply(first, allowed, ruling)
    assert len(scene.checks.history.known) == 3


def test_second_device_is_its_member_s(scene: Scene) -> None:
    """What belongs to a member may be written by each of its devices, once that is admitted."""
    phone = identity("n0", "phone")
    first = scene.write("n0", (), governance=(phone.admit(scene.world.founding.context),))
    scene.apply(first, scene.write(phone, (first,), Put("cards", bytes(phone.member_id), b"v")))
    with pytest.raises(AssertionError, match="the oracle refuses it: not-admitted"):
        scene.apply(scene.write(phone, (), NOTE), at="n1")


PLACES: dict[str, Forge] = {
    "it is not later than a parent": lambda scene, _, second: scene.write(
        "n0", (second,), NOTE, time=second.core.time
    ),
    "a parent is an ancestor of another": lambda scene, first, second: scene.write(
        "n2", (second,), NOTE, parents=tuple(sorted((first.id, second.id)))
    ),
    "it does not continue its chain": lambda scene, first, second: scene.write(
        "n0", (second,), NOTE, previous=None, sequence=1
    ),
    "its sequence is not the next": lambda scene, _, second: scene.write(
        "n0", (second,), NOTE, sequence=3
    ),
    "the oracle refuses it: not-admitted": lambda scene, _, second: scene.write(
        GUEST, (second,), NOTE
    ),
    "its governance parents are not the heads": lambda scene, first, second: scene.write(
        "n0", (second,), NOTE, gov_parents=(first.id,)
    ),
    "the oracle refuses it: admitted-already": lambda scene, _, second: scene.write(
        "n0",
        (second,),
        governance=(scene.node("n1").identity.admit(scene.world.founding.context),),
    ),
}


@pytest.mark.parametrize("reason", PLACES)
def test_delta_that_does_not_fit_its_cut_is_noticed(scene: Scene, reason: str) -> None:
    """By any node that applies it, whoever signed it."""
    first = scene.write("n0", (), NOTE)
    second = scene.write("n1", (first,), NOTE)
    scene.apply(first, second)
    forged = PLACES[reason](scene, first, second)
    with pytest.raises(AssertionError, match=f"^n0 applied {forged.id.hex()[:8]}: {reason}"):
        scene.apply(forged)


def test_delta_on_both_branches_of_its_author_is_noticed(scene: Scene) -> None:
    """Branches may exist, when somebody cheats; but a chain goes on from one of them."""
    branches = [scene.write("n2", (), Put("notes", b"k", v)) for v in (b"1", b"2")]
    scene.apply(*branches)
    scene.apply(scene.write("n2", (branches[0],), NOTE))
    with pytest.raises(AssertionError, match="its cut holds a fork of its author"):
        scene.apply(scene.write("n2", tuple(branches), NOTE))


EFFECTS: dict[str, Callable[[Scene], tuple[Effect, ...]]] = {
    "put on a counter": lambda _: (Put("counts", b"k", b"5"),),
    "delete of a counter": lambda _: (Delete("counts", b"k"),),
    "add to a register": lambda _: (Add("notes", b"k", 5),),
    "add to an owned entry": lambda _: (Add("cards", b"k", 5),),
    "put of another's": lambda scene: (Put("cards", other_owner(scene) + b"k", b"v"),),
    "delete of another's": lambda scene: (Delete("cards", other_owner(scene)),),
    "put of nobody's": lambda _: (Put("cards", b"k", b"v"),),
    "stamp of another": lambda scene: (Put("stamps", other_owner(scene), b"v"),),
    "stamp of no hash": lambda _: (Put("stamps", sha256(b"this"), b"that"),),
    "delete of a stamp": lambda scene: (Delete("stamps", scene.node().identity.member_id),),
    "add to a stamp": lambda scene: (Add("stamps", scene.node().identity.member_id, 5),),
    "stamp twice": lambda scene: 2 * (Put("stamps", scene.node().identity.member_id, b"v"),),
}


@pytest.mark.parametrize("kind", EFFECTS)
def test_effect_that_its_rule_forbids_is_noticed(scene: Scene, kind: str) -> None:
    """Each merge rule, and each effect that it has no place for."""
    forged = scene.write("n0", (), *EFFECTS[kind](scene))
    with pytest.raises(AssertionError, match=r"^n0 applied \w+: .* is forbidden$"):
        scene.apply(forged)


def test_frozen_entry_that_was_there_before_is_noticed(scene: Scene) -> None:
    """At the delta's own cut: two who did not see each other may both put it."""
    stamp = Put("stamps", sha256(b"shared"), b"shared")
    first = scene.write("n0", (), stamp)
    scene.apply(first, scene.write("n1", (), stamp))
    with pytest.raises(AssertionError, match="is forbidden"):
        scene.apply(scene.write("n2", (first,), stamp))


def test_effect_without_the_role_is_noticed(scene: Scene) -> None:
    """Rulings are for admins, and the guest is none."""
    first = scene.write("n0", (), governance=(GUEST.admit(scene.world.founding.context),))
    scene.apply(first)
    with pytest.raises(AssertionError, match="the oracle refuses it: role-missing"):
        scene.apply(scene.write(GUEST, (first,), Put("rulings", b"k", b"v")))


def test_delta_that_was_forbidden_is_noticed_wherever_it_is_applied(scene: Scene) -> None:
    """Also where nothing in it shows that it was forged."""
    delta = scene.write("n2", (), NOTE)
    scene.apply(delta)
    scene.checks.forbid(delta.id)
    with pytest.raises(AssertionError, match=r"^n1 applied \w+, which no node may$"):
        scene.apply(delta, at="n1")


def test_honest_node_that_is_blamed_is_noticed(scene: Scene) -> None:
    """A node that blames whoever follows the rules breaks the network by itself."""
    scene.checks.accused(scene.node(), PeerId("n2"), "wrong-signature")
    with pytest.raises(AssertionError, match="n0 blames n1, who did nothing wrong: wrong-time"):
        scene.checks.accused(scene.node(), PeerId("n1"), "wrong-time")


def test_honest_frame_that_is_rejected_is_noticed(scene: Scene) -> None:
    """Gossip cuts off whoever passes on what is malformed."""
    scene.checks.judged(scene.node(), "n1", Verdict.ACCEPT)
    scene.checks.judged(scene.node(), "n1", Verdict.IGNORE)
    scene.checks.judged(scene.node(), "n2", Verdict.REJECT)
    with pytest.raises(AssertionError, match="n0 rejects n1's frame"):
        scene.checks.judged(scene.node(), "n1", Verdict.REJECT)


def test_delta_whose_parents_nobody_applied_is_noticed(scene: Scene) -> None:
    """The history knows what everything follows before it takes it in."""
    absent = DeltaId(sha256(b"never written"))
    delta = scene.write("n0", (), NOTE, parents=(absent,), time=HybridTime(1 << 60))
    with pytest.raises(AssertionError, match="before one that it follows"):
        scene.apply(delta)
