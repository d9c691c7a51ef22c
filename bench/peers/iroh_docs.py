"""iroh-docs on disk: `iroh_docs.py put|live|late [OPERATIONS]`, one JSON line.

Run with a Python that has iroh 0.35 and psutil; see the README beside it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import iroh  # type: ignore[import-not-found]  # in an environment of its own: README.md
import psutil

__all__: list[str] = []

_VALUE_CHARS = 100
_SETTLE_S = 2.0
_LIMIT_S = 240.0


class _Arrivals(iroh.SubscribeCallback):  # type: ignore[misc]  # as above
    """Waits for the content of a number of values."""

    def __init__(self, wanted: int) -> None:
        self._missing = wanted
        self.complete = asyncio.Event()

    async def event(self, event: iroh.LiveEvent) -> None:
        """Told by the library."""
        if "CONTENT_READY" in str(event.type()):
            self._missing -= 1
            if self._missing == 0:
                self.complete.set()


async def _open_node() -> iroh.Iroh:
    iroh.iroh_ffi.uniffi_set_event_loop(asyncio.get_running_loop())
    options = iroh.NodeOptions()
    options.enable_docs = True
    options.node_discovery = iroh.NodeDiscoveryConfig.NONE
    options.ipv4_addr, options.ipv6_addr = "127.0.0.1:0", "[::1]:0"
    return await iroh.Iroh.persistent_with_options(tempfile.mkdtemp(), options)


async def _write(doc: iroh.Doc, author: iroh.AuthorId, ops: int) -> float:
    # Every value differs from the others: equal ones would be stored and sent once.
    begun = time.perf_counter()
    for place in range(ops):
        await doc.set_bytes(author, b"k%d" % place, b"%0*d" % (_VALUE_CHARS, place))
    return time.perf_counter() - begun


async def _put(ops: int) -> None:
    node = await _open_node()
    doc, author = await node.docs().create(), await node.authors().create()
    cpu_before = time.process_time()
    seconds = await _write(doc, author, ops)
    cpu_s = time.process_time() - cpu_before
    _print("iroh-docs-local-writes", ops, seconds, cpu_s=cpu_s, rss_mb=_rss_mb(), wire_bytes=0)


async def _read(ticket: str, ops: int) -> None:
    node, arrivals = await _open_node(), _Arrivals(ops)
    begun, cpu_before = time.perf_counter(), time.process_time()
    await node.docs().join_and_subscribe(iroh.DocTicket(ticket), arrivals)
    print("ready", flush=True)
    await asyncio.wait_for(arrivals.complete.wait(), _LIMIT_S)
    seen = {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu_before,
        "rss_mb": _rss_mb(),
        "at": time.time(),
    }
    print(json.dumps(seen), flush=True)


async def _sync(mode: str, ops: int) -> None:
    node = await _open_node()
    doc, author = await node.docs().create(), await node.authors().create()
    addresses = iroh.AddrInfoOptions.ADDRESSES
    ticket = str(await doc.share(iroh.ShareMode.WRITE, addresses))
    if mode == "late":
        await _write(doc, author, ops)
    await doc.start_sync([])
    wire_before, cpu_before = _loopback_bytes(), time.process_time()
    command = (sys.executable, __file__, "read", str(ops), ticket)
    reader = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert reader.stdout is not None
    await reader.stdout.readline()
    begun = time.time()
    if mode == "live":
        await asyncio.sleep(_SETTLE_S)
        wire_before, cpu_before, begun = _loopback_bytes(), time.process_time(), time.time()
        await _write(doc, author, ops)
    seen = json.loads(await reader.stdout.readline())
    seconds = seen["seconds"] if mode == "late" else seen["at"] - begun
    _print(
        "iroh-docs-live" if mode == "live" else "iroh-docs-late-join",
        ops,
        seconds,
        cpu_s=time.process_time() - cpu_before + seen["cpu_s"],
        rss_mb=max(_rss_mb(), seen["rss_mb"]),
        wire_bytes=_loopback_bytes() - wire_before,
    )


def _print(name: str, ops: int, seconds: float, **more: float) -> None:
    figures = {"seconds": round(seconds, 3), "ops_per_s": round(ops / seconds)}
    print(json.dumps({"name": name, "ops": ops} | figures | more), flush=True)


def _rss_mb() -> int:
    return round(psutil.Process().memory_info().rss / 1_048_576)


def _loopback_bytes() -> int:
    """What the loopback interface carried; meant for a network namespace of its own."""
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[8])
    raise AssertionError("there is a loopback interface")


async def _main() -> None:
    mode, ops = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    if mode == "read":
        await _read(sys.argv[3], ops)
    elif mode == "put":
        await _put(ops)
    else:
        await _sync(mode, ops)
    # The library's threads outlive its nodes; there is nothing to save.
    os._exit(0)


asyncio.run(_main())
