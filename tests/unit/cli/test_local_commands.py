"""Commands that need no node: init, app new, build, pack, inspect."""

from __future__ import annotations

import stat

import pytest

from covey.cli.bundles import describe_bundle
from covey.node import Home


@pytest.fixture
def home(run, tmp_path):
    path = tmp_path / "home"
    assert run("init", "--home", path).code == 0
    return path


@pytest.fixture
def built(run, tmp_path):
    """An application from the template that needs no compiler, built."""
    directory = tmp_path / "mine"
    assert run("app", "new", directory, "--language", "wat").code == 0
    assert run("app", "build", directory).code == 0
    return directory


def test_init_says_who_one_is(run, tmp_path):
    ran = run("init", "--home", tmp_path / "home", "--json")
    assert ran.code == 0
    assert set(ran.json) == {"peer_id", "member"}
    assert ran.json["member"].startswith("did:key:z6Mk")
    assert stat.S_IMODE((tmp_path / "home" / "token").stat().st_mode) == 0o600


def test_keys_lie_open_and_are_their_owners_alone(run, home):
    """Nothing protects them but the permissions: whoever reads the home is its owner."""
    keys = [path for path in (home / "keys").rglob("*") if path.is_file()]
    assert {path.name for path in keys} >= {"member.key", "device.seed", "publisher.key"}
    for path in keys:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size == 32
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("again", [Home.init, Home.open])
def test_folders_of_keys_are_their_owners_alone(home, again):
    """Names of retired devices lie there; one that is open to others is closed when it is used."""
    folders = [home / "keys", home / "keys" / "devices"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]
    for folder in folders:
        folder.chmod(0o755)
    again(home)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


def test_init_again_keeps_the_keys(run, home):
    first = run("init", "--home", home, "--json").json
    assert run("init", "--home", home, "--json").json == first


def test_init_where_nothing_can_be_written_is_5(run, tmp_path):
    (tmp_path / "file").write_text("")
    ran = run("init", "--home", tmp_path / "file" / "home")
    assert ran.code == 5
    assert ran.err.startswith("covey: ")


def test_run_without_a_home_says_how_to_make_one(run, tmp_path):
    ran = run("run", "--home", tmp_path / "nope")
    assert ran.code == 6
    assert "covey init" in ran.err


def test_new_lists_its_files(run, tmp_path):
    ran = run("app", "new", tmp_path / "mine", "--json")
    assert ran.code == 0
    assert ran.json["directory"] == str(tmp_path / "mine")
    assert str(tmp_path / "mine" / "main.c") in ran.json["files"]


def test_new_does_not_overwrite(run, built):
    ran = run("app", "new", built)
    assert ran.code == 6
    assert "not empty" in ran.err


def test_build_names_the_module(run, built):
    ran = run("app", "build", built, "--json")
    assert ran.json["module"] == str(built / "mine.wasm")
    assert ran.json["size_bytes"] == (built / "mine.wasm").stat().st_size


def test_build_of_an_empty_directory_is_6(run, tmp_path):
    ran = run("app", "build", tmp_path)
    assert ran.code == 6
    assert "abi.json" in ran.err


def test_pack_signs_with_the_publisher_of_the_home(run, built, home):
    ran = run("app", "pack", built, "--home", home, "--json")
    assert ran.code == 0
    assert ran.json["bundle"] == str(built / "mine.covey")
    described = describe_bundle((built / "mine.covey").read_bytes())
    assert described.id == ran.json["id"]
    assert described.package == "org.example.mine"


def test_pack_to_another_file(run, built, home, tmp_path):
    target = tmp_path / "other.covey"
    assert run("app", "pack", built, "--home", home, "--output", target).code == 0
    assert target.is_file()
    assert not (built / "mine.covey").exists()


def test_pack_before_build_says_what_to_do(run, tmp_path, home):
    run("app", "new", tmp_path / "fresh", "--language", "wat")
    ran = run("app", "pack", tmp_path / "fresh", "--home", home)
    assert ran.code == 4
    assert "covey app build" in ran.err


@pytest.mark.parametrize("command", ["pack", "release"])
def test_manifest_that_is_not_there_is_4(run, built, home, command):
    """As any file; one that is there and makes no sense is another failure."""
    (built / "manifest.json").unlink()
    ran = run("app", command, built, "--home", home)
    assert (ran.code, ran.out) == (4, "")
    assert "manifest.json is missing" in ran.err


def test_pack_warns_of_a_module_older_than_its_source(run, built, home):
    import os

    os.utime(built / "mine.wasm", (1, 1))
    ran = run("app", "pack", built, "--home", home)
    assert ran.code == 0
    assert "newer than the module" in ran.err


def test_pack_without_a_home_is_6(run, built, tmp_path):
    assert run("app", "pack", built, "--home", tmp_path / "nope").code == 6


@pytest.mark.parametrize("content", ["", "{", "{}", '{"package": "x", "version": "y"}'])
def test_pack_with_a_bad_manifest_is_6(run, built, home, content):
    (built / "manifest.json").write_text(content)
    ran = run("app", "pack", built, "--home", home)
    assert ran.code == 6
    assert "manifest.json" in ran.err


def test_inspect_needs_no_node(run, built, home, tmp_path):
    run("app", "pack", built, "--home", home)
    row = run("app", "inspect", built / "mine.covey", "--json", "--home", tmp_path / "nope").json
    assert row["package"] == "org.example.mine"
    assert {"name", "kind", "args", "result"} == set(row["methods"][0])
    shown = run("app", "inspect", built / "mine.covey")
    assert row["methods"][0]["name"] in shown.out


def test_bundle_changed_by_one_byte_is_refused(run, built, home):
    """Every byte is covered by a hash or the publisher's signature."""
    run("app", "pack", built, "--home", home)
    path = built / "mine.covey"
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        ran = run("app", "inspect", path)
        assert ran.code == 6, place
        assert ran.out == ""
