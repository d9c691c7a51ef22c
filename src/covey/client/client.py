"""One method for each thing a node can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import msgspec

from covey.api.context_schema import ContextList, ContextReply
from covey.api.history_schema import ProofReply, RefusedReply
from covey.api.rules_schema import (
    CertificateReply,
    GovernReply,
    GovernRequest,
    LeaveReply,
    LeaveRequest,
    RehearsalReply,
    RehearseRequest,
    RulesForm,
    RulesReply,
    RulesRequest,
)
from covey.api.schema import (
    ApplicationList,
    ApplicationReply,
    BatchReply,
    CallReply,
    CallRequest,
    CreateRequest,
    JoinReply,
    JoinRequest,
    LogReply,
    PeerList,
    QueryReply,
    SettingsReply,
    SettingsRequest,
    StatusReply,
    StopReply,
    TicketReply,
)
from covey.api.waits_schema import WaitsReply
from covey.client.connection import Connection
from covey.client.streams import AuditCourse, Watch, batch_bodies, first_error, lines_of
from covey.errors import ConfigError, NodeError, PeerUnavailable
from covey.model import limits

__all__ = ["Client"]

_NO_RULES = RulesForm()
_encode = msgspec.json.Encoder().encode
_decode_reply = msgspec.json.Decoder(BatchReply).decode


class Client:
    """Commands the node that runs on `home`; a context manager, for one thread at a time.

    Batches and watches have connections of their own: other requests may go on beside them.

    Arguments and results of methods are JSON texts. Every method raises NodeNotRunning, and the
    error the node answered: NotFound, Refused, ConfigError, StoreError, ...
    """

    def __init__(self, home: Path) -> None:
        self._connection = Connection(home)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # -- the node --------------------------------------------------------------------------------

    def status(self) -> StatusReply:
        """The honest status."""
        return self._connection.request("GET", "/status", StatusReply)

    def peers(self) -> PeerList:
        """Connected peers."""
        return self._connection.request("GET", "/peers", PeerList)

    def stop(self) -> None:
        """Ask the node to stop."""
        self._connection.request("POST", "/stop", StopReply)

    # -- applications ----------------------------------------------------------------------------

    def applications(self) -> ApplicationList:
        """Installed releases."""
        return self._connection.request("GET", "/applications", ApplicationList)

    def application(self, name: str) -> ApplicationReply:
        """One installed release."""
        return self._connection.request("GET", f"/applications/{_part(name)}", ApplicationReply)

    def install(self, bundle: bytes) -> ApplicationReply:
        """Install a bundle."""
        if len(bundle) > limits.BUNDLE_SIZE_BYTES_MAX:
            raise ConfigError(f"a bundle is at most {limits.BUNDLE_SIZE_BYTES_MAX} bytes")
        return self._connection.request("POST", "/applications", ApplicationReply, content=bundle)

    # -- contexts --------------------------------------------------------------------------------

    def contexts(self) -> ContextList:
        """The contexts of the node."""
        return self._connection.request("GET", "/contexts", ContextList)

    def context(self, name: str) -> ContextReply:
        """One context."""
        return self._connection.request("GET", _context(name), ContextReply)

    def create_context(
        self, application: str, name: str | None = None, rules: RulesForm = _NO_RULES
    ) -> ContextReply:
        """Found a context."""
        content = _encode(CreateRequest(application=application, name=name, rules=rules))
        return self._connection.request("POST", "/contexts", ContextReply, content=content)

    def rules(self, context: str) -> RulesReply:
        """The rules of a context, and what follows from them."""
        return self._connection.request("GET", f"{_context(context)}/rules", RulesReply)

    def rules_of(self, target: str) -> RulesReply:
        """The same by ticket, context id or topic, joined or not; answers within 30 s."""
        content = _encode(RulesRequest(target))
        return self._connection.request("POST", "/rules", RulesReply, content=content)

    def govern(self, context: str, request: GovernRequest) -> GovernReply:
        """Govern a context; Refused where its rules forbid it."""
        path = f"{_context(context)}/govern"
        return self._connection.request("POST", path, GovernReply, content=_encode(request))

    def rehearse(self, context: str, request: RehearseRequest) -> RehearsalReply:
        """Try an upgrade on a copy of the state."""
        path = f"{_context(context)}/rehearse"
        return self._connection.request("POST", path, RehearsalReply, content=_encode(request))

    def certificate(self) -> CertificateReply:
        """This installation's device and whose it is."""
        return self._connection.request("GET", "/node/certificate", CertificateReply)

    def settings(self, context: str) -> SettingsReply:
        """The network settings of a context."""
        return self._connection.request("GET", f"{_context(context)}/settings", SettingsReply)

    def set_settings(self, context: str, change: SettingsRequest) -> SettingsReply:
        """Change them; answers with all of them."""
        return self._connection.request(
            "PATCH", f"{_context(context)}/settings", SettingsReply, content=_encode(change)
        )

    def ticket(self, context: str) -> str:
        """What another node needs to join."""
        return self._connection.request("POST", f"{_context(context)}/ticket", TicketReply).ticket

    def join(self, target: str, name: str | None = None) -> JoinReply:
        """Join by ticket, context id or topic; answers within 30 s."""
        content = _encode(JoinRequest(target=target, name=name))
        return self._connection.request("POST", "/join", JoinReply, content=content)

    def waits_for(self, context: str) -> str:
        """What joins and calls of a context wait for now, in a sentence, or empty."""
        path = f"{_context(context)}/waits"
        return self._connection.request("GET", path, WaitsReply).waits_for

    def leave(self, context: str, *, abandon: bool = False) -> LeaveReply:
        """Leave a context for good; answers within seconds. Refused to its last admin."""
        content = _encode(LeaveRequest(abandon))
        path = f"{_context(context)}/leave"
        return self._connection.request("POST", path, LeaveReply, content=content)

    def forget(self, context: str, *, abandon: bool = False) -> None:
        """Forget a context on the node; the others are told nothing. Refused to its last admin."""
        path = f"{_context(context)}?abandon=true" if abandon else _context(context)
        self._connection.send("DELETE", path)

    # -- methods ---------------------------------------------------------------------------------

    def call(self, context: str, method: str, arguments: bytes = b"{}") -> CallReply:
        """Run a method that may write; it is durable when this returns."""
        content = _call(method, arguments)
        return self._connection.request(
            "POST", f"{_context(context)}/call", CallReply, content=content
        )

    def query(self, context: str, method: str, arguments: bytes = b"{}") -> QueryReply:
        """Run a method that reads."""
        content = _call(method, arguments)
        return self._connection.request(
            "POST", f"{_context(context)}/query", QueryReply, content=content
        )

    def batch(
        self, context: str, calls: Iterable[tuple[str, bytes]]
    ) -> Iterator[BatchReply | NodeError]:
        """Run many calls, (method, arguments) each; a reply or an error for each, in order."""
        lines = (_call(method, arguments) for method, arguments in calls)
        for line in self.batch_lines(context, lines):
            error = first_error(line)
            yield _decode_reply(line) if error is None else error

    def batch_lines(self, context: str, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Run many calls given as lines of JSON, none empty; one reply line for each, in order.

        Many megabytes go in several requests. PeerUnavailable if the node stops before the end.
        """
        path = f"{_context(context)}/batch"
        for body, count in batch_bodies(lines, limits.API_BATCH_SEND_BYTES):
            missing = count
            with self._connection.stream("POST", path, content=body) as reply:
                for line in lines_of(reply):
                    if not missing:
                        raise NodeError("the node answers more than it was asked")
                    missing -= 1
                    yield line
            if missing:
                raise PeerUnavailable(f"the node stopped before the last {missing} calls")

    # -- what happened ---------------------------------------------------------------------------

    def log(self, context: str, after: int = 0, limit: int = 100) -> LogReply:
        """A page of applied deltas, in order of arrival."""
        return self._connection.request(
            "GET",
            f"{_context(context)}/log",
            LogReply,
            parameters={"after": after, "limit": limit},
        )

    def refused(self, context: str) -> RefusedReply:
        """What members' devices signed and nobody may apply."""
        return self._connection.request("GET", f"{_context(context)}/refused", RefusedReply)

    def proof(self, context: str, delta: str) -> str:
        """A refused delta as it was signed, in hex."""
        path = f"{_context(context)}/refused/{_part(delta)}"
        return self._connection.request("GET", path, ProofReply).frame

    @contextmanager
    def audit(self, context: str) -> Iterator[AuditCourse]:
        """Verify a context's whole history: how far it is, and last how it ended."""
        with self._connection.stream(
            "POST", f"{_context(context)}/audit", silence_s=limits.API_SILENCE_S
        ) as reply:
            yield AuditCourse(reply)

    @contextmanager
    def watch(self, context: str, after: int | None = None) -> Iterator[Watch]:
        """Applied deltas as they come, from now on or from after an arrival number.

        Once the block is entered nothing is missed. The iterator never ends: it raises
        PeerUnavailable when the node ends it.
        """
        with self._connection.stream(
            "GET",
            f"{_context(context)}/watch",
            parameters=None if after is None else {"after": after},
            silence_s=limits.API_SILENCE_S,
        ) as reply:
            yield Watch(reply)


def _part(name: str) -> str:
    """A name as one part of a path; an empty one would name the list."""
    return quote(name, safe="") or "%20"


def _context(name: str) -> str:
    return f"/contexts/{_part(name)}"


def _call(method: str, arguments: bytes) -> bytes:
    return _encode(CallRequest(method=method, args=msgspec.Raw(arguments)))
