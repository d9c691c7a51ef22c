"""A disk that refuses: full, read-only or damaged. Exit code 5, one line, nothing lost."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys

import pytest

from covey.errors import NodeError
from covey.testkit.cluster import covey_command
from tests.e2e.conftest import keys, one_line, put, run_covey

# Runs a command with a limit on the size of each file, as a full disk would have it.
LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""

# Runs a command that sees one folder read-only; the mount is gone with the process.
READ_ONLY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, BIND, REMOUNT, RDONLY, REC, PRIVATE = 0x20000, 4096, 32, 1, 16384, 1 << 18
folder = sys.argv[1].encode()
def must(result):
    if result:
        print(os.strerror(ctypes.get_errno()), file=sys.stderr)
        sys.exit(99)
must(libc.unshare(NEWNS))
must(libc.mount(b"none", b"/", None, REC | PRIVATE, None))
must(libc.mount(folder, folder, None, BIND, None))
must(libc.mount(None, folder, None, BIND | REMOUNT | RDONLY, None))
os.execv(sys.argv[2], sys.argv[2:])
"""


def run_within(program, argument, *command):
    """Run a covey command inside one of the programs above."""
    return subprocess.run(
        [sys.executable, "-c", program, str(argument), covey_command(), *map(str, command)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_disk_that_fills_stops_the_node_and_keeps_what_was_written(make_network):
    """The call that found no room is refused, the node says why, and the rest is there after."""
    (node,) = make_network(1).nodes
    kept = []
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    with node.client() as client:
        for number in range(2_000):
            try:
                client.call("kv", *put(f"k{number}", "v" * 4_000))
            except NodeError as error:
                refusal = error
                break
            kept.append(f"k{number}")
        else:
            pytest.fail("the disk never filled")
    assert kept
    assert "\n" not in str(refusal)
    assert node.wait(30) == 5
    assert "is full" in one_line(node.log_tail())
    node.start(listen=())
    node.wait_ready()
    with node.client() as client:
        assert keys(client, "kv") >= set(kept)
        client.call("kv", *put("after"))


def test_full_disk_at_the_start_is_said_so(tmp_path):
    """Nothing can be kept: the node does not begin."""
    home = tmp_path / "home"
    assert run_covey("init", home=home).returncode == 0
    result = run_within(LIMITED, 0, "run", "--home", home)
    assert result.returncode == 5
    one_line(result.stderr)


@pytest.mark.parametrize("command", [("init",), ("run", "--json")], ids=["init", "run"])
def test_read_only_home_is_said_so(tmp_path, command):
    """A home on a medium that takes no writes."""
    home = tmp_path / "place" / "home"
    home.parent.mkdir()
    if command != ("init",):
        assert run_covey("init", home=home).returncode == 0
    result = run_within(READ_ONLY, home.parent, *command, "--home", home)
    if result.returncode == 99:
        pytest.skip(f"no mount namespace here: {result.stderr.strip()}")
    assert result.returncode == 5, result.stderr
    one_line(result.stderr)


def test_damaged_store_is_not_guessed_at(cluster):
    """A flipped byte must not become another state: the node refuses to start."""
    node = cluster.add("node")
    cluster.start(node)
    node.stop()
    store = node.home / "store"
    aside = node.home / "aside"
    shutil.copytree(store, aside)
    (store / "CURRENT").write_text("nonsense\n")
    result = run_covey("run", "--json", home=node.home)
    assert result.returncode == 5
    one_line(result.stderr)
    shutil.rmtree(store)
    aside.rename(store)
    cluster.start(node)
