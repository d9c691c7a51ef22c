"""Ctrl-C at any moment: the process ends soon, says nothing ugly, and loses nothing."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from covey.errors import NodeError
from covey.testkit.cluster import covey_command, until
from tests.e2e.conftest import PATIENCE_S, keys, put, run_covey

SOON_S = 5.0
CODES = (0, 130)


def interrupted(process: subprocess.Popen[bytes]) -> float:
    """Send Ctrl-C and wait; how long it took."""
    began_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) in CODES
    return time.monotonic() - began_s


@pytest.mark.parametrize("sign", ["lock", "store/CURRENT", "ports.json", "api.json"])
def test_while_starting(tmp_path, sign):
    """Whatever the node has just done, it can be stopped, and started again."""
    home = tmp_path / "home"
    assert run_covey("init", home=home).returncode == 0
    command = [covey_command(), "run", "--home", home, "--json", "--listen", "/ip4/127.0.0.1/tcp/0"]
    with Path(tmp_path / "log").open("w+b") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            until((home / sign).exists, PATIENCE_S, f"{sign} of a starting node")
            assert interrupted(process) < SOON_S
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        assert b"Traceback" not in log.read()
    assert not (home / "api.json").exists()


def test_while_idle_with_a_peer(make_network):
    """Connections, watches and streams do not hold a node up."""
    network = make_network(2)
    network.agree()
    with network.nodes[0].client() as client, client.watch("kv", 0) as rows:
        next(rows)
        assert interrupted(network.nodes[0].process) < SOON_S
        with pytest.raises(NodeError):
            list(rows)
    assert interrupted(network.nodes[1].process) < SOON_S
    lines = [line for node in network.nodes for line in node.log_tail().splitlines()]
    # The second was told where the first is, which is gone.
    assert [line for line in lines if "bootstrap address cannot be reached" not in line] == []


def test_during_a_batch(make_network):
    """What was answered is there after; the client learns that the rest is not known."""
    (node,) = make_network(1).nodes
    kept: list[str] = []
    enough = threading.Event()
    broken: list[NodeError] = []

    def write() -> None:
        try:
            with node.client() as client:
                calls = [put(f"k{number}") for number in range(50_000)]
                for number, reply in enumerate(client.batch("kv", calls)):
                    if isinstance(reply, NodeError):
                        raise reply
                    kept.append(f"k{number}")
                    if number == 500:
                        enough.set()
        except NodeError as error:
            broken.append(error)
            enough.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert enough.wait(PATIENCE_S)
    assert interrupted(node.process) < SOON_S
    writer.join(PATIENCE_S)
    assert len(broken) == 1
    assert "Traceback" not in node.log_tail()
    node.start(listen=())
    node.wait_ready()
    with node.client() as client:
        assert keys(client, "kv") >= set(kept)


def test_a_command_that_waits(make_network):
    """`watch` ends by Ctrl-C alone."""
    (node,) = make_network(1).nodes
    command = [covey_command(), "context", "watch", "kv", "--after", "0", "--home", node.home]
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with node.client() as client:
        client.call("kv", *put("a"))
    assert process.stdout.readline().startswith(b'{"delta"')
    assert interrupted(process) < SOON_S
    assert b"Traceback" not in process.communicate()[1]
