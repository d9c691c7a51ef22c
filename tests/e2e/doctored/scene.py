"""Honest nodes and a rogue, each a process of its own, and contexts that they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covey.api.history_schema import RefusedRow
from covey.api.rules_schema import ConstraintForm, GovernRequest, RulesForm
from covey.client import Client
from covey.codec import parse_did
from covey.testkit.cluster import Cluster, NodeProcess, until
from tests.e2e.doctored.rogue import Rogue

__all__ = ["PATIENCE_S", "Honest", "Scene", "opened"]

PATIENCE_S = 60.0
_REFUSAL = re.compile(r"peer misbehaved peer='(\w+)' code='([\w-]*)'")
_GAVE_UP = b"a call could not be run again here"
_FACE_DEMERITS = 12.0  # above 16 its gossip is not read any more, above 32 it is turned away


class Honest:
    """A node of the real command, what it says, and what it holds against its peers."""

    def __init__(self, process: NodeProcess) -> None:
        self.process = process
        self.client: Client = process.client()

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def peer_id(self) -> str:
        return self.process.peer_id

    def log_size(self) -> int:
        """Where the log ends now."""
        return self.process.log.stat().st_size

    def refusals(self, since: int) -> list[str]:
        """The codes of what peers were blamed for, from a place of the log on."""
        text = self.process.log.read_bytes()[since:].decode(errors="replace")
        return [code for _, code in _REFUSAL.findall(text)]

    def kept(self, context: str) -> dict[str, RefusedRow]:
        """What it keeps of refused deltas, as `covey context log` shows it."""
        return {row.delta: row for row in self.client.refused(context).rows}

    def gave_up(self, since: int) -> bool:
        """Whether it ended a run by its watchdog, from a place of the log on."""
        return _GAVE_UP in self.process.log.read_bytes()[since:]

    def rows(self, context: str):
        """The whole log of a context, by delta."""
        rows, after = {}, 0
        while after is not None:
            page = self.client.log(context, after, 1_000)
            rows.update({row.delta: row for row in page.rows})
            after = page.next
        return rows

    def rule(self, context: str) -> dict[str, object]:
        """Who is who and what is in force there."""
        rules, shown = self.client.rules(context), self.client.context(context)
        return {
            "number": rules.number,
            "release": rules.release,
            "constraints": rules.constraints,
            "roles": {(row.device, row.roles) for row in rules.members},
            "devices": {(row.member, row.device) for row in shown.devices},
        }

    def device(self, context: str) -> str:
        """Its device there, in hexadecimal digits."""
        return parse_did(self.client.context(context).device).hex()

    @property
    def member(self) -> str:
        """Its member, in hexadecimal digits."""
        return parse_did(self.process.member).hex()


class Scene:
    """ada and ben are honest; mal was doctored. ada founds, the others join."""

    def __init__(self, cluster: Cluster, ada: Honest, ben: Honest, mal: Rogue) -> None:
        self.cluster = cluster
        self.ada, self.ben, self.mal = ada, ben, mal
        self.honest = (ada, ben)
        self.mal_client = mal.client()

    def found(self, bundle: bytes, name: str, rules: RulesForm | None = None) -> str:
        """A context that all three are members of; its id."""
        application = self.ada.client.install(bundle)
        context = self.ada.client.create_context(application.id, name, rules or RulesForm())
        for client in (self.ben.client, self.mal_client):
            assert client.join(context.topic, name).admitted
        self.meet(context.id)
        return context.id

    def meet(self, context: str) -> None:
        """Wait until the rogue has streams to all, and knows what they know."""
        self.mal.commit("linked", context, count=len(self.honest))
        until(lambda: len({self.digest(c, context) for c in self.clients}) == 1, PATIENCE_S, "sync")

    @property
    def clients(self) -> tuple[Client, ...]:
        return (*(node.client for node in self.honest), self.mal_client)

    @staticmethod
    def digest(client: Client, context: str) -> tuple[str, int, int, int]:
        """What a node says of a context: digest, deltas, behind, waiting."""
        (row,) = [row for row in client.status().contexts if row.id == context]
        return row.digest, row.deltas, row.behind, row.waiting

    def newcomer(self, name: str) -> Honest:
        """One more honest node, which knows the rogue's address alone."""
        process = self.cluster.add(name)
        self.cluster.start(process, bootstrap=self.mal)
        return Honest(process)

    def govern(self, node: Honest, context: str, **wish: object) -> str:
        """Have an honest node govern; the delta's id, once all have it."""
        delta = node.client.govern(context, GovernRequest(**wish)).delta
        for client in self.clients:
            until(lambda c=client: delta in applied(c, context), PATIENCE_S, "governance")
        return delta

    def face(self, context: str) -> None:
        """See to it that the rogue is still listened to: as another peer, where it is not."""
        for node in self.honest:
            rows = {row.peer_id: row for row in node.client.peers().peers}
            row = rows.get(self.mal.peer_id)
            if row is None or row.score < -_FACE_DEMERITS:
                self.mal.new_face()
                self.mal_client.close()
                self.mal_client = self.mal.client()
                break
        self.mal.commit("linked", context, count=len(self.honest))


def applied(client: Client, context: str) -> set[str]:
    """The deltas that a node has applied, of the last thousand."""
    (row,) = [row for row in client.status().contexts if row.id == context]
    return {r.delta for r in client.log(context, max(row.deltas - 1_000, 0), 1_000).rows}


def quorum(k: int, *nodes: Honest, notice_s: int = 0) -> ConstraintForm:
    """A constraint: so many of these members must approve."""
    return ConstraintForm("quorum", k, tuple(n.process.member for n in nodes), notice_s)


@contextmanager
def opened(folder: Path) -> Iterator[Scene]:
    """All three, running; all gone at the end."""
    with Cluster(folder, ("--verbose",)) as cluster:
        ada, ben = cluster.add("ada"), cluster.add("ben")
        mal = Rogue("mal", folder / "mal")
        cluster.nodes.append(mal)
        cluster.start(ada)
        cluster.start(ben, mal, bootstrap=ada)
        yield Scene(cluster, Honest(ada), Honest(ben), mal)
