"""What people see: replies of the node as text and tables."""

from __future__ import annotations

import re

import msgspec
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from covey.api.context_schema import ContextList, ContextReply
from covey.api.history_schema import RefusedReply
from covey.api.schema import (
    ApplicationList,
    ApplicationReply,
    AppliedRow,
    ContextStatusReply,
    LogReply,
    PeerList,
    PeerReply,
    SettingsReply,
    StatusReply,
)
from covey.cli.layout import Records, facts, new_table
from covey.cli.results import RunResult

__all__ = [
    "application_page",
    "applications_table",
    "context_page",
    "contexts_table",
    "log_table",
    "peers_page",
    "ready_page",
    "row_text",
    "settings_page",
    "status_table",
    "terms",
]

_ID = re.compile(r"(?:did:key:)?(z6Mk\w+|bafk\w+)")
_SHORT_CHARS = 12  # six columns of the log fit into 80
_MEMBER_COLUMNS = 100  # so wide is what the log shows members in too
_OUTSIDE = ("joining", "refused")  # phases of a context without a ledger here
_NO_CHARTER = "charter not here yet"


def ready_page(result: RunResult) -> RenderableType:
    """A node that runs."""
    pairs = [("peer id", result.peer_id), ("commanded at", result.api)]
    pairs += [("address", address) for address in result.addresses]
    return facts(pairs)


def status_table(status: StatusReply) -> RenderableType:
    """The node and each of its contexts."""
    head = facts(
        [
            ("peer id", status.peer_id),
            ("member", status.member),
            *(("address", address) for address in status.addresses),
        ]
    )
    if not status.contexts:
        return Group(head, Text("no contexts yet: `covey context create` or `covey join`"))
    return Group(head, *(_context_block(context) for context in status.contexts))


def _context_block(context: ContextStatusReply) -> RenderableType:
    pairs = [("id", context.id)]
    if context.phase in _OUTSIDE:
        pairs.append(("state", _standing(context)))
    else:
        pairs += [
            ("digest", context.digest),
            ("deltas", str(context.deltas)),
            ("members", str(context.members)),
            ("state", _standing(context)),
            ("in sync with", _in_sync(context)),
        ]
    if context.role != "full":
        pairs.append(("role", f"{context.role}: {_ROLES.get(context.role, 'unknown here')}"))
    if context.admission:
        told = terms(context.admission, context.encryption, context.verification)
        pairs.append(("terms", told))
    title = f"{context.name}  ({context.application})" if context.application else context.name
    return Group(Text(""), Text(title, style="bold"), facts(pairs))


def _standing(context: ContextStatusReply) -> str:
    words = {
        "joining": _joining(context),
        "refused": "it cannot be joined: the node's log says why",
        "reading": "reading, not admitted yet",
        "member": "member",
        "removed": "removed: this device may not write there any more",
    }
    parts = [words.get(context.phase, context.phase)]
    if context.behind:
        parts.append(f"behind by at least {context.behind}")
    if context.waiting:
        parts.append(f"{context.waiting} wait for their parents")
    if context.diverged:
        parts.append(f"DIVERGED from {', '.join(context.diverged)}: please report this")
    if context.upgrade_needed:
        parts.append("needs a newer covey")
    return ", ".join(parts)


def _joining(context: ContextStatusReply) -> str:
    return "joining" if context.admission else f"joining, {_NO_CHARTER}"


def _in_sync(context: ContextStatusReply) -> str:
    if not context.in_sync_with:
        return "nobody known"
    return f"{', '.join(context.in_sync_with)} (as of {context.as_of})"


def terms(admission: str, encryption: str, verification: str) -> str:
    """What a context promises and what it does not, in plain words."""
    encrypted = "not encrypted" if encryption == "none" else f"encrypted: {encryption}"
    checked = "every call run again here" if verification == "replay" else verification
    if verification == "signature":
        checked = "signatures checked but calls not run again"
    return f"{admission} admission, {encrypted}, {checked}"


