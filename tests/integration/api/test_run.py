"""`covey run` as a process of its own: ready, commanded, stopped, refused."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys

import pytest

from covey.client import Client, NodeNotRunning

COVEY = [sys.executable, "-m", "covey.cli.main"]


def _start(home, *arguments):
    command = [*COVEY, "run", "--home", str(home), "--listen", "/ip4/127.0.0.1/tcp/0", "--json"]
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    subprocess.run([*COVEY, "init", "--home", str(path)], check=True, capture_output=True)
    return path


@pytest.fixture
def running(home):
    """A node that is ready: the process and the line it printed."""
    process = _start(home)
    ready = json.loads(process.stdout.readline())
    yield process, ready
    process.kill()
    process.communicate()


def _ended(process):
    """Exit code and what was said after the node was ready."""
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert "Traceback" not in err
    return process.returncode, err


def test_ready_line_leads_to_the_node(running, home):
    """Scripts wait for this line and then command the node."""
    _, ready = running
    assert set(ready) == {"peer_id", "addresses", "api"}
    with Client(home) as client:
        status = client.status()
    assert status.peer_id == ready["peer_id"]
    assert list(status.addresses) == ready["addresses"]
    told = json.loads((home / "api.json").read_text())
    assert told["address"] == ready["api"]
    assert stat.S_IMODE((home / "api.json").stat().st_mode) == 0o600


def test_second_node_on_a_home_is_6(running, home):
    """Two writers of one store would destroy it."""
    code, err = _ended(_start(home))
    assert code == 6
    assert err.startswith("covey: another covey node runs on")
    with Client(home) as client:
        assert client.status().peer_id


def test_port_in_use_is_6(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = _ended(_start(home, "--api", f"127.0.0.1:{port}"))
    assert code == 6
    assert f"port {port} is in use" in err


@pytest.mark.parametrize("address", ["0.0.0.0:4040", "nonsense", "127.0.0.1:70000"])
def test_api_address_of_another_machine_is_usage(home, address):
    code, err = _ended(_start(home, "--api", address))
    assert code == 2
    assert err.startswith("covey: Invalid value for --api")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signal_stops_it_in_order(running, home, number, code):
    process, _ = running
    with Client(home) as client:
        client.status()  # An idle connection must not hold it up.
        process.send_signal(number)
        assert _ended(process) == (code, "")
    assert not (home / "api.json").exists()


def test_stopped_by_its_api_it_ends_with_0(running, home):
    process, _ = running
    with Client(home) as client:
        client.stop()
        assert _ended(process) == (0, "")
        client.close()
        with pytest.raises(NodeNotRunning):
            client.status()


def test_api_port_is_kept(running, home):
    """Whoever wrote it down finds the node again after a restart."""
    process, first = running
    process.send_signal(signal.SIGTERM)
    _ended(process)
    again = _start(home)
    try:
        assert json.loads(again.stdout.readline())["api"] == first["api"]
    finally:
        again.kill()
        again.communicate()
