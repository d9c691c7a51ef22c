"""A founder or holder of a key with a doctored node against the rules of releases."""

from __future__ import annotations

import pytest

from covey.api.rules_schema import ConstraintForm, RulesForm
from covey.codec import Description, cid_text, open_bundle, sign_manifest
from covey.model import EXECUTION_ENGINE_FUEL, EXECUTION_METERED
from covey.runtime import read_interface
from tests.e2e.doctored.application import PACKAGE, arena, migrating, publisher
from tests.e2e.doctored.conftest import Rooms, assailed
from tests.e2e.doctored.scene import Scene, applied, quorum

PUBLISHER = ConstraintForm("publisher")


def release_of(bundle: bytes) -> tuple[str, str]:
    """Manifest and id of a release, in hexadecimal digits."""
    opened = open_bundle(bundle)
    return opened.manifest_bytes.hex(), bytes(opened.release).hex()


def manifest(
    version: str = "2.0.0",
    *,
    by: str | None = None,
    package: str = PACKAGE,
    execution: str = EXECUTION_METERED,
    roles: dict[str, tuple[str, ...]] | None = None,
    without: str = "",
) -> str:
    """A signed manifest in hexadecimal digits: the arena's, with something else about it."""
    opened = open_bundle(arena())
    interface = read_interface(opened.module)
    collections = tuple(
        c if c.name not in (roles or {}) else type(c)(c.name, c.rule, roles[c.name])
        for c in interface.collections
        if c.name != without
    )
    return sign_manifest(
        Description(package, version, "another"),
        type(interface)(interface.abi, collections, interface.methods),
        opened.module,
        execution,
        publisher() if by is None else publisher(by),
    ).hex()


def founders(scene: Scene, *code: ConstraintForm) -> RulesForm:
    """ada, ben and, last, the rogue."""
    clients = (scene.ben.client, scene.mal_client)
    return RulesForm(admins=tuple(c.certificate().certificate for c in clients), code=code)


@pytest.fixture(scope="module")
def rooms(scene):
    """Contexts of a publisher's releases, of whose founders the rogue is one."""
    rules = founders(scene, PUBLISHER)
    rooms = Rooms(lambda name: scene.found(arena("1.5.0"), name, rules), scene, "published")
    yield rooms
    rooms.close()


@pytest.fixture
def published(rooms):
    """One that has room for what is refused in it."""
    return rooms.one()


ALTERED = manifest().replace(b'"licence":""'.hex(), b'"licence":"mine"'.hex())
WRONG = [
    ("downgrade", manifest("1.4.0"), "no-newer-version", {}),
    ("downgrade to a candidate", manifest("1.5.0-rc.1"), "no-newer-version", {}),
    ("the same version again", manifest("1.5.0"), "no-newer-version", {}),
    ("other publisher", manifest(by="somebody else"), "other-application", {}),
    ("other package", manifest(package="org.example.other"), "other-application", {}),
    ("altered manifest", ALTERED, "bad-manifest", {}),
    ("other execution", manifest(execution=EXECUTION_ENGINE_FUEL), "other-execution", {}),
    ("a collection loosened", manifest(roles={"rulings": ()}), "collection-changed", {}),
    ("a collection tightened", manifest(roles={"notes": ("admin",)}), "collection-changed", {}),
    ("a collection left out", manifest(without="stamps"), "collection-changed", {}),
    ("a number skipped", manifest(), "wrong-number", {"number": 2}),
    ("a witness from nowhere", manifest(), "wrong-witness", {"witnesses": ["ab" * 32]}),
]