def peers_page(reply: PeerList, names: dict[str, str]) -> RenderableType:
    """Connected peers, one below the other: an id and an address fill a line each.

    names: of the contexts on this node.
    """
    if not reply.peers:
        return Text("no peers are connected")
    blocks: list[RenderableType] = []
    for peer in reply.peers:
        blocks += [Text("")] if blocks else []
        blocks.append(Text(peer.peer_id, style="bold", no_wrap=True, overflow="ignore"))
        pairs = [("address", peer.address)]
        pairs += [
            ("how", f"{peer.direction}, {peer.transport}, since {_to_the_second(peer.since)}")
        ]
        pairs += [("standing", f"{_latency(peer.latency_ms)}, score {peer.score:g}")]
        pairs += [("runs", _runs(peer))]
        pairs += [("shares", names.get(context, context)) for context in peer.contexts]
        blocks.append(facts(pairs))
    return Group(*blocks)


def _latency(latency_ms: float | None) -> str:
    return "latency not known yet" if latency_ms is None else f"latency {latency_ms:.1f} ms"


def _runs(peer: PeerReply) -> str:
    known = {
        "/covey/sync/1.0.0": "sync",
        "/meshsub/1.1.0": "gossip",
        "/ipfs/kad/1.0.0": "DHT server",
    }
    served = [name for protocol, name in known.items() if protocol in peer.protocols]
    return ", ".join([peer.agent or "not said yet", *served])


def applications_table(reply: ApplicationList) -> RenderableType:
    """Installed releases."""
    if not reply.applications:
        return Text("no applications are installed: `covey app install BUNDLE`")
    table = Records("package", "version", "name", "id")
    for row in reply.applications:
        table.add_row(row.package, row.version, row.name, row.id)
    return table


def application_page(row: ApplicationReply) -> RenderableType:
    """One release with its methods."""
    methods = new_table("method", "kind", "arguments", "what it does")
    for method in row.methods:
        schema = _Schema.read(bytes(method.args))
        methods.add_row(method.name, method.kind, schema.outline(), schema.description)
    collections = ", ".join(f"{c.name} ({', '.join((c.rule, *c.roles))})" for c in row.collections)
    return Group(
        Text(f"{row.name} {row.version}", style="bold"),
        Text(row.description),
        facts(
            [
                ("package", row.package),
                ("id", row.id),
                ("publisher", row.publisher),
                ("licence", row.licence),
                ("module", f"{row.module} ({row.module_size_bytes} bytes)"),
                ("runs on", f"{row.abi}, {row.execution}"),
                ("collections", collections or "none"),
            ]
        ),
        methods,
    )


def contexts_table(reply: ContextList) -> RenderableType:
    """The contexts of a node."""
    if not reply.contexts:
        return Text("no contexts yet: `covey context create` or `covey join`")
    table = Records("name", "application", "phase", "devices", "id")
    for row in reply.contexts:
        table.add_row(row.name, row.package or "?", row.phase, str(len(row.devices)), row.id)
    return table


def context_page(row: ContextReply) -> RenderableType:
    """One context with its members."""
    members = Records("member", "device", "roles", "here")
    for each in row.devices:
        mark = "this node" if each.device == row.device else ""
        members.add_row(each.member, each.device, ", ".join(each.roles), mark)
    pairs = [("id", row.id), ("topic", row.topic)]
    if not row.release:
        pairs += [("phase", row.phase), ("terms", _NO_CHARTER)]
        return Group(Text(row.name, style="bold"), facts(pairs))
    pairs += [
        ("application", row.package or "not here yet"),
        ("founded with", row.release),
        ("in force", _in_force(row)),
        ("phase", row.phase),
        ("roles here", ", ".join(row.roles) or "none"),
        ("terms", terms(row.admission, row.encryption, row.verification)),
        ("execution", row.execution),
    ]
    return Group(Text(row.name, style="bold"), facts(pairs), members)


def _in_force(row: ContextReply) -> str:
    if row.in_force is None:
        return "not known here yet"
    return f"{row.in_force.version}, number {row.in_force.number}, release {row.in_force.release}"


