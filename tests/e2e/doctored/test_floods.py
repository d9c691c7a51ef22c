"""A member that writes as much as it may, and more: honest calls go on, and reach the others."""

from __future__ import annotations

import pytest

from covey.model import limits
from covey.testkit.cluster import until
from tests.e2e.doctored.application import ADD, BURN, burner
from tests.e2e.doctored.assault import Assault
from tests.e2e.doctored.scene import PATIENCE_S

BOMBS, LIES, TINY = 12, 12, 900


def add(name: str) -> tuple[str, bytes]:
    """An honest call."""
    return ADD, b"{}"


@pytest.fixture
def assault(scene, request):
    """A context of its own for each flood."""
    assault = Assault(scene, scene.found(burner(), request.node.originalname), add)
    yield assault
    assault.close()


def test_fuel_bomb(scene, assault):
    """Every delta uses what one may use: they are applied in their turn, between honest ones."""
    title = f"fuel bomb: {BOMBS} deltas of nearly all the fuel of one"
    words = {"method": BURN, "count": BOMBS}
    assault.stands(title, "chain", **words)


def test_fuel_bomb_of_lies(scene, assault):
    """Each has to be run to the end to be refused; gossip has nobody to blame."""
    before = [node.rule(assault.context) for node in scene.honest]
    with assault.under("lies") as seen:
        deltas = assault.commit("lies", count=LIES)
        last = assault.commit("honest add")
        for node in scene.honest:
            until(lambda n=node: set(last) <= n.rows(assault.context).keys(), PATIENCE_S, "the end")
    assault.holds_none_of(deltas)
    for node in scene.honest:
        rows = node.kept(assault.context)
        assert len(rows.keys() & set(deltas)) == limits.REFUSALS_PER_DEVICE_MAX
        assert {row.code for row in rows.values()} == {"wrong-effects"}
        assert all(row.reason for row in rows.values())
    assert [node.rule(assault.context) for node in scene.honest] == before
    assault.told(f"fuel bomb of lies: {LIES} deltas", "wrong-effects", seen, "0")


def test_flood_within_the_rules(scene, assault):
    """Thousands of tiny deltas, all of which are kept: a member may."""
    title = f"flood within the rules: {TINY} tiny deltas"
    assault.stands(title, "chain", method=ADD, count=TINY)
