"""JavaScript reads a running node: from nothing but a context id and one address of the DHT.

The node is the real command in its own process; the reader is js/reader.mjs, whose decoder was
written from protocols/ alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from covey.testkit.cluster import Cluster, NodeProcess, covey_command
from tests.interop.peer import Lines, open_js, open_lines

pytestmark = [pytest.mark.trio, pytest.mark.timeout(180, func_only=True)]

KV = Path(__file__).resolve().parents[2] / "apps" / "kv" / "kv.covey"
COMMAND_S = 60.0
CALLS = 600


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Nodes of this test; all are gone when it ends."""
    with Cluster(tmp_path / "homes") as nodes:
        yield nodes


async def _covey(node: NodeProcess, *arguments: object) -> dict[str, Any]:
    """What a command printed as JSON."""
    line = [covey_command(), *map(str, arguments), "--json", "--home", str(node.home)]
    with trio.fail_after(COMMAND_S):
        result = await trio.run_process(line, capture_stdout=True, capture_stderr=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


async def _found(node: NodeProcess) -> str:
    """Install `kv` and found a context of it; the context's id."""
    release = (await _covey(node, "app", "install", KV))["id"]
    context: str = (await _covey(node, "context", "create", release, "--name", "notes"))["id"]
    return context


async def _until(lines: Lines, kind: str) -> dict[str, Any]:
    """The next line of a kind; a refusal is never passed over."""
    while True:
        line = await lines.next()
        assert line["kind"] != "refused", line
        if line["kind"] == kind:
            return line


async def test_every_call_of_a_running_node_is_read(cluster: Cluster) -> None:
    """Ids, authors, chains, calls, effects: what JavaScript verified is what covey answered."""
    node = cluster.add("ada")
    async with open_js() as bootstrap:
        node.start(bootstrap=(bootstrap.address,))
        await trio.to_thread.run_sync(node.wait_ready)
        context = await _found(node)
        async with open_lines("reader.mjs", context, bootstrap.address) as lines:
            with trio.fail_after(60):
                assert (await _until(lines, "met"))["peer"] == node.peer_id
                await _until(lines, "announcement")  # Gossip flows.
            told = await _call(node, CALLS)
            with trio.fail_after(60):
                deltas = [await _until(lines, "delta") for _ in dict.fromkeys(told)]
                said = await _until(lines, "announcement")
                while said["count"] != {"int": str(len(deltas))}:
                    said = await _until(lines, "announcement")
            status = await _covey(node, "status")
    assert [delta["id"] for delta in deltas for _ in delta["calls"]] == told
    assert [delta["previous"] for delta in deltas] == [None, *(d["id"] for d in deltas[:-1])]
    assert len({delta["author"] for delta in deltas}) == 1
    for number, call in enumerate(call for delta in deltas for call in delta["calls"]):
        _require_call(call, number)
    assert [head["id"] for head in said["heads"]] == [deltas[-1]["id"]]
    assert said["peer"] == node.peer_id
    assert said["state"] == status["contexts"][0]["digest"]


async def test_admission_of_a_second_device_is_read(cluster: Cluster) -> None:
    """Governance is in deltas too: JavaScript verifies the certificate and the join."""
    ada, ben = cluster.add("ada"), cluster.add("ben")
    async with open_js() as bootstrap:
        for node in (ada, ben):
            node.start(bootstrap=(bootstrap.address,))
        for node in (ada, ben):
            await trio.to_thread.run_sync(node.wait_ready)
        context = await _found(ada)
        async with open_lines("reader.mjs", context, bootstrap.address) as lines:
            with trio.fail_after(60):
                await _until(lines, "announcement")
            ticket = (await _covey(ada, "context", "ticket", "notes"))["ticket"]
            assert (await _covey(ben, "join", ticket, "--name", "shared"))["admitted"]
            with trio.fail_after(60):
                admission = await _until(lines, "delta")
                await _covey(ben, "call", "shared", "set", '{"key": "b", "value": "2"}')
                call = await _until(lines, "delta")
    (effect,) = admission["governance"]
    assert effect["kind"] == "admit"
    assert effect["device"] == call["author"] != admission["author"]
    assert call["sequence"] == {"int": "1"}
    assert admission["id"] in call["parents"]


async def _call(node: NodeProcess, count: int) -> list[str]:
    """Make calls through one connection; the delta that each is in, in their order."""
    requests = [json.dumps({"method": "set", "args": _arguments(n)}) for n in range(count)]
    line = [covey_command(), "call", "notes", "--batch", "-", "--home", str(node.home)]
    with trio.fail_after(COMMAND_S):
        result = await trio.run_process(
            line, stdin="\n".join([*requests, ""]).encode(), capture_stdout=True
        )
    return [json.loads(answer)["delta"] for answer in result.stdout.splitlines()]


def _arguments(number: int) -> dict[str, str]:
    return {"key": f"k{number}", "value": "é€𝄞" * number}


def _require_call(call: dict[str, Any], number: int) -> None:
    assert call["method"] == "set"
    assert json.loads(call["arguments"]) == _arguments(number)
    (effect,) = call["effects"]
    assert effect["kind"] == {"int": "0"}
    assert _arguments(number)["value"].encode() in bytes.fromhex(effect["value"]["bin"])
