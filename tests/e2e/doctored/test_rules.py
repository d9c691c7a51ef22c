"""A member with a doctored node against the rules of who may do what."""

from __future__ import annotations

import pytest

from covey.api.rules_schema import RulesForm
from tests.e2e.doctored.application import arena
from tests.e2e.doctored.conftest import assailed
from tests.e2e.doctored.scene import Scene, quorum


def two_founders(scene: Scene, *more: str) -> RulesForm:
    """ada before ben, whose quorum decides over the code."""
    admins = (scene.ben.client.certificate().certificate, *more)
    return RulesForm(admins=admins, code=(quorum(2, *scene.honest),))


def mal_of(scene: Scene) -> str:
    return scene.mal.member


@pytest.fixture(scope="module")
def as_member(scene):
    """A context in which the rogue has no role."""
    context = scene.found(arena(), "as member", two_founders(scene))
    with assailed(scene, context) as assault:
        yield assault


@pytest.fixture(scope="module")
def as_admin(scene):
    """A context in which ada has made the rogue an admin."""
    context = scene.found(arena(), "as admin", two_founders(scene))
    scene.govern(scene.ada, context, action="give", who=mal_of(scene), role="admin")
    with assailed(scene, context) as assault:
        yield assault


BY_A_MEMBER = [
    ("self-promotion", "promotes itself", "no-admin"),
    ("removal of a senior, by a member", "closes", "no-admin"),
    ("removal of all, by a member", "closes all", "no-admin"),
    ("a tighten, by a member", "tightens", "no-admin"),
    ("a vote, by a member", "votes", "no-admin"),
    ("evidence of no fork", "frames", "wrong-evidence"),
    ("a device in another's name", "admits in another's name", "bad-certificate"),
    ("a device that never asked", "admits the unwilling", "bad-join"),
]


@pytest.mark.parametrize(("title", "deed", "code"), BY_A_MEMBER, ids=[r[0] for r in BY_A_MEMBER])
def test_what_a_member_may_not(scene, as_member, title, deed, code):
    """Everybody judges it by its own cut; nothing about the context changes."""
    who = scene.ada.device(as_member.context)
    as_member.refused(title, deed, code, who=who, member=scene.ada.member)


BY_AN_ADMIN = [
    ("removal of the first founder, by an admin", "closes", "rank"),
    ("demotion of the first founder, by an admin", "demotes", "rank"),
    ("removal of all, by an admin", "closes all", "rank"),
    ("self-promotion of an admin", "promotes itself", "held-already"),
]


@pytest.mark.parametrize(("title", "deed", "code"), BY_AN_ADMIN, ids=[r[0] for r in BY_AN_ADMIN])
def test_what_an_admin_may_not(scene, as_admin, title, deed, code):
    """An admin of a founder's grace is below every founder."""
    as_admin.refused(title, deed, code, who=scene.ada.device(as_admin.context))


@pytest.mark.parametrize("deed", ["closes", "closes all", "demotes"])
def test_what_the_last_founder_may_not(scene, deed):
    """Founders before it in the charter stay, whatever it signs."""
    rules = two_founders(scene, scene.mal_client.certificate().certificate)
    context = scene.found(arena(), f"as founder, {deed}", rules)
    with assailed(scene, context) as assault:
        title = f"a founder {deed}: those before it"
        assault.refused(title, deed, "rank", who=scene.ben.device(context))


# -- from a stale cut ----------------------------------------------------------------------------


def test_a_role_that_was_taken_serves_no_stale_cut(scene):
    """What it signs from where it still had the role is kept and does nothing."""
    context = scene.found(arena(), "stale role", two_founders(scene))
    scene.govern(scene.ada, context, action="give", who=mal_of(scene), role="admin")
    with assailed(scene, context) as assault:
        assault.commit("note")
        scene.govern(scene.ada, context, action="take", who=mal_of(scene), role="admin")
        title = "stale cut: a call with a role that was taken"
        assault.stands(title, "stale ruling", void=True)
        assault.refused("a call with a role that was taken", "ruling", "role-missing")


def test_a_tighten_from_a_stale_cut_binds_nobody(scene):
    """An admin that was demoted meanwhile locks no code."""
    context = scene.found(arena(), "stale tighten", two_founders(scene))
    scene.govern(scene.ada, context, action="give", who=mal_of(scene), role="admin")
    with assailed(scene, context) as assault:
        assault.commit("note")
        scene.govern(scene.ada, context, action="take", who=mal_of(scene), role="admin")
        before = [node.rule(context) for node in scene.honest]
        assault.stands("stale cut: a tighten of a demoted admin", "stale tighten", void=True)
        assert [node.rule(context) for node in scene.honest] == before


def test_a_removed_device_writes_from_no_cut(scene):
    """From a stale one it does nothing; from the present it is refused."""
    context = scene.found(arena(), "stale member", two_founders(scene))
    with assailed(scene, context) as assault:
        assault.commit("note")
        scene.govern(scene.ben, context, action="remove", who=mal_of(scene))
        before = [node.rule(context) for node in scene.honest]
        assault.stands("stale cut: a call of a removed device", "stale call", void=True)
        assault.refused("a call of a removed device", "never run", "not-admitted")
        assert [node.rule(context) for node in scene.honest] == before
