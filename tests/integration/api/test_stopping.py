"""The server's own life: where it listens, and that it ends soon whatever its clients do."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import trio

from covey.api.server import serve
from covey.errors import ConfigError, PeerUnavailable
from covey.model import limits
from tests.integration.api.fake_node import TOKEN, FakeNode


def _serve_once(host, port):
    async def main():
        async with trio.open_nursery() as nursery:

            async def start(*, task_status):
                await serve(FakeNode(), host=host, port=port, token=TOKEN, task_status=task_status)

            bound = await nursery.start(start)
            nursery.cancel_scope.cancel()
        return bound

    return trio.run(main)


def _raised(host, port):
    try:
        _serve_once(host, port)
    except Exception as caught:  # noqa: BLE001 - in as many groups as there are nurseries
        error = caught
        while isinstance(getattr(error, "exceptions", None), tuple):
            (error,) = error.exceptions
        return error
    return None


def test_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = _raised("127.0.0.1", port)
    assert isinstance(error, ConfigError)
    assert str(error) == f"port {port} is in use: choose another with --api"


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "192.0.2.1", "example.org", ""])
def test_only_this_machine_is_listened_to(host):
    """The token travels unencrypted: it must never leave the machine."""
    assert isinstance(_raised(host, 0), ConfigError)


def test_port_beyond_the_last_is_refused():
    assert isinstance(_raised("127.0.0.1", 65_536), ConfigError)


def test_localhost_is_127_0_0_1():
    host, port = _serve_once("localhost", 0)
    assert host == "127.0.0.1"
    assert port > 0


def test_port_is_free_again_after_stopping():
    _, port = _serve_once("127.0.0.1", 0)
    assert _serve_once("127.0.0.1", port) == ("127.0.0.1", port)


def _request(served_node, head, *, receive_buffer_bytes=None):
    raw = socket.socket()
    if receive_buffer_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    raw.settimeout(10)
    raw.connect(("127.0.0.1", int(served_node.address.rpartition(":")[2])))
    lines = [head, "Host: 127.0.0.1", f"Authorization: Bearer {TOKEN}", "", ""]
    raw.sendall("\r\n".join(lines).encode())
    return raw


def _stop_and_wait(served_node):
    """Seconds until nobody listens any more and every connection is over."""
    names = {thread.name for thread in threading.enumerate()}
    start = time.monotonic()
    served_node.stop()
    for thread in threading.enumerate():
        if thread.name in names and thread is not threading.current_thread():
            thread.join(5)
    return time.monotonic() - start


def test_stops_at_once_with_idle_connections_and_watches(client, served_node):
    client.status()
    with client.watch("notes") as rows:
        assert _stop_and_wait(served_node) < 1.0
        with pytest.raises(PeerUnavailable):
            next(rows)


def test_stops_within_two_seconds_with_a_client_that_reads_nothing(served_node):
    """A write to a full socket cannot be cancelled by the server's own means."""
    for _ in range(20_000):
        served_node.run(served_node.node.apply)
    raw = _request(
        served_node, "GET /v1/contexts/notes/watch?after=0 HTTP/1.1", receive_buffer_bytes=4096
    )
    with raw:
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert _stop_and_wait(served_node) < limits.API_STOP_S + 0.5


def test_stops_within_two_seconds_while_a_request_hangs(served_node):
    body = b'{"method":"wait"}'
    head = f"POST /v1/contexts/notes/query HTTP/1.1\r\nContent-Length: {len(body)}"
    with _request(served_node, head) as raw:
        raw.sendall(body)
        assert _stop_and_wait(served_node) < limits.API_STOP_S + 0.5


def test_stops_within_two_seconds_with_half_a_request(served_node):
    head = "POST /v1/contexts/notes/call HTTP/1.1\r\nContent-Length: 1000"
    with _request(served_node, head) as raw:
        raw.sendall(b"{")
        assert _stop_and_wait(served_node) < limits.API_STOP_S + 0.5


def test_query_ends_when_its_client_leaves(served_node):
    """A query may run for seconds; Ctrl-C must not leave it behind."""
    body = b'{"method":"wait"}'
    head = f"POST /v1/contexts/notes/query HTTP/1.1\r\nContent-Length: {len(body)}"
    pause = threading.Event()
    with _request(served_node, head) as raw:
        raw.sendall(body)
        while not served_node.run(lambda: served_node.node.waiting):
            pause.wait(0.005)
    while served_node.run(lambda: served_node.node.waiting):
        pause.wait(0.005)


def test_client_that_takes_nothing_is_disconnected(served_node, monkeypatch):
    """Its buffers are the node's memory."""
    monkeypatch.setattr(limits, "API_STALL_S", 0.2)
    for _ in range(20_000):
        served_node.run(served_node.node.apply)
    raw = _request(
        served_node, "GET /v1/contexts/notes/watch?after=0 HTTP/1.1", receive_buffer_bytes=4096
    )
    pause = threading.Event()
    with raw:
        deadline = time.monotonic() + 10
        while served_node.run(lambda: len(served_node.node.watchers)):
            assert time.monotonic() < deadline
            pause.wait(0.02)


def test_rest_of_a_request_that_never_comes_is_not_waited_for(served_node, monkeypatch):
    monkeypatch.setattr(limits, "API_STALL_S", 0.05)
    monkeypatch.setattr(limits, "API_DRAIN_S", 0.05)
    head = "POST /v1/contexts/notes/call HTTP/1.1\r\nContent-Length: 1000"
    with _request(served_node, head) as raw:
        raw.sendall(b"{")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")


def test_connections_are_bounded(served_node, monkeypatch):
    """Any program of this machine can connect, token or not."""
    monkeypatch.setattr(limits, "API_CONNECTIONS_MAX", 2)
    head = "GET /v1/status HTTP/1.1"
    with _request(served_node, head) as first, _request(served_node, head) as second:
        assert first.recv(10)
        assert second.recv(10)
        third = socket.create_connection(
            ("127.0.0.1", int(served_node.address.rpartition(":")[2])), timeout=10
        )
        with third:
            assert third.recv(10) == b""
