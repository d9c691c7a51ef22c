"""The connection to the node of a home: address, token, errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx
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

_CONNECT_S = 5.0
# A join answers within 30 s and a call that waits for admission within 10 s; long queries may take
# a while. Beyond this the node hangs.
_ANSWER_S = 120.0
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
        self._http: httpx.Client | None = None

    def close(self) -> None:
        """Close the sockets; a later request opens new ones."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

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
        with self._failures():
            reply = self._opened().request(
                method, PATHS_ROOT + path, content=content, params=parameters
            )
        _require_success(reply)
        return _decoded(reply.content, word)

    def send(self, method: str, path: str) -> None:
        """One request whose reply says nothing more."""
        with self._failures():
            reply = self._opened().request(method, PATHS_ROOT + path)
        _require_success(reply)

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        parameters: dict[str, int] | None = None,
        silence_s: float = _ANSWER_S,
    ) -> Iterator[httpx.Response]:
        """A reply whose body is read as it comes; silence_s: no byte for so long is an error."""
        timeout = httpx.Timeout(_CONNECT_S, read=silence_s)
        with (
            self._failures(),
            self._opened().stream(
                method, PATHS_ROOT + path, content=content, params=parameters, timeout=timeout
            ) as reply,
        ):
            if reply.status_code >= 400:
                reply.read()
            _require_success(reply)
            yield reply

    def _opened(self) -> httpx.Client:
        if self._http is None:
            address, token = _read_address(self.home), _read_token(self.home)
            self._http = httpx.Client(
                base_url=address,
                headers={"authorization": f"Bearer {token}"},
                timeout=httpx.Timeout(_CONNECT_S, read=_ANSWER_S, write=_ANSWER_S),
                # Below the node's own patience, so that no request meets a connection that closes.
                limits=httpx.Limits(keepalive_expiry=limits.API_KEEP_ALIVE_S - 15.0),
                trust_env=False,  # No proxy stands between a node and its commander.
                verify=False,  # noqa: S501 - loopback without TLS; loading authorities takes 20 ms
            )
        return self._http

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _not_running(self.home) from error
        except httpx.TimeoutException as error:
            raise PeerUnavailable("the node does not answer") from error
        except httpx.TransportError as error:
            raise PeerUnavailable("the node closed the connection: it may have stopped") from error


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
    if not (home / "keys").is_dir():
        return NodeNotRunning(
            f"{home} is no covey home: run `covey init --home {home}`, then `covey run`"
        )
    return NodeNotRunning(f"no node runs on {home}: start it with `covey run --home {home}`")


def _require_success(reply: httpx.Response) -> None:
    if reply.status_code < 400:
        return
    try:
        failure = msgspec.json.decode(reply.content, type=ErrorReply)
    except msgspec.DecodeError as error:
        raise NodeError(f"the node answered with status {reply.status_code}") from error
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
