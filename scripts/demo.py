"""Real nodes replay a recorded session of people typing at once, and must agree on every character.

    python scripts/demo.py [--trace FILE] [--transactions N] [--nodes N] [--engine NAME]
                           [--json] [--keep DIR]

One node for each agent of the trace, one that only listens and one that joins when half is done,
each a process with a home of its own, all knowing one address. With the second engine every call
is run again afterwards on the first one. Exit code: 0 when all agree with each other and with the
published document, 1 with one sentence if not, 2 for usage, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console

from covey.api.schema import ContextStatusReply
from covey.client import Client
from covey.codec import cid_text, open_bundle, parse_cid, parse_did
from covey.errors import NodeError
from covey.model import ContextId
from covey.runtime import BlockingExecutor, new_engine
from covey.runtime.engines import DEFAULT_ENGINE, ENGINES
from covey.runtime.wasmer_engine import is_available
from covey.testkit.cluster import Board, Cluster, NodeProcess, Player, Usage, Witness, agree
from covey.testkit.replay import replay_home
from covey.testkit.trace import Trace, expected_text, load_trace
from demo_report import Bar, Checked, Lines, Outcome, Row, half_and_tail_ms, show
from python310 import NoPython310, ready_python

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
TRACE = ROOT / "data" / "friendsforever.json.gz"
BUNDLE = ROOT / "apps" / "text" / "text.covey"
JOIN_S = 120.0  # a late joiner fetches what the others wrote, beside them on one machine
REPLAY_S = 3_600.0
SETTLE_S = 120.0
LOOK_S = 0.25  # between two looks at the progress that a person sees


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.engine != DEFAULT_ENGINE and not is_available():
        python = _python_with(options.engine)
        if python is None:
            return 2
        os.execv(python, [str(python), __file__, *arguments])  # noqa: S606  the same, on 3.10
    console = Console(stderr=bool(options.json), emoji=False, highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        trace = load_trace(options.trace)
        nodes = options.nodes or trace.agents + 2
        if nodes < trace.agents + 2:
            _parser().error(
                f"--nodes {nodes}: {trace.agents} agents, a listener and a late joiner "
                f"need at least {trace.agents + 2}"
            )
        with ExitStack() as stack:
            folder = _kept(options.keep) or Path(stack.enter_context(_temporary_folder()))
            cluster = stack.enter_context(Cluster(folder, _run_options(options.engine)))
            try:
                demo = Demo(trace, options.transactions, nodes, cluster, console)
                outcome = demo.run()
            except NodeError as error:
                raise NodeError(_with_reasons(error, cluster)) from error
            if options.engine != DEFAULT_ENGINE:
                cluster.close()
                outcome = replace(outcome, checked=demo.check(options.engine))
    except KeyboardInterrupt:
        print("demo: interrupted; all nodes are stopped", file=sys.stderr)
        return 130
    except NodeError as error:
        print(f"demo: failed: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(msgspec.json.encode(asdict(outcome)).decode())
    else:
        show(outcome, console)
        print(outcome.line)
    return 0


class Demo:
    """One run, step after step; the cluster's owner stops the nodes whatever happens."""

    def __init__(
        self,
        trace: Trace,
        transactions: int | None,
        nodes: int,
        cluster: Cluster,
        console: Console,
    ) -> None:
        self._trace = trace
        self._transactions = transactions
        self._console = console
        self._board = Board()
        self._began_s = time.monotonic()
        homes = [cluster.add(f"node-{number}") for number in range(1, nodes + 1)]
        # Of two texts that two members insert at one place at once, the one by the greater key
        # stands first: with keys in the order of the agents that is the same in every run.
        self._nodes = sorted(homes, key=lambda node: parse_did(node.member))
        self._late = self._nodes[-1]
        self._witnesses: dict[str, Witness] = {}
        self._context = ""
        self._topic = ""

    def run(self) -> Outcome:
        """Everything; raises NodeError with what went wrong."""
        expected = self._expected()
        first, *others = self._nodes[:-1]
        self._say(
            f"starting {len(self._nodes) - 1} nodes, each a process with its own home; "
            "one more joins when half is done"
        )
        first.start()
        first.wait_ready()
        for node in others:
            node.start(bootstrap=(first.address,))
        with first.client() as client:
            self._found(client, first)
        for node in others:
            self._board.run(f"join {node.name}", partial(self._join, node))
        self._await_witnesses(len(self._nodes) - 1)
        members = [parse_did(node.member) for node in self._nodes[: self._trace.agents]]
        player = Player(self._board, self._trace, self._transactions, members, self._context)
        replay_s = self._replay(player, first)
        return self._settle(player, expected, replay_s)

    def _expected(self) -> str:
        """The text that must come out, by a replay that knows nothing of nodes."""
        if expected_text(self._trace) != self._trace.end_text:
            raise NodeError("the independent replay does not give the published end document")
        return expected_text(self._trace, self._transactions)

    def check(self, engine: str) -> Checked:
        """Run every call again on the default engine. Raises NodeError where one differs."""
        began_s = time.monotonic()
        context = ContextId(parse_cid(self._context))
        executor = BlockingExecutor(new_engine())
        replayed = replay_home(self._nodes[0].home, context, executor)
        return Checked(
            written_on=engine,
            replayed_on=DEFAULT_ENGINE,
            calls=replayed.calls,
            deltas=replayed.deltas,
            digest=replayed.digest,
            took_s=round(time.monotonic() - began_s, 1),
        )

    # -- the network ---

    def _found(self, client: Client, first: NodeProcess) -> None:
        application = client.install(_bundle())
        context = client.create_context(application.id, "page")
        self._context, self._topic = context.id, context.topic
        self._witnesses[first.peer_id] = Witness(self._board, first, context.id)
        self._say(f"context {context.id} of {application.package} {application.version}")
        self._say(
            f"this context: admission {context.admission} (any member's node lets a newcomer in), "
            f"encryption {context.encryption}, verification by {context.verification} "
            "(every node runs every call again)"
        )

    def _join(self, node: NodeProcess) -> None:
        node.wait_ready()
        began_s = time.monotonic()
        with node.client() as client:
            # An answer may come before the admission; the node goes on, and asking again waits on.
            while not client.join(self._topic, "page").admitted:
                if time.monotonic() - began_s > JOIN_S:
                    raise NodeError(f"{node.name} was not admitted within {JOIN_S:.0f} s")
        self._say(f"{node.name} joined by topic in {time.monotonic() - began_s:.1f} s")
        witness = Witness(self._board, node, self._context)
        self._board.change(lambda: self._witnesses.update({node.peer_id: witness}))

    def _await_witnesses(self, count: int) -> None:
        if not self._board.wait(lambda: len(self._witnesses) == count, JOIN_S):
            raise NodeError(
                f"only {len(self._witnesses)} of {count} nodes joined in {JOIN_S:.0f} s"
            )

    # -- the replay ---

    def _replay(self, player: Player, first: NodeProcess) -> float:
        began_s = time.monotonic()
        player.play([self._witnesses[n.peer_id] for n in self._nodes[: self._trace.agents]])
        is_late_started = False
        with self._progress(player.total) as show:
            while True:
                if not is_late_started and player.acknowledged * 2 >= player.total:
                    is_late_started = True
                    # Started here, in the main thread: a node ends with the thread that started it.
                    self._late.start(bootstrap=(first.address,))
                    self._board.run("late join", partial(self._join, self._late))
                is_done = self._board.wait(lambda: player.is_done, LOOK_S)
                show(player.acknowledged)
                if is_done and is_late_started:  # A short replay may be over between two looks.
                    return time.monotonic() - began_s
                if time.monotonic() - began_s > REPLAY_S:
                    raise NodeError(f"the replay took more than {REPLAY_S:.0f} s")

    def _progress(self, total: int) -> AbstractContextManager[Callable[[int], None]]:
        if self._console.is_terminal:
            return Bar(self._console, total)
        return nullcontext(Lines(self._say, total))

    # -- the end ---

    def _settle(self, player: Player, expected: str, replay_s: float) -> Outcome:
        began_s = time.monotonic()
        self._await_witnesses(len(self._nodes))
        deltas = set(player.carriers.values())
        witnesses = [self._witnesses[node.peer_id] for node in self._nodes]
        if not self._board.wait(
            lambda: all(w.applied.keys() >= deltas for w in witnesses), SETTLE_S
        ):
            lacking = [w.node.name for w in witnesses if not w.applied.keys() >= deltas]
            raise NodeError(f"{', '.join(lacking)} did not get all deltas in {SETTLE_S:.0f} s")
        with ExitStack() as stack:
            clients = [stack.enter_context(node.client()) for node in self._nodes]
            peers = {
                node.peer_id: client for node, client in zip(self._nodes, clients, strict=True)
            }
            status = agree(self._context, peers, SETTLE_S)
            settle_s = time.monotonic() - began_s
            texts = [_text(client, self._context) for client in clients]
        usages = [node.usage() for node in self._nodes]
        rows = tuple(map(self._row, self._nodes, witnesses, status, texts, usages))
        return self._outcome(player, expected, texts, rows, (replay_s, settle_s))

    def _row(
        self,
        node: NodeProcess,
        witness: Witness,
        status: ContextStatusReply,
        text: str,
        usage: Usage,
    ) -> Row:
        place = self._nodes.index(node)
        role = f"agent {place}" if place < self._trace.agents else "listens"
        return Row(
            node=node.name,
            role="joined at half" if node is self._late else role,
            deltas=status.deltas,
            calls=witness.calls,
            digest=status.digest,
            text_sha256=hashlib.sha256(text.encode()).hexdigest(),
            rss_mb=round(usage.rss_bytes / 1e6, 1),
            cpu_s=round(usage.cpu_s, 1),
        )

    def _outcome(
        self,
        player: Player,
        expected: str,
        texts: Sequence[str],
        rows: tuple[Row, ...],
        times_s: tuple[float, float],
    ) -> Outcome:
        for row, text in zip(rows, texts, strict=True):
            if text != expected:
                raise NodeError(
                    f"{row.node} has a document of {len(text)} characters that is not the "
                    f"expected one of {len(expected)}"
                )
            if row.calls != player.total:
                raise NodeError(f"{row.node} applied {row.calls} calls of {player.total}")
        needed = [h.waited_s for h in player.hand_overs if h.waited_s]
        return Outcome(
            nodes=len(rows),
            calls=player.total,
            characters=len(expected),
            document_sha256=hashlib.sha256(expected.encode()).hexdigest(),
            digest=rows[0].digest,
            replay_s=round(times_s[0], 1),
            settle_s=round(times_s[1], 1),
            total_s=round(time.monotonic() - self._began_s, 1),
            hand_overs=len(player.hand_overs) - 1,
            hand_over_ms=half_and_tail_ms(needed),
            batch_ms=half_and_tail_ms([h.batch_s for h in player.hand_overs]),
            rows=rows,
        )

    def _say(self, sentence: str) -> None:
        self._console.print(f"{time.monotonic() - self._began_s:6.1f} s  {sentence}")


