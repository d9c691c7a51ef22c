"""Finding the node of a home, and what a client says when there is none."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from covey.api.schema import ERRORS, ErrorBody
from covey.client import Client, NodeNotRunning
from covey.client.connection import error_of
from covey.errors import ConfigError, NodeError, PeerUnavailable, ProtocolViolation, StoreError


@pytest.fixture
def home(tmp_path):
    """A home whose node does not run."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "token").write_text("00" * 32)
    return tmp_path


def _announce(home, port):
    (home / "api.json").write_text(json.dumps({"address": f"http://127.0.0.1:{port}", "pid": 1}))


def test_home_without_a_node(home):
    with pytest.raises(NodeNotRunning, match=f"covey run --home {home}"), Client(home) as client:
        client.status()


def test_folder_that_is_no_home(tmp_path):
    """A misspelt --home is told apart from a node that does not run."""
    with pytest.raises(NodeNotRunning, match="covey init"), Client(tmp_path / "x") as client:
        client.status()


def test_node_that_died_without_a_word(home):
    """kill -9 leaves api.json behind; nothing listens at its address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        _announce(home, unused.getsockname()[1])
    with pytest.raises(NodeNotRunning), Client(home) as client:
        client.status()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"address": 7}'])
def test_damaged_address(home, content):
    (home / "api.json").write_text(content)
    with pytest.raises(ConfigError, match="damaged"), Client(home) as client:
        client.status()


def test_token_that_is_missing(home):
    _announce(home, 1)
    (home / "token").unlink()
    with pytest.raises(StoreError, match="token"), Client(home) as client:
        client.status()


def _answering(home, answer):
    """Something at the node's address that sends `answer` to the first request and closes."""
    listening = socket.create_server(("127.0.0.1", 0))
    _announce(home, listening.getsockname()[1])

    def serve():
        with listening, listening.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def _reply(status, body):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", PeerUnavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", PeerUnavailable),
        (b"nonsense\r\n\r\n", PeerUnavailable),
        (_reply(200, b"{"), NodeError),
        (_reply(200, b'{"peer_id": 1}'), NodeError),
        (_reply(500, b"oops"), NodeError),
    ],
)
def test_answer_that_is_none_is_one_clear_error(home, answer, kind):
    thread = _answering(home, answer)
    with pytest.raises(kind), Client(home) as client:
        client.status()
    thread.join()


@pytest.mark.parametrize(("kind", "code", "_status"), ERRORS)
def test_errors_come_back_as_the_class_that_was_raised(kind, code, _status):
    """Exit codes go by the class; the sentence is the node's own."""
    original = ProtocolViolation("a-code", "why") if kind is ProtocolViolation else kind("why")
    rebuilt = error_of(ErrorBody(code=code, message=str(original)))
    assert type(rebuilt) is kind
    assert str(rebuilt) == str(original)


def test_error_of_a_newer_node_is_still_an_error():
    error = error_of(ErrorBody(code="brand-new", message="why"))
    assert type(error) is NodeError
    assert str(error) == "why"
