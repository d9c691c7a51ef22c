"""The format of a concurrent editing trace, and the checks that make one replayable.

Source: the repository editing-traces of Joseph Gentle, folder concurrent_traces. Positions and
lengths are in code points. Every transaction names the transactions it follows by their index.
"""

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from covey.errors import ConfigError
from covey.testkit import bounds

__all__ = ["Patch", "Trace", "Transaction", "checked_trace", "load_trace", "parse_trace"]

_GZIP_MAGIC = b"\x1f\x8b"

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Patch(msgspec.Struct, frozen=True, array_like=True):
    """One splice: at `position`, take `deleted` code points out, then put `inserted` in.

    The format allows a fourth element, the time of the keystroke, which nothing here needs.
    """

    position: Natural
    deleted: Natural
    inserted: str


class Transaction(msgspec.Struct, frozen=True):
    """What one agent did at once, in the document that its parents merged give."""

    parents: tuple[Natural, ...]
    agent: Natural
    patches: tuple[Patch, ...]


class _File(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    end_content: str
    num_agents: Annotated[int, msgspec.Meta(ge=1)]
    txns: tuple[Transaction, ...]


class _Kind(msgspec.Struct, frozen=True):
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A checked recording: parents precede their children, each agent's work is one chain.

    agents: how many there are, numbered from 0.  end_text: the published end document.
    views: for each transaction, the last transaction of each agent that it follows, -1 for none.
    Since each agent's transactions are a chain, a view names the whole causal past.
    """

    agents: int
    transactions: tuple[Transaction, ...]
    end_text: str
    views: tuple[tuple[int, ...], ...] = field(repr=False)

    def prefix_length(self, transactions: int | None) -> int:
        """How many transactions a prefix of at most `transactions` has; None means all."""
        if transactions is None:
            return len(self.transactions)
        if transactions < 0:
            raise ConfigError(f"the number of transactions is negative: {transactions}")
        return min(transactions, len(self.transactions))


def load_trace(path: Path) -> Trace:
    """Read and check the trace in a `.json` or gzip-compressed file.

    Raises ConfigError, one sentence that names the file, for anything that is no such trace.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(bounds.TRACE_SIZE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the trace {path}: {error.strerror}") from error
    try:
        return parse_trace(_inflated(raw))
    except ConfigError as error:
        raise ConfigError(f"{path} is not a usable trace: {error}") from error


def parse_trace(raw: bytes) -> Trace:
    """Check the JSON text of a trace.  Raises ConfigError."""
    if len(raw) > bounds.TRACE_SIZE_BYTES_MAX:
        raise ConfigError(f"it is larger than {bounds.TRACE_SIZE_BYTES_MAX} bytes")
    try:
        kind = msgspec.json.decode(raw, type=_Kind).kind
        if kind != "concurrent":
            raise ConfigError(f'its kind is {kind!r}, where only "concurrent" can be replayed')
        file = msgspec.json.decode(raw, type=_File)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"it has the wrong form: {error}") from error
    return checked_trace(file.num_agents, file.txns, file.end_content)


def checked_trace(agents: int, transactions: tuple[Transaction, ...], end_text: str) -> Trace:
    """Check that transactions can be replayed in this order.  Raises ConfigError."""
    if agents > bounds.TRACE_AGENTS_MAX:
        raise ConfigError(f"it has more than {bounds.TRACE_AGENTS_MAX} agents")
    if len(transactions) > bounds.TRACE_TRANSACTIONS_MAX:
        raise ConfigError(f"it has more than {bounds.TRACE_TRANSACTIONS_MAX} transactions")
    return Trace(agents, transactions, end_text, _views(agents, transactions))


def _inflated(raw: bytes) -> bytes:
    """Undo gzip where it was used, never beyond the limit: a small file may inflate to anything."""
    if not raw.startswith(_GZIP_MAGIC):
        return raw
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = inflater.decompress(raw, bounds.TRACE_SIZE_BYTES_MAX + 1)
    except zlib.error as error:
        raise ConfigError("its gzip data is damaged") from error
    if len(content) <= bounds.TRACE_SIZE_BYTES_MAX and not inflater.eof:
        raise ConfigError("its gzip data is cut short")
    return content


def _views(agents: int, transactions: tuple[Transaction, ...]) -> tuple[tuple[int, ...], ...]:
    views: list[tuple[int, ...]] = []
    last_of_agent = [-1] * agents
    nothing = (-1,) * agents
    for index, transaction in enumerate(transactions):
        agent = transaction.agent
        if agent >= agents:
            raise ConfigError(f"transaction {index} is by agent {agent} of {agents} agents")
        view = nothing
        for parent in transaction.parents:
            if parent >= index:
                raise ConfigError(f"transaction {index} follows {parent}, which comes later")
            view = _joined(view, _after(views[parent], transactions[parent].agent, parent))
        if view[agent] != last_of_agent[agent]:
            raise ConfigError(
                f"transaction {index} does not follow {last_of_agent[agent]}, "
                f"the one before it by the same agent {agent}"
            )
        views.append(view)
        last_of_agent[agent] = index
    return tuple(views)


def _after(view: tuple[int, ...], agent: int, index: int) -> tuple[int, ...]:
    return (*view[:agent], index, *view[agent + 1 :])


def _joined(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(max, one, other))
