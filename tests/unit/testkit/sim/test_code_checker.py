"""The checker of what code runs, on its own, and how nodes of a simulation come by code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.model import Batch, Call, Denied, HybridTime, Put, ReleaseId, Upgrade
from covey.sync import GovernanceAnswered, GovernanceRequested
from covey.testkit.sim import ARENA, load_application
from covey.testkit.sim.faults import Rollout
from covey.testkit.sim.node import Node
from covey.testkit.sim.plan import CodePlan, Plan, QuorumPlan
from covey.testkit.sim.releases import library_of
from covey.testkit.sim.run import simulate
from tests.unit.testkit.sim.scenes import FOUNDERS, Scene
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

LIBRARY = library_of(load_application(ARENA))
TWO = LIBRARY.by_name["2"]


def upgrade(node: str, release: str, *, at_s: float = 1.0, migrates: bool = False) -> Rollout:
    """Somebody who puts a release in force."""
    return Rollout(at_s, to_s=15.0, node=node, deed="upgrade", release=release, migrates=migrates)


def approve(node: str, release: str) -> Rollout:
    """Somebody who approves a release."""
    return Rollout(1.0, to_s=15.0, node=node, deed="approve", release=release)


def plan(*wanted: Rollout, code: CodePlan | None = None, **changes: object) -> Plan:
    """Three honest founders, and these wishes."""
    code = code or CodePlan()
    return small_plan(*wanted, nodes=nodes("n0", "n1", "n2"), code=code, **changes)


def in_force(scene: Scene) -> dict[str, str]:
    """By node the release that it has in force."""
    return {
        name: LIBRARY.by_id[node.replica.ledger.release].name
        for name, node in scene.world.nodes.items()
    }


def batch(node: Node, release: ReleaseId) -> Batch:
    """A call of a node under a release."""
    return Batch(
        context=node.world.founding.context,
        release=release,
        member=node.identity.member_id,
        device=node.identity.device,
        sequence=1,
        previous=None,
        time=HybridTime(1),
        roles=(),
        calls=(Call("play", b"{}"),),
    )


def test_release_is_fetched_by_those_who_lack_it() -> None:
    """One node installed it; the others have its module from that one, and run it."""
    scene = Scene(plan(upgrade("n0", "2")), until_s=10.0)
    assert in_force(scene) == {"n0": "2", "n1": "2", "n2": "2"}
    assert all(node.shelf.has(TWO) for node in scene.world.nodes.values())
    assert scene.world.faults_met["module"] == 2


def test_nobody_has_a_release_that_nobody_wants() -> None:
    """Else nothing would have to be fetched."""
    scene = Scene(plan(), until_s=10.0)
    assert in_force(scene) == {"n0": "1", "n1": "1", "n2": "1"}
    assert not any(node.shelf.has(TWO) for node in scene.world.nodes.values())


def test_calls_wait_until_the_code_is_there() -> None:
    """n1 knows of the release, but n0 hands out something else, for which it is blamed at once."""
    some = calls("n1", 4.0, put("k", "v"))
    scene = Scene(plan(upgrade("n0", "2"), submissions=(some,)), until_s=0.5)
    scene.node("n0").shelf.spoils = scene.node("n2").shelf.spoils = True
    with pytest.raises(AssertionError, match="blames n0, who did nothing wrong: wrong-content"):
        scene.pass_time(10.0)
    assert scene.node("n1").replica.ledger.release == TWO.id
    assert scene.world.took_effect == 0


def test_rivals_are_settled_on_every_node() -> None:
    """Both were put in force without knowing of each other; what is newer comes after them."""
    wanted = (upgrade("n0", "2"), upgrade("n1", "rival"), upgrade("n2", "3", at_s=5.0))
    scene = Scene(plan(*wanted, delay_s=0.5), until_s=14.0)
    assert len(set(in_force(scene).values())) == 1


def test_quorum_and_notice_are_waited_for() -> None:
    """The admin tries again until the key has spoken and somebody without one has seen it."""
    code = CodePlan(quorums=(QuorumPlan(1, ("n1",), 1_000),))
    some = tuple(calls("n2", at_s, put("k", "v")) for at_s in (3.0, 5.0, 7.0))
    wanted = (upgrade("n0", "2", migrates=True), approve("n1", "2"))
    scene = Scene(plan(*wanted, code=code, submissions=some), until_s=3.0)
    assert in_force(scene)["n0"] == "1"
    scene.pass_time(14.0)
    assert set(in_force(scene).values()) == {"2"}
    assert scene.world.faults_met["migration"] == 1


def test_never_means_never() -> None:
    """Whatever admins wish."""
    locked = plan(upgrade("n0", "2"), code=CodePlan(is_locked=True))
    result = simulate(locked, load_application(ARENA))
    assert (result.finding, result.faults.get("upgrade")) == (None, None)


@pytest.fixture
def scene() -> Scene:
    """Three founders under a rule without constraints; one of them is doctored."""
    return Scene(small_plan(nodes=FOUNDERS, code=CodePlan()))


def test_code_that_a_node_has_not_is_noticed(scene: Scene) -> None:
    """It would be an error of the engine, at somebody who upgraded in good faith."""
    node = scene.node()
    scene.checks.executes(node, batch(node, LIBRARY.first.id))
    with pytest.raises(AssertionError, match="n0 runs 2, which it has not"):
        scene.checks.executes(node, batch(node, TWO.id))


def test_code_that_is_not_in_force_is_noticed(scene: Scene) -> None:
    """It is there, but nobody put it in force."""
    node = scene.node()
    node.shelf.install(TWO)
    scene.pass_time(5.0)
    with pytest.raises(AssertionError, match="n0 runs 2, while 1 is in force"):
        scene.checks.executes(node, batch(node, TWO.id))


def test_another_release_in_force_than_the_oracle_s_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the first look at a node that says so."""
    node = scene.node()
    governor = node.replica.ledger.governor
    rule = governor.rule(node.replica.ledger.authority)
    monkeypatch.setattr(governor, "rule", lambda _: replace(rule, number=1, release=TWO.id))
    with pytest.raises(AssertionError, match="n0 has another release in force than the oracle: 2"):
        scene.checks.settled(node)


