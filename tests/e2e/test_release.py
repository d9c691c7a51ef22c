"""A publisher's whole way: a release from its directory into force, by commands alone."""

from __future__ import annotations

import json

from tests.e2e.conftest import run_covey


def test_release_is_checked_installed_and_then_put_in_force(cluster, tmp_path):
    """What it says comes next is what then works."""
    node = cluster.add("node")
    cluster.start(node)
    directory = tmp_path / "mine"

    def covey(*words: object, code: int = 0) -> str:
        done = run_covey(*words, home=node.home)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def write(name: str, **changes: object) -> None:
        path = directory / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    covey("app", "new", directory, "--language", "wat")
    covey("app", "build", directory)
    covey("app", "pack", directory)
    covey("app", "install", directory / "mine.covey")
    covey("context", "create", "org.example.mine", "--name", "ours")
    covey("call", "ours", "increment")
    bundle = (directory / "mine.covey").read_bytes()
    assert "is not greater than 0.1.0" in covey("app", "release", directory, code=1)

    # Without the collection that is there, everybody would refuse the upgrade.
    abi = json.loads((directory / "abi.json").read_text())
    (counts,) = abi["collections"]
    write("manifest.json", version="0.2.0")
    write("abi.json", collections=[{**counts, "rule": "register"}])
    covey("app", "build", directory)
    told = covey("app", "release", directory, code=1)
    assert "the collection counts is register, and was counter" in told
    assert (directory / "mine.covey").read_bytes() == bundle

    write("abi.json", collections=[counts, {"name": "more", "rule": "register", "roles": []}])
    covey("app", "build", directory)
    result = json.loads(covey("app", "release", directory, "--json"))
    assert (result["version"], result["version_before"]) == ("0.2.0", "0.1.0")
    (context,) = result["contexts"]
    assert (context["name"], context["version"], context["number"]) == ("ours", "0.1.0", 0)
    trying, doing = (command.split()[1:] for command in context["next"])
    assert "It would come into force now" in covey(*trying)
    assert json.loads(covey("context", "rules", "ours", "--json"))["number"] == 0
    covey(*doing)
    rules = json.loads(covey("context", "rules", "ours", "--json"))
    assert (rules["number"], rules["version"], rules["release"]) == (1, "0.2.0", result["id"])
    assert json.loads(covey("query", "ours", "total")) == {"total": 1}
