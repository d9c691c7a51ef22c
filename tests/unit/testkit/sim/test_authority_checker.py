"""The checker of authority, on its own: every part of a node's word, at every change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.governance import Authority, Governor
from covey.model import DeltaId, DeviceId, MemberId, Publisher, Tip
from covey.sync import Ledger
from covey.testkit.oracle import Judgement, agreement
from covey.testkit.sim import ARENA, load_application
from covey.testkit.sim.checkers import authority
from covey.testkit.sim.node import Node
from covey.testkit.sim.run import simulate
from tests.unit.testkit.sim.scenes import FOUNDERS, Scene
from tests.unit.testkit.sim.worlds import calls, put, small_plan


@pytest.fixture
def scene() -> Scene:
    """A world at rest, in which a node has written."""
    return Scene(small_plan(nodes=FOUNDERS, submissions=(calls("n0", 0.5, put("k", "v")),)))


def looked_at(scene: Scene) -> None:
    """Look at n0 as at a node that came up."""
    scene.checks.started(scene.node())
    scene.checks.settled(scene.node())


def test_node_of_the_oracle_s_mind_is_let_through(scene: Scene) -> None:
    """The start of all the others."""
    assert scene.node().replica.ledger.count > 0
    looked_at(scene)


def test_other_members_are_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which the state says nothing: it was folded long ago."""

    def nobody(_: Authority) -> tuple[tuple[DeviceId, MemberId], ...]:
        return ()

    monkeypatch.setattr(agreement, "devices", nobody)
    with pytest.raises(AssertionError, match="n0 has other members than the oracle"):
        looked_at(scene)


def test_other_roles_are_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above; the founders are admins no more."""
    monkeypatch.setattr(Authority, "roles", lambda *_: frozenset[str]())
    with pytest.raises(AssertionError, match="n0 has other roles than the oracle"):
        looked_at(scene)


def test_other_closed_devices_are_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody closed them."""
    monkeypatch.setattr(Authority, "is_closed", lambda *_: True)
    with pytest.raises(AssertionError, match="n0 has other closed devices than the oracle"):
        looked_at(scene)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"number": 1}, "another release in force"),
        ({"constraints": (Publisher(),)}, "another code rule"),
    ],
)
def test_other_code_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], what: str
) -> None:
    """In a plan without releases, too, where admins tighten."""
    ledger = scene.node().replica.ledger
    rule = replace(ledger.governor.rule(ledger.authority), **change)
    monkeypatch.setattr(Governor, "rule", lambda *_: rule)
    with pytest.raises(AssertionError, match=f"n0 has {what} than the oracle"):
        looked_at(scene)


def test_other_silent_deltas_are_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delta is folded out that does something."""
    device = scene.node().identity.device
    (tip,) = scene.node().replica.ledger.frontier[device]

    def one(*_: object) -> list[tuple[DeviceId, Tip]]:
        return [(device, tip)]

    monkeypatch.setattr(agreement, "silent_tips", one)
    with pytest.raises(AssertionError, match="n0 has other silent deltas: 1 more, 0 fewer"):
        looked_at(scene)


@pytest.mark.parametrize("every", [1, 4])
def test_every_change_is_compared(monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """But for a crowd: one in so many. And each honest node at the end."""
    held: set[tuple[str, frozenset[DeltaId]]] = set()
    compared: list[int] = []
    real, settled = authority.disagreement, authority.Authority.settled

    def counted(ledger: Ledger, j: Judgement, silent: frozenset[DeltaId]) -> str:
        compared.append(ledger.count)
        return real(ledger, j, silent)

    def seen(checker: authority.Authority, node: Node) -> None:
        held.add((node.name, frozenset(node.replica.ledger.heads)))
        settled(checker, node)

    monkeypatch.setattr(authority, "disagreement", counted)
    monkeypatch.setattr(authority.Authority, "settled", seen)
    some = tuple(calls(name, at_s, put("k", name)) for name in ("n0", "n1") for at_s in (0.5, 1.5))
    plan = small_plan(nodes=FOUNDERS, submissions=some, honesty_every=every)
    assert simulate(plan, load_application(ARENA)).finding is None
    assert len(held) > 12
    assert len(compared) == len(held) // every + len(("n0", "n1"))