@pytest.mark.parametrize(("title", "packed", "code", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_release_of_this_context(published, title, packed, code, words):
    """A founder may put a release in force, but only one that the rules let in."""
    published.refused(title, "upgrades", code, manifest=packed, **words)


MIGRATIONS = [
    ("a migration that writes others' owned entries", "owned", "not-owner"),
    ("a migration that writes others' frozen entries", "frozen", "not-owner"),
    ("a migration that writes what its code does not", "others", "wrong-effects"),
]


@pytest.mark.parametrize(("title", "what", "code"), MIGRATIONS, ids=[row[1] for row in MIGRATIONS])
def test_what_no_migration_may_write(scene, published, title, what, code):
    """It is a call under the same rules of the state, and run again as every call is."""
    bundle = migrating("2.0.0")
    for node in scene.honest:
        node.client.install(bundle)
    packed, _ = release_of(bundle)
    words = {"manifest": packed, "what": what, "member": scene.ada.member, "is_streamed": True}
    published.refused(title, "migrates", code, **words)


def test_an_upgrade_has_no_call_beside(published):
    """Nothing is slipped in with it under the old release or the new."""
    title = "an upgrade with another call"
    published.refused(title, "calls beside", "wrong-upgrade", manifest=manifest())


def test_a_release_serves_no_call_before_it_is_in_force(published):
    """Early activation: whoever runs it early is alone with that."""
    _, release = release_of(arena("2.0.0"))
    title = "early activation: a call under a release to come"
    published.refused(title, "runs early", "wrong-release", release=release)


# -- quorums -------------------------------------------------------------------------------------


def approved(scene: Scene, context: str, bundle: bytes, *nodes) -> None:
    """Honest holders approve a release."""
    for node in nodes:
        node.client.install(bundle)
        release = cid_text(open_bundle(bundle).release)
        scene.govern(node, context, action="approve", release=release)


def test_approvals_are_each_holders_own(scene):
    """Forged, replayed or of another release: they do not add up."""
    context = scene.found(arena(), "forged", founders(scene, quorum(2, *scene.honest)))
    bundle, other = arena("2.0.0"), arena("2.0.0", "a rival")
    (packed, release), (rival, _) = release_of(bundle), release_of(other)
    with assailed(scene, context) as assault:
        words = {"number": 1, "release": release}
        assault.refused("approval without a key", "approves", "no-key", **words)
        who = scene.ben.device(context)
        title = "forged approval, in a holder's name"
        assault.refused(title, "approves for", "bad-signature", who=who, **words)
        assault.refused("no approval at all", "upgrades", "not-approved", manifest=packed)
        approved(scene, context, bundle, scene.ada)
        title = "one approval of two"
        assault.refused(title, "upgrades", "not-approved", manifest=packed)
        approved(scene, context, bundle, scene.ben)
        title = "approvals replayed for another release"
        assault.refused(title, "upgrades", "not-approved", manifest=rival)
        release = cid_text(open_bundle(bundle).release)
        scene.govern(scene.ada, context, action="upgrade", release=release)
        title = "approvals replayed for the next number"
        assault.refused(title, "upgrades", "not-approved", manifest=rival)


def test_an_approval_sent_again_counts_once(scene):
    """The very same delta is known already, and is no second voice."""
    context = scene.found(arena(), "twice", founders(scene, quorum(2, *scene.honest)))
    bundle = arena("2.0.0")
    scene.ada.client.install(bundle)
    release = cid_text(open_bundle(bundle).release)
    delta = scene.govern(scene.ada, context, action="approve", release=release)
    with assailed(scene, context) as assault:
        with assault.under("approval sent again") as seen:
            for _ in range(3):
                assault.commit("approves again", delta=delta)
        assault.told("approval sent again", "known", seen, "0")
        packed, _ = release_of(bundle)
        title = "one approval, replayed"
        assault.refused(title, "upgrades", "not-approved", manifest=packed)


def test_tighten_replaces_no_quorum(scene):
    """It adds the rogue's own key: the old quorum binds as before."""
    context = scene.found(arena(), "tightened", founders(scene, quorum(2, *scene.honest)))
    packed, release = release_of(arena("2.0.0"))
    with assailed(scene, context) as assault:
        assault.stands("a tighten to one's own key", "tightens and keeps")
        for node in scene.honest:
            names = [(row.constraint, row.k) for row in node.client.rules(context).constraints]
            assert names == [("quorum", 2), ("quorum", 1)]
        words = {"number": 1, "release": release, "kept": True}
        assault.stands("its own approval", "approves", **words)
        title = "an upgrade by the new key alone"
        assault.refused(title, "upgrades", "not-approved", manifest=packed)


def test_a_notice_is_not_dated_back_by_its_keepers(scene):
    """Only what follows the approvals and is by nobody with a key says since when."""
    keys = ConstraintForm("quorum", 1, (scene.mal.member,), 60)
    context = scene.found(arena(), "notice", founders(scene, keys))
    packed, release = release_of(arena("2.0.0"))
    with assailed(scene, context) as assault:
        approve = {"number": 1, "release": release, "kept": True}
        words = {"manifest": packed}
        (own,) = assault.stands("approval dated back", "approves", earliest=True, **approve).deltas
        title = "back-dated notice: the approval as its own witness"
        assault.refused(title, "upgrades", "notice", witnesses=[own], **words)
        (late,) = assault.commit("honest", key="witness of its own")
        title = "back-dated notice: a witness of a key holder"
        assault.refused(title, "upgrades", "notice", witnesses=[late], **words)
        assault.refused("early activation: no witness", "upgrades", "notice", **words)
        with assault.under("honest calls follow the approval"):
            pass
        delta = witness_of(scene, context)
        title = "early activation: 29 s ahead, with an honest witness"
        ahead = {"ahead_ms": 29_000, "witnesses": [delta]}
        assault.refused(title, "upgrades", "notice", **ahead, **words)


def witness_of(scene: Scene, context: str) -> str:
    """An honest delta that the rogue has too, and which follows what it said."""
    device = scene.ada.client.context(context).device
    rows = scene.ada.rows(context).values()
    delta = max((row for row in rows if row.author == device), key=lambda r: r.sequence).delta
    assert delta in applied(scene.mal_client, context)
    return delta


# -- rivals --------------------------------------------------------------------------------------


def test_a_rival_upgrade_wins_nothing_by_its_time(scene):
    """Of two with one number the greater release id is in force, however early one is dated."""
    context = scene.found(arena(), "rivals", founders(scene))
    first, other = sorted((arena("2.0.0"), arena("2.0.0", "rival")), key=lambda b: release_of(b)[1])
    packed, _ = release_of(first)
    with assailed(scene, context) as assault:
        assault.commit("honest", key="before")
        assault.commit("note")
        row = scene.ada.client.install(other)
        scene.govern(scene.ada, context, action="upgrade", release=row.id)
        before = [node.rule(context) for node in scene.honest]
        words = {"manifest": packed, "number": 1, "stale": True, "earliest": True, "kept": True}
        assault.stands("a rival upgrade, dated as early as can be", "upgrades", **words)
        assert [node.rule(context) for node in scene.honest] == before
        assert before[0]["release"] == row.id


def test_a_stale_cut_brings_no_release_back(scene):
    """An upgrade signed from before a lock is kept, and puts nothing in force."""
    context = scene.found(arena(), "stale upgrade", founders(scene))
    packed, _ = release_of(arena("3.0.0"))
    with assailed(scene, context) as assault:
        assault.commit("note")
        never = ConstraintForm("never")
        scene.govern(scene.ada, context, action="tighten", constraint=never)
        before = [node.rule(context) for node in scene.honest]
        title = "stale cut: an upgrade from before a lock"
        words = {"manifest": packed, "stale": True, "kept": True, "void": True}
        assault.stands(title, "upgrades", **words)
        assert [node.rule(context) for node in scene.honest] == before
        assault.refused("an upgrade after a lock", "upgrades", "locked", manifest=packed)
