"""The connection to the node of a home: address, token, errors.

The standard library speaks the little HTTP that this takes: commands start quickly with it, and a
call costs a fifth of what it does with a general client.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from covey.api.schema import ERRORS, PATHS_ROOT, ErrorBody, ErrorReply
from covey.errors import (
    ConfigError,
    NodeError,
    PeerUnavailable,
    ProtocolViolation,
    StoreError,
)
from covey.model import limits

__all__ = ["Connection", "NodeNotRunning", "error_of"]

# A join answers within 30 s and a call that waits for admission within 10 s; long queries may take
# a while. Beyond this the node hangs.
_ANSWER_S = 120.0
# Below the node's own patience, so that no request meets a connection that is being closed.
_REUSED_S = limits.API_KEEP_ALIVE_S - 15.0
_Word = TypeVar("_Word", bound=msgspec.Struct)


class NodeNotRunning(NodeError):
    """No node runs on this home."""


class _Address(msgspec.Struct, frozen=True):
    """What a running node leaves in `api.json`."""

    address: str


class Connection:
    """Requests to one node. Constructing it does no I/O; it connects at the first request."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._kept: HTTPConnection | None = None
        self._kept_since = 0.0
        self._token = ""

    def close(self) -> None:
        """Close the socket; a later request opens a new one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def request(
        self,
        method: str,
        path: str,
        word: type[_Word],
        *,
        content: bytes | None = None,
        parameters: dict[str, int] | None = None,
    ) -> _Word:
        """The reply to one request; raises the error the node answers."""
        return _decoded(self.send(method, path, content=content, parameters=parameters), word)

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        parameters: dict[str, int] | None = None,
    ) -> bytes:
        """The body of the reply to one request."""
        is_whole = False
        with self._failures():
            try:
                reply = self._ask(self._reused(), method, _target(path, parameters), content)
                body = reply.read()
                is_whole = True
            finally:
                # After anything else, what the socket gives next belongs to this request still.
                if not is_whole:
                    self.close()
        self._kept_since = time.monotonic()
        _require_success(reply, body)
        return body

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        parameters: dict[str, int] | None = None,
        silence_s: float = _ANSWER_S,
    ) -> Iterator[Iterator[bytes]]:
        """The pieces of a reply's body as they come, on a connection of its own.

        silence_s: no byte for so long is PeerUnavailable.
        """
        with self._failures(), closing(self._opened(silence_s)) as connection:
            reply = self._ask(connection, method, _target(path, parameters), content)
            if reply.status >= 400:
                _require_success(reply, reply.read())
            yield _pieces(reply)

    def _ask(
        self, connection: HTTPConnection, method: str, target: str, content: bytes | None
    ) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request(method, target, body=content, headers=headers)
        return connection.getresponse()

    def _reused(self) -> HTTPConnection:
        if self._kept is not None and time.monotonic() - self._kept_since > _REUSED_S:
            self.close()
        if self._kept is None:
            self._kept = self._opened(_ANSWER_S)
        return self._kept

    def _opened(self, timeout_s: float) -> HTTPConnection:
        address = urlsplit(_read_address(self.home))
        self._token = _read_token(self.home)
        connection = HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=timeout_s
        )
        try:
            connection.connect()
        except OSError as error:
            raise _not_running(self.home) from error
        return connection

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise PeerUnavailable("the node does not answer") from error
        except (ConnectionError, HTTPException) as error:
            raise PeerUnavailable("the node closed the connection: it may have stopped") from error


def _target(path: str, parameters: dict[str, int] | None) -> str:
    question = f"?{urlencode(parameters)}" if parameters else ""
    return PATHS_ROOT + path + question


def _pieces(reply: HTTPResponse) -> Iterator[bytes]:
    while piece := reply.read1(limits.API_REPLY_BUFFER_BYTES):
        yield piece


def _read_address(home: Path) -> str:
    try:
        return msgspec.json.decode((home / "api.json").read_bytes(), type=_Address).address
    except FileNotFoundError as error:
        raise _not_running(home) from error
    except OSError as error:
        raise StoreError(f"{home / 'api.json'} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{home / 'api.json'} is damaged: restart the node") from error


def _read_token(home: Path) -> str:
    try:
        return (home / "token").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{home / 'token'} cannot be read: {error}") from error


def _not_running(home: Path) -> NodeNotRunning:
    option = f"--home {shlex.quote(str(home))}"
    if not (home / "keys").is_dir():
        return NodeNotRunning(
            f"{home} is no covey home: run `covey init {option}`, then `covey run`"
        )
    return NodeNotRunning(f"no node runs on {home}: start it with `covey run {option}`")


def _require_success(reply: HTTPResponse, body: bytes) -> None:
    if reply.status < 400:
        return
    try:
        failure = msgspec.json.decode(body, type=ErrorReply)
    except msgspec.DecodeError as error:
        raise NodeError(f"the node answered with status {reply.status}") from error
    raise error_of(failure.error)


def error_of(body: ErrorBody) -> NodeError:
    """The error that a failed request answered with, as the class the node raised."""
    for kind, code, _ in ERRORS:
        if code == body.code and kind is not NodeError:
            return _rebuilt(kind, body)
    return NodeError(body.message)


def _rebuilt(kind: type[NodeError], body: ErrorBody) -> NodeError:
    if kind is ProtocolViolation:
        code, _, reason = body.message.partition(": ")
        return ProtocolViolation(code, reason)
    return kind(body.message)


def _decoded(content: bytes, word: type[_Word]) -> _Word:
    try:
        return msgspec.json.decode(content, type=word)
    except msgspec.DecodeError as error:
        raise NodeError(f"the node's answer is not understood: {error}") from error
