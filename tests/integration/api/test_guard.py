"""Who may command a node, from where, and how much they may send."""

from __future__ import annotations

import socket

import httpx
import pytest

from covey.model import limits
from tests.integration.api.fake_node import TOKEN


def _without_token(served_node):
    return httpx.Client(base_url=served_node.address, timeout=10)


@pytest.mark.parametrize("path", ["/v1/status", "/openapi.json", "/nowhere"])
def test_request_without_token_is_refused(served_node, path):
    """Any program on the machine can reach the port; only the home's owner reads the token."""
    with _without_token(served_node) as http:
        reply = http.get(path)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "unauthorised"
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}0", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer", ""]
)
def test_wrong_token_is_refused(served_node, shown):
    with _without_token(served_node) as http:
        assert http.get("/v1/status", headers={"authorization": shown}).status_code == 401


def test_two_tokens_are_refused(served_node):
    """A proxy and the node must not read different ones."""
    right = ("authorization", f"Bearer {TOKEN}")
    with _without_token(served_node) as http:
        reply = http.get("/v1/status", headers=[right, ("authorization", "Bearer x")])
    assert reply.status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1:x", "[::1]"]
)
def test_other_host_is_refused_even_with_the_token(http, host):
    """A web page whose name was turned to 127.0.0.1 names itself in Host: DNS rebinding."""
    reply = http.get("/v1/status", headers={"host": host})
    assert reply.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:80", "LOCALHOST:8080"])
def test_this_machine_is_served_by_any_of_its_names(http, host):
    assert http.get("/v1/status", headers={"host": host}).status_code == 200


def test_no_origin_may_read_answers(http):
    reply = http.get("/v1/status", headers={"origin": "https://evil.example"})
    assert [name for name in reply.headers if name.startswith("access-control")] == []


def test_oversized_body_is_refused_and_the_server_goes_on(http):
    reply = http.post("/v1/applications", content=bytes(limits.API_REQUEST_BYTES_MAX + 1))
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "too-large"
    assert http.get("/v1/status").status_code == 200


def test_largest_body_is_taken(http, served_node):
    bundle = b"covey" + bytes(limits.API_REQUEST_BYTES_MAX - 5)
    assert http.post("/v1/applications", content=bundle).status_code == 200
    assert served_node.node.installed == [bundle]


def test_oversized_body_without_a_length_is_refused(http):
    """A body in chunks does not say how large it will be."""
    piece = bytes(limits.MIB)
    reply = http.post("/v1/applications", content=(piece for _ in range(6)))
    assert reply.status_code == 413


def test_stranger_with_a_large_body_is_answered(served_node):
    """Refusing before the body is read must not leave the client, or the connection, hanging."""
    with _without_token(served_node) as http:
        reply = http.post("/v1/applications", content=bytes(3 * limits.MIB))
        assert reply.status_code == 401
        assert http.post("/v1/applications", content=bytes(100)).status_code == 401


def test_what_is_no_http_is_answered_and_closed(served_node):
    port = int(served_node.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")
        assert raw.recv(1000) == b""


def test_oversized_headers_are_refused(served_node):
    port = int(served_node.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nx: " + b"x" * (limits.API_HEADERS_BYTES_MAX + 1000))
        assert raw.recv(1000).startswith(b"HTTP/1.1 431")
