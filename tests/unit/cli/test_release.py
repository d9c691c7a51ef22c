"""`covey app release`: what can follow what, and what comes next in a context."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import msgspec
import pytest

from covey.api.context_schema import ContextReply
from covey.api.rules_schema import ConstraintForm, RoleHolder, RulesReply
from covey.api.schema import ApplicationReply, CollectionReply
from covey.cli.app_release import faults, steps
from covey.cli.bundles import describe_bundle
from covey.node import Home
from tests.integration.api.fake_node import DEVICE, MEMBER

_KV = Path(__file__).parents[3] / "apps" / "kv" / "kv.covey"
QUORUM = ConstraintForm("quorum", 2, (MEMBER, "did:key:other"), 3_600)


@pytest.fixture
def before() -> ApplicationReply:
    """A release with two collections."""
    collections = (
        CollectionReply(name="items", rule="owned"),
        CollectionReply(name="staff", rule="register", roles=("clerk",)),
    )
    return msgspec.structs.replace(describe_bundle(_KV.read_bytes()), collections=collections)


@pytest.mark.parametrize(
    ("items", "staff", "told"),
    [
        (None, ("register", ("clerk",)), "the collection items is missing"),
        (("register", ()), ("register", ("clerk",)), "items is register, and was owned"),
        (("owned", ()), ("register", ()), "staff is written by everybody, and was by clerk"),
        (("owned", ()), ("register", ("clerk", "boss")), "staff is written by clerk or boss"),
    ],
)
def test_collection_that_is_missing_or_loosened_is_named(before, items, staff, told):
    """Every node would refuse the upgrade: better said before it is signed."""
    declared = [("items", items), ("staff", staff)]
    collections = tuple(
        CollectionReply(name=name, rule=each[0], roles=each[1]) for name, each in declared if each
    )
    (fault,) = faults(before, msgspec.structs.replace(before, collections=collections))
    assert told in fault


def test_collections_may_be_added_and_reordered(before):
    """But nothing else of what binds may change."""
    more = (CollectionReply(name="more", rule="counter"), *reversed(before.collections))
    assert faults(before, msgspec.structs.replace(before, collections=more)) == []
    (fault,) = faults(before, msgspec.structs.replace(before, execution="covey-exec/9"))
    assert "execution version" in fault


def _steps(
    covey,
    *constraints: ConstraintForm,
    roles: tuple[str, ...] = ("admin",),
    migrates: bool = False,
    name: str = "notes",
):
    row = msgspec.convert(covey("context", "show", "notes", "--json").json, ContextReply)
    row = msgspec.structs.replace(row, name=name)
    rules = msgspec.convert(covey("context", "rules", "notes", "--json").json, RulesReply)
    holder = RoleHolder(MEMBER, DEVICE, roles)
    rules = msgspec.structs.replace(rules, constraints=constraints, members=(holder,))
    return steps(row, rules, "bafknew", MEMBER, migrates=migrates)


def test_admin_of_a_context_without_a_rule_tries_and_upgrades(covey):
    told = _steps(covey)
    upgrade = "covey context upgrade notes bafknew"
    assert (told.next, told.note) == ((f"{upgrade} --dry-run", upgrade), "")


def test_commands_that_are_printed_name_a_context_as_a_shell_takes_it(covey):
    """People paste them: a local name may have spaces in it, and worse."""
    told = _steps(covey, QUORUM, name="a b; rm 'c'")
    words = [shlex.split(command) for command in told.next]
    assert [each[:2] for each in words] == [["covey", "context"]] * 3
    assert {each[3] for each in words} == {"a b; rm 'c'"}


def test_release_with_a_migration_is_put_in_force_with_it(covey):
    """It is easily forgotten, and cannot be made up for."""
    told = _steps(covey, migrates=True)
    upgrade = "covey context upgrade notes bafknew --migrate '{}'"
    assert told.next == (f"{upgrade} --dry-run", upgrade)


def test_who_has_a_key_approves_first(covey):
    """With the number of keys and the notice that it waits for."""
    told = _steps(covey, QUORUM)
    assert told.next[0] == "covey context approve notes bafknew"
    assert len(told.next) == 3
    assert told.note == (
        "2 of 2 keys must approve it, and then a notice of 3600 s must run, from when a member "
        "without a key writes something"
    )


def test_who_can_do_nothing_is_told_why(covey):
    assert "an admin has to" in _steps(covey, roles=()).note
    told = _steps(covey, QUORUM, ConstraintForm("never"))
    assert (told.next, told.note) == ((), "it is locked: no release ever comes into force there")


def test_application_that_is_not_installed_is_4_and_another_publishers_1(run, node):
    """The fake node knows another one, and then one of the same name; nothing is written."""
    Home.init(node.home)
    directory = node.home.parent / "mine"
    assert run("app", "new", directory, "--language", "wat").code == 0
    assert run("app", "build", directory).code == 0
    ran = run("app", "release", directory, "--home", node.home, "--json")
    assert (ran.code, ran.out, node.node.installed) == (4, "", [])
    assert "covey app install" in ran.err
    assert not (directory / "mine.covey").exists()
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps({**manifest, "package": "org.example.kv"}))
    ran = run("app", "release", directory, "--home", node.home, "--json")
    assert (ran.code, ran.out, node.node.installed) == (1, "", [])
    assert not (directory / "mine.covey").exists()
    assert "another publisher, did:key:z6MkPublisher" in ran.err


def test_module_that_is_older_than_its_source_is_not_released(run, node):
    """A release is for good, and others would run what its author did not mean."""
    Home.init(node.home)
    directory = node.home.parent / "mine"
    assert run("app", "new", directory, "--language", "wat").code == 0
    assert run("app", "build", directory).code == 0
    built = (directory / "mine.wasm").stat().st_mtime
    os.utime(directory / "main.wat", (built + 60, built + 60))
    ran = run("app", "release", directory, "--home", node.home)
    assert (ran.code, ran.out, node.node.installed) == (1, "", [])
    assert f"a source is newer than the module: run `covey app build {directory}` first" in ran.err
    assert not (directory / "mine.covey").exists()
