"""A member with a doctored node against the code of the application."""

from __future__ import annotations

import pytest

from covey.testkit.cluster import until
from tests.e2e.doctored.application import arena
from tests.e2e.doctored.conftest import Rooms, assailed
from tests.e2e.doctored.scene import PATIENCE_S


@pytest.fixture(scope="module")
def rooms(scene):
    """Contexts whose charter wants calls run again, as every charter does by default."""
    rooms = Rooms(lambda name: scene.found(arena(), name), scene, "calls")
    yield rooms
    rooms.close()


@pytest.fixture
def assault(rooms):
    """One that has room for what is refused in it."""
    return rooms.one()


FORGED = [
    ("forged effects: another value", "other values", "wrong-effects"),
    ("forged effects: another sum", "other sums", "wrong-effects"),
    ("forged effects: one more entry", "more effects", "wrong-effects"),
    ("forged effects: none", "no effects", "wrong-effects"),
    ("a call that never ran", "never run", "failed-call"),
    ("more fuel than used", "more fuel", "wrong-fuel"),
    ("less fuel than used", "less fuel", "wrong-fuel"),
    ("no fuel declared", "no fuel", "wrong-fuel"),
    ("more fuel than a delta may use", "overdrawn", "wrong-fuel"),
    ("wrong events: another one", "other events", "wrong-events"),
    ("wrong events: none", "no events", "wrong-events"),
]


@pytest.mark.parametrize(("title", "deed", "code"), FORGED, ids=[row[0] for row in FORGED])
def test_what_the_code_would_not_write(assault, title, deed, code):
    """Only running it again shows it, and every node does."""
    assault.refused(title, deed, code)


OUT_OF_PLACE = [
    ("wrong chain: a sequence skipped", "skipped", "wrong-chain"),
    ("wrong chain: another's last delta as previous", "another's previous", "wrong-chain"),
    ("wrong chain: two previous", "two previous", "tangled-parents"),
    ("wrong chain: begun anew", "begins anew", "wrong-chain"),
    ("a clock put back", "before its parents", "wrong-time"),
]


@pytest.mark.parametrize(("title", "deed", "code"), OUT_OF_PLACE, ids=[r[0] for r in OUT_OF_PLACE])
def test_what_stands_out_of_place(assault, title, deed, code):
    """A device has one chain, and time goes on along it."""
    assault.commit("honest", key="first")
    assault.refused(title, deed, code)


STOLEN = [
    ("another's owned entry", "steals owned", "not-owner"),
    ("another's frozen entry", "steals frozen", "not-owner"),
    ("a collection of a role", "without role", "role-missing"),
    ("a collection that there is not", "unknown collection", "unknown-collection"),
]


@pytest.mark.parametrize(("title", "deed", "code"), STOLEN, ids=[row[0] for row in STOLEN])
def test_what_belongs_to_others(scene, assault, title, deed, code):
    """The rules of the state refuse it before any code is run."""
    assault.refused(title, deed, code, member=scene.ada.member)


def test_another_device_is_not_spoken_for(scene, assault):
    """Its signature is asked for, on both ways; the stream ends there."""
    device = scene.ada.device(assault.context)
    assault.refused("signature of another", "in another's name", "bad-signature", device=device)


def test_a_delta_serves_one_context_alone(scene, assault):
    """Its signature names the context: moved to another one it verifies nowhere."""
    scene.found(arena(), "other calls")
    title = "a delta of another context"
    assault.refused(title, "from another context", "bad-signature", other="other calls")


def test_future_clock_waits_until_it_is_due(scene):
    """Nobody stalls, nobody is to blame: it is applied when its time has come, elsewhere too."""
    context = scene.found(arena(), "soon")
    with assailed(scene, context) as soon, soon.under("future clock") as seen:
        (delta,) = soon.commit("future", ahead_ms=33_000, key="soon")
        for node in scene.honest:
            until(lambda n=node: scene.digest(n.client, context)[3] == 1, PATIENCE_S, "waiting")
            assert delta not in node.rows(context)
        for node in scene.honest:
            until(lambda n=node: delta in n.rows(context), PATIENCE_S, "its time")
            assert not node.refusals(seen.marks[node.name])
    soon.told("future clock, 33 s: applied when due", "delayed", seen, "2")


def test_far_future_holds_up_nobody(scene):
    """A year ahead: it waits, within bounds, and honest calls and states go on without it."""
    context = scene.found(arena(), "never")
    with assailed(scene, context) as never, never.under("far future", waiting=True) as seen:
        deltas = never.commit("future", ahead_ms=365 * 86_400_000, key="stolen")
        for node in scene.honest:
            until(lambda n=node: scene.digest(n.client, context)[3] == 1, PATIENCE_S, "waiting")
    never.holds_none_of(deltas)
    never.told("future clock, a year: never", "delayed", seen, "0")