@pytest.mark.parametrize("code", ["notice", "no-admin", "not-ready"])
def test_refusal_that_no_rule_asks_for_is_noticed(scene: Scene, code: str) -> None:
    """An admin, a newer release that is there, no constraint: nothing stands in the way."""
    node = scene.node()
    node.shelf.install(TWO)
    scene.pass_time(5.0)
    scene.checks.wished(node, GovernanceRequested(7, (Upgrade(1, TWO.manifest, ()),)))
    with pytest.raises(AssertionError, match=rf"n0 is refused its upgrade \({code}\)"):
        scene.checks.governed(node, GovernanceAnswered(7, None, Denied(code, "so")))


@pytest.mark.parametrize("name", ["foreign", "altered"])
def test_refusal_that_a_rule_asks_for_is_right(scene: Scene, name: str) -> None:
    """What nobody may put in force is refused to the honest too."""
    node, manifest = scene.node(), LIBRARY.by_name[name].manifest
    scene.checks.wished(node, GovernanceRequested(7, (Upgrade(1, manifest, ()),)))
    scene.checks.governed(node, GovernanceAnswered(7, None, Denied("other-application", "so")))


def test_unauthorised_upgrade_is_noticed(scene: Scene) -> None:
    """Whoever applies it, by the rules as they are at its cut."""
    foreign = Upgrade(1, LIBRARY.by_name["foreign"].manifest, ())
    delta = scene.write("n1", (), governance=(foreign,))
    assert scene.checks.refusal(delta) == "other-application"
    with pytest.raises(AssertionError, match="the oracle refuses it: other-application"):
        scene.apply(delta)


def test_call_under_a_release_that_is_not_in_force_is_noticed(scene: Scene) -> None:
    """Signed by whomever."""
    delta = scene.write("n1", (), Put("notes", b"k", b"v"), release=TWO.id)
    with pytest.raises(AssertionError, match="the oracle refuses it: wrong-release"):
        scene.apply(delta)
