"""A node under hostile frames of every kind: its memory, and an honest peer's calls meanwhile.

The node has a process to itself, the honest peer and the attacker share another. The attacker is
whoever knows the context, joins it, and comes back under another name when it is refused.
Usage: python -m bench.hostile [FRAMES]   (1,000,000 is the long run)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import trio

from covey.codec import (
    BlobWant,
    Credit,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    Know,
    ListingFrame,
    PartsFrame,
    ShareFrame,
    Want,
    cid_of,
    encode_frame,
    pack_batch,
    parse_cid,
)
from covey.codec.ranges import WHOLE_RANGE, Listing, Parts
from covey.model import ContextId, DeltaId, DeviceId, Digest, ReleaseId, Tip
from covey.node import Home, Rulebook
from covey.node.running import open_node
from covey.node.service import Node
from tests.integration.attackers.raw import ENDED, Attacker, open_attacker
from tests.integration.attackers.talk import Author, Talk, join, open_talk

_KV = Path(__file__).parents[1] / "apps" / "kv" / "kv.covey"
_SIGNED = Rulebook(verification="signature")  # what is forged here stands where nobody runs it
_LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
_WARM_SHARE = 0.2  # of the frames, before memory is looked at
_CALL_S = 0.25  # between two honest calls
_AT_ONCE = 20
_STREAM_FRAMES = 2_000  # then a new stream, so that every kind has its turn
_CALL_WAIT_S = 60.0


def _digest() -> Digest:
    return Digest(secrets.token_bytes(32))


def _frontier(devices: int) -> dict[DeviceId, tuple[Tip, ...]]:
    found = {DeviceId(secrets.token_bytes(32)) for _ in range(devices)}
    return {device: (Tip(2**63 - 1, DeltaId(_digest())),) for device in sorted(found)}


def _kinds(author: Author) -> dict[str, Callable[[], bytes]]:
    """Frames that somebody might send, by name; those that end a stream come seldom."""
    known = encode_frame(DeltasFrame(1, pack_batch([author.write(keep=False).frame] * 64)))
    bomb = encode_frame(DeltasFrame(1, zlib.compress(bytes(64 * 2**20), 9)))
    large = encode_frame(FrontierFrame(1, _frontier(500), _digest()))
    return {
        "digest": lambda: encode_frame(DigestFrame(1, _digest(), _digest())),
        "frontier": lambda: encode_frame(FrontierFrame(1, _frontier(3), _digest())),
        "everything": lambda: encode_frame(FrontierFrame(1, {}, _digest())),
        "large frontier": lambda: large,
        "ranges": lambda: encode_frame(
            PartsFrame(1, (Parts(WHOLE_RANGE, (secrets.randbits(48), secrets.randbits(48))),))
        ),
        "listing": lambda: encode_frame(
            ListingFrame(1, is_answer=False, several=(Listing(WHOLE_RANGE, _frontier(3)),))
        ),
        "share": lambda: encode_frame(ShareFrame(1, secrets.randbelow(8), 8)),
        "want": lambda: encode_frame(Want(1, tuple(DeltaId(_digest()) for _ in range(64)))),
        "blob": lambda: encode_frame(BlobWant(1, cid_of(secrets.token_bytes(8)))),
        "orphan": lambda: encode_frame(DeltasFrame(1, pack_batch([author.orphan().frame]))),
        "known": lambda: known,
        "no channel": lambda: encode_frame(DigestFrame(77, _digest(), _digest())),
        "guess": lambda: encode_frame(Know(secrets.randbits(31), secrets.token_bytes(32))),
        "credit": lambda: encode_frame(Credit(1, 2**62)),
        "bomb": lambda: bomb,
        "garbage": lambda: secrets.token_bytes(40),
    }


_SELDOM = ("guess", "credit", "bomb", "garbage", "large frontier", "known")


class _Attack:
    """Sends frames until there have been enough, under one name after the other."""

    def __init__(self, address: str, context: ContextId, wanted: int) -> None:
        self.sent: Counter[str] = Counter()
        self.names = 0
        self._address, self._context, self._wanted = address, context, wanted
        self._author: Author | None = None
        self._kinds: dict[str, Callable[[], bytes]] = {}

    @property
    def frames(self) -> int:
        """How many were sent."""
        return sum(self.sent.values())

    async def run(self, release: Callable[[], ReleaseId]) -> None:
        """Go on until it is done."""
        while self.frames < self._wanted:
            self.names += 1
            with contextlib.suppress(*ENDED, AssertionError, trio.TooSlowError, Exception):
                async with open_attacker(self._address, self.names) as eve:
                    await self._under_one_name(eve, release)

    async def _under_one_name(self, eve: Attacker, release: Callable[[], ReleaseId]) -> None:
        async with trio.open_nursery() as nursery:
            talk = await open_talk(eve, self._context, nursery)
            if not self._kinds:
                self._author = await join(talk, release())
                self._kinds = _kinds(self._author)
            author, kinds = self._author, self._kinds
            assert author is not None
            while self.frames < self._wanted and eve.is_connected:
                with contextlib.suppress(*ENDED, AssertionError, trio.TooSlowError):
                    talk = await open_talk(eve, self._context, nursery, author.who)
                    await self._on_one_stream(talk, kinds)
            nursery.cancel_scope.cancel()

    async def _on_one_stream(self, talk: Talk, kinds: dict[str, Callable[[], bytes]]) -> None:
        names = [name for name in kinds if name not in _SELDOM]
        for number in range(_STREAM_FRAMES // _AT_ONCE):
            if talk.is_ended or self.frames >= self._wanted:
                return
            chosen = [secrets.choice(names) for _ in range(_AT_ONCE)]
            if number % 10 == 9:
                chosen.append(secrets.choice(_SELDOM))
            with trio.fail_after(30):
                await talk.send(*(kinds[name]() for name in chosen))
            self.sent.update(chosen)
            talk.heard.clear()
        await talk.close()


class _Honest:
    """A peer whose calls the node should have soon."""

    def __init__(self, node: Node, ask: Callable[[str], Awaitable[dict[str, object]]]) -> None:
        self.delays_s: list[float] = []
        self._node, self._ask = node, ask

    async def run(self) -> None:
        """Call until cancelled."""
        number = 0
        while True:
            number += 1
            body = json.dumps({"key": f"k{number % 50}", "value": str(number)}).encode()
            began_s = time.perf_counter()
            result = await self._node.call("kv", "set", body)
            with trio.fail_after(_CALL_WAIT_S):
                await self._ask(f"wait {result.delta}")
            self.delays_s.append(time.perf_counter() - began_s)
            await trio.sleep(_CALL_S)


async def _victim(folder: str) -> None:
    """The node under attack: commands on its standard input, answers on its output."""
    async with open_node(Home.init(Path(folder)), listen=_LOOPBACK) as node:
        row = await node.install(_KV.read_bytes())
        context = await node.create_context(row.id, "kv", _SIGNED)
        ticket = node.ticket("kv")
        _say({"address": node.addresses[0], "context": context.id, "ticket": ticket})
        held = node._contexts.all()[0]
        async for line in trio.wrap_file(sys.stdin):
            command, _, argument = line.strip().partition(" ")
            if command == "wait":
                driver = held.driver
                assert driver is not None
                delta = DeltaId(bytes.fromhex(argument))
                with trio.move_on_after(_CALL_WAIT_S):
                    while not driver.replica.ledger.is_applied(delta):  # noqa: ASYNC110
                        await trio.sleep(0.002)
            _say({"peers": len(node.peers())})


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def measure(frames: int) -> dict[str, object]:
    """Attack a node with so many frames; what came of it."""
    with tempfile.TemporaryDirectory(prefix="covey-hostile-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "bench.hostile", "--victim", f"{folder}/ada"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            return trio.run(_measure, process, Path(folder), frames)
        finally:
            process.kill()
            process.communicate()


async def _measure(process: subprocess.Popen[str], folder: Path, frames: int) -> dict[str, object]:
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    read = lambda: json.loads(stdout.readline())  # noqa: E731

    async def ask(command: str) -> dict[str, object]:
        stdin.write(command + "\n")
        stdin.flush()
        answer: dict[str, object] = await trio.to_thread.run_sync(read)
        return answer

    told = await trio.to_thread.run_sync(read)
    victim = psutil.Process(process.pid)
    context = ContextId(parse_cid(told["context"]))
    attack = _Attack(told["address"], context, frames)
    memory: list[tuple[int, float]] = []
    async with (
        open_node(Home.init(folder / "ben"), listen=_LOOPBACK, bootstrap=[told["address"]]) as ben,
        trio.open_nursery() as nursery,
    ):
        await ben.join(told["ticket"], "kv")
        honest = _Honest(ben, ask)
        ledger = ben._contexts.all()[0].driver.replica.ledger  # type: ignore[union-attr]
        nursery.start_soon(honest.run)
        nursery.start_soon(_watch, victim, attack, memory)
        began_s = time.perf_counter()
        await attack.run(lambda: ledger.charter.release)
        seconds = time.perf_counter() - began_s
        memory.append((attack.frames, _rss_mb(victim)))
        nursery.cancel_scope.cancel()
    warm_mb = next(mb for sent, mb in memory if sent >= _WARM_SHARE * frames)
    delays = sorted(honest.delays_s)
    return {
        "name": "hostile",
        "frames": attack.frames,
        "seconds": round(seconds, 1),
        "names": attack.names,
        "warm_mb": round(warm_mb, 1),
        "growth_mb": round(memory[-1][1] - warm_mb, 1),
        "calls": len(delays),
        "p50_s": round(statistics.median(delays), 3),
        "p99_s": round(delays[int(0.99 * (len(delays) - 1))], 3),
    }


async def _watch(victim: psutil.Process, attack: _Attack, memory: list[tuple[int, float]]) -> None:
    while True:
        memory.append((attack.frames, _rss_mb(victim)))
        await trio.sleep(0.5)


def _rss_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 2**20)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=int, nargs="?", default=50_000)
    parser.add_argument("--victim", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.victim:
        trio.run(_victim, wanted.victim)
    else:
        print(json.dumps(measure(wanted.frames)))


if __name__ == "__main__":
    main()
