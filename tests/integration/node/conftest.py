"""Whole nodes in this process: real network on loopback, real store, real engine; no HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import trio

from covey.node import ContextStatus, Home
from covey.node.rulebook import NO_RULES, Rulebook
from covey.node.running import open_node
from covey.node.service import Node

APPS = Path(__file__).resolve().parents[3] / "apps"
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
PATIENCE_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Callable[[str], Home]:
    """`home("ada")`: a home with keys, the same one each time."""
    return lambda name: Home.init(tmp_path / name)


def opened(home: Home, *bootstrap: Node):
    """A running node that knows the first address of others."""
    return open_node(home, listen=LOOPBACK, bootstrap=[node.addresses[0] for node in bootstrap])


def bundle(name: str) -> bytes:
    """The committed bundle of an application."""
    return (APPS / name / f"{name}.covey").read_bytes()


async def found(node: Node, application: str = "kv", rules: Rulebook = NO_RULES):
    """Install an application and found a context of it."""
    row = await node.install(bundle(application))
    return await node.create_context(row.id, application, rules)


def put(key: str, value: str = "x") -> tuple[str, bytes]:
    """A call that sets one entry of `kv`."""
    return "set", json.dumps({"key": key, "value": value}).encode()


async def run(node: Node, context: str, calls: Iterable[tuple[str, bytes]]) -> list[str]:
    """Run calls as one batch, all of which take effect; the delta of each."""
    answers = [answer async for answer in node.batch(context, calls)]
    for answer in answers:
        assert not isinstance(answer, Exception), answer
    return [answer.delta for answer in answers]


def told(node: Node, context: str) -> ContextStatus:
    """What a node says of a context."""
    (row,) = [row for row in node.status().contexts if row.id == context]
    return row


async def until(fact: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that real sockets bring about in their own time."""
    with trio.fail_after(timeout_s):
        while not fact():  # noqa: ASYNC110 -- the fact is another task's doing
            await trio.sleep(0.01)


async def agree(context: str, *nodes: Node, timeout_s: float = PATIENCE_S) -> None:
    """Wait until every node says that it is in sync with all others; then they must be equal."""
    names = {node.peer_id for node in nodes}

    def is_in_sync() -> bool:
        return all(
            set(told(node, context).in_sync_with) >= names - {node.peer_id} for node in nodes
        )

    def are_equal() -> bool:
        rows = [told(node, context) for node in nodes]
        return is_in_sync() and len({(row.digest, row.deltas) for row in rows}) == 1

    await until(are_equal, timeout_s)


async def keys(node: Node, context: str) -> set[str]:
    """The first 500 keys of a context of `kv`."""
    answer = await node.query(context, "entries", b'{"limit": 500}')
    return {entry["key"] for entry in json.loads(answer.result)["entries"]}


__all__ = ["agree", "bundle", "found", "home", "keys", "opened", "put", "run", "told", "until"]
