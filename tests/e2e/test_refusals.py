"""What people get wrong: one clear line on standard error, the right exit code, nothing changed."""

from __future__ import annotations

import socket

import pytest

from covey.client import Client
from covey.testkit.cluster import Cluster
from tests.e2e.conftest import APPS, bundle, one_line, run_covey


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A node with one context of `kv`; no test of this file changes it."""
    with Cluster(tmp_path_factory.mktemp("homes")) as cluster:
        node = cluster.add("node")
        cluster.start(node)
        with node.client() as client:
            client.create_context(client.install(bundle("kv")).id, "kv")
            client.call("kv", "set", b'{"key": "a", "value": "1"}')
        yield node


def deltas(node) -> int:
    """How many the node holds."""
    with Client(node.home) as client:
        return client.status().contexts[0].deltas


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("query", "nowhere", "get", '{"key": "a"}'), 4),
        (("call", "nowhere", "set", '{"key": "a"}'), 4),
        (("query", "kv", "nothing", "{}"), 4),
        (("call", "kv", "nothing", "{}"), 4),
        (("call", "kv", "get", '{"key": "a"}'), 4),  # a query is no call
        (("context", "create", "no.such.app"), 4),
        (("app", "inspect", "no.such.app"), 4),
        (("context", "leave", "nowhere"), 4),
        (("call", "kv", "set", '{"key": '), 2),
        (("call", "kv", "set", "key=a"), 2),
        (("query", "kv", "get", "[1,"), 2),
        (("call", "kv"), 2),
        (("call", "kv", "set", "{}", "--no-such-option"), 2),
        (("nonsense",), 2),
        (("call", "kv", "set", '{"key": "a"}'), 1),  # the application says fail
        (("call", "kv", "set", '{"value": "a"}'), 1),
        (("app", "install", "/nowhere/at.all"), 4),
        (("join", "no-ticket-no-topic"), 2),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else None,
)
def test_mistake_is_one_line_and_a_code(node, command, code):
    """Scripts act on the code, people on the line."""
    before = deltas(node)
    result = run_covey(*command, home=node.home)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    one_line(result.stderr)
    assert deltas(node) == before


def test_batch_that_is_no_json_sends_nothing(node, tmp_path):
    """A file is checked before its first call takes effect."""
    file = tmp_path / "calls.jsonl"
    file.write_text('{"method": "set", "args": {"key": "b", "value": "1"}}\nnonsense\n')
    before = deltas(node)
    result = run_covey("call", "kv", "--batch", file, home=node.home)
    assert result.returncode == 2
    assert "line 2" in one_line(result.stderr)
    assert deltas(node) == before


@pytest.mark.parametrize("place", [10, 0.5, -10], ids=["front", "middle", "end"])
def test_bundle_changed_by_one_byte_is_refused(node, tmp_path, place):
    """Nobody can slip other code under a publisher's name."""
    content = bytearray(bundle("tally"))
    content[int(place * len(content)) if isinstance(place, float) else place] ^= 1
    damaged = tmp_path / "damaged.covey"
    damaged.write_bytes(content)
    result = run_covey("app", "install", damaged, home=node.home)
    assert result.returncode == 6
    one_line(result.stderr)
    with Client(node.home) as client:
        packages = [row.package for row in client.applications().applications]
    assert packages == ["org.covey.kv"]


def test_second_node_on_a_home_is_turned_away(node):
    """Two writers of one store would destroy it; the first one goes on."""
    result = run_covey("run", "--json", home=node.home)
    assert result.returncode == 6
    assert "another covey node runs on" in one_line(result.stderr)
    assert node.is_running
    assert deltas(node) > 0


def test_commands_without_a_node_say_how_to_start_it(tmp_path):
    """The most common mistake of all."""
    home = tmp_path / "home"
    result = run_covey("status", home=home)
    assert result.returncode == 3
    assert "covey init" in one_line(result.stderr)
    run_covey("init", home=home)
    result = run_covey("status", home=home)
    assert result.returncode == 3
    assert "covey run" in one_line(result.stderr)
    result = run_covey("run", home=tmp_path / "no-home")
    assert result.returncode == 6
    assert "covey init" in one_line(result.stderr)


@pytest.mark.parametrize("what", ["network", "api"])
def test_port_in_use_is_named(tmp_path, what):
    """Whoever runs the node must learn which port, and that nothing was started."""
    home = tmp_path / "home"
    run_covey("init", home=home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listen = ("--listen", "/ip4/127.0.0.1/tcp/0", "--api", f"127.0.0.1:{port}")
        if what == "network":
            listen = ("--listen", f"/ip4/127.0.0.1/tcp/{port}")
        result = run_covey("run", *listen, home=home)
    assert result.returncode == 6
    assert str(port) in one_line(result.stderr)


def test_module_that_does_not_validate_is_refused(node, tmp_path):
    """A bundle may be rightly signed and its code nonsense."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "manifest.json").write_bytes((APPS / "kv" / "manifest.json").read_bytes())
    module = (APPS / "kv" / "kv.wasm").read_bytes()
    (folder / "app.wasm").write_bytes(module[: len(module) // 2])
    result = run_covey("app", "pack", folder, home=node.home)
    assert result.returncode != 0
    one_line(result.stderr)