def settings_page(row: SettingsReply) -> RenderableType:
    """How this node takes part in a context's network."""
    table = new_table("setting", "value", "which means")
    table.add_row("role", row.role, _ROLES.get(row.role, "a role that is unknown here"))
    announced = "others find this node in the DHT", "it is not in the DHT, and finds others"
    table.add_row("announce", *(("yes", announced[0]) if row.announce else ("no", announced[1])))
    now = f"with so many it syncs at most; {row.peers} now"
    table.add_row("max peers", str(row.max_peers), now)
    mesh = f"in the gossip mesh; filled up below {row.degree_low}, cut down above {row.degree_high}"
    table.add_row("degree", str(row.degree), mesh)
    lists = [("allow", peer) for peer in row.allow] or [("allow", "everybody")]
    lists += [("deny", peer) for peer in row.deny] or [("deny", "nobody")]
    lists += [("static", address) for address in row.static] or [("static", "nobody")]
    return Group(Text(row.name, style="bold"), facts([("id", row.id)]), table, facts(lists))


_ROLES = {
    "full": "it makes calls",
    "carrier": "it holds, checks and serves what others write; calls here are refused",
}


def log_table(reply: LogReply) -> RenderableType:
    """Applied deltas in the order of their arrival; with their members where there is room."""
    if not reply.rows:
        return Text("nothing was applied after that")
    table = _Log(reply)
    if not any(row.void for row in reply.rows):
        return table
    return Group(table, Text("void: it stays in the log, and counts for nothing"))


class _Log:
    """The table of a log, which is drawn by the width that it gets."""

    def __init__(self, reply: LogReply) -> None:
        self._rows = reply.rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        has_members = options.max_width >= _MEMBER_COLUMNS
        heads = ("#", "time", *(["member"] if has_members else []), "author", "seq", "calls")
        table = new_table(*heads, "delta")
        for row in self._rows:
            members = [_short_key(row.member)] if has_members else []
            table.add_row(
                *(str(row.arrival), _to_the_second(row.time), *members, _short_key(row.author)),
                *(str(row.sequence), _calls(row), _short(row.delta)),
            )
        yield table


def refused_table(reply: RefusedReply) -> RenderableType:
    """What members' devices signed and nobody may apply."""
    table = Records("refused delta", "author", "why")
    for row in reply.rows:
        proof = "" if row.size_bytes else " (not kept)"
        table.add_row(row.delta, row.author, f"{row.code}: {row.reason}{proof}")
    return table


def row_text(row: AppliedRow) -> str:
    """An applied delta on one line."""
    author = _short_key(row.author)
    return f"{row.time}  {author} #{row.sequence}  {_calls(row)}  {_short(row.delta)}"


def _calls(row: AppliedRow) -> str:
    return f"void: {_done(row)}" if row.void else _done(row)


def _done(row: AppliedRow) -> str:
    if not row.calls:
        return _governed(row)
    names = list(dict.fromkeys(row.methods))
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    calls = f"{row.calls} of {shown}"
    return f"{_governed(row)}; {calls}" if row.governance else calls


class _Schema(msgspec.Struct, frozen=True):
    """The part of a JSON Schema that a table has room for."""

    description: str = ""
    properties: dict[str, msgspec.Raw] = {}
    required: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: bytes) -> _Schema:
        """The schema in some JSON; an empty one where it is of another shape."""
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.DecodeError:
            return cls()

    def outline(self) -> str:
        """The names of the arguments, those that may be left out with a question mark."""
        names = [n if n in self.required else f"{n}?" for n in self.properties]
        return "{" + ", ".join(names) + "}"


def _to_the_second(time: str) -> str:
    return f"{time.partition('.')[0]}Z" if "." in time else time


def _short(text: str) -> str:
    return text if len(text) <= _SHORT_CHARS else text[:_SHORT_CHARS] + "…"


def _short_key(did: str) -> str:
    return _short(did.removeprefix("did:key:"))


def _governed(row: AppliedRow) -> str:
    """What a delta without calls does, in the room of a column."""
    if not row.governance:
        return "no calls"
    first = _ID.sub(lambda found: _short(found[1]), row.governance[0])
    return first if len(row.governance) == 1 else f"{first}, … ({len(row.governance)})"