def _text(client: Client, context: str) -> str:
    text: str = msgspec.json.decode(client.query(context, "text").result)["text"]
    return text


def _run_options(engine: str) -> list[str]:
    """What every node is started with: the second engine runs only what is listed."""
    if engine == DEFAULT_ENGINE:
        return []
    module = cid_text(open_bundle(_bundle()).manifest.module)
    return ["--engine", engine, "--engine-for", module]


def _python_with(engine: str) -> Path | None:
    """The Python of the second environment, which has the engine; None, and why, if it cannot."""
    try:
        python = ready_python()
    except NoPython310 as error:
        print(f"demo: {engine} needs CPython 3.10: {error}", file=sys.stderr)
        return None
    if python == Path(sys.executable):
        print(f"demo: there are no wheels of {engine} for this system", file=sys.stderr)
        return None
    return python


def _bundle() -> bytes:
    try:
        return BUNDLE.read_bytes()
    except OSError as error:
        raise NodeError(f"{BUNDLE} cannot be read: {error.strerror}") from error


def _with_reasons(error: NodeError, cluster: Cluster) -> str:
    """What went wrong, and what the nodes said of it: one may have ended."""
    said = [f"{node.name} says: {node.log_tail()}" for node in cluster.nodes if node.log_tail()]
    return "\n".join([str(error), *said])


def _kept(folder: Path | None) -> Path | None:
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise NodeError(f"{folder} is not empty: name a new folder to keep the homes in")
    return folder


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="covey-demo-", ignore_cleanup_errors=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo", description="real nodes replay a recorded session"
    )
    parser.add_argument("--trace", type=Path, default=TRACE, help="a recorded session")
    parser.add_argument("--transactions", type=_positive, metavar="N", help="only the first N")
    parser.add_argument("--nodes", type=_positive, metavar="N", help="agents + 2 or more")
    parser.add_argument("--engine", choices=ENGINES, default=DEFAULT_ENGINE, help="runs the calls")
    parser.add_argument("--json", action="store_true", help="one JSON line in place of the table")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the homes and logs there")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
