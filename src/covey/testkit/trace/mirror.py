"""The driver's own mirror: turns recorded positions into elements of the text application.

A node's live document may know more than the person who typed had seen, so a recorded position
means nothing in it. The mirror keeps one document for each agent, which holds exactly what that
agent had seen, and names elements from there. Each agent's transactions are a chain, so its
document only ever moves forward.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Order
from dataclasses import dataclass
from typing import TypeAlias

from covey.errors import ConfigError
from covey.testkit.trace.format import Patch, Trace
from covey.testkit.trace.sequence import START, Sequence

__all__ = ["Edit", "EditArgs", "Mirror"]

Element: TypeAlias = "int | tuple[str, int]"
"""0 for the start, a counter for the caller's own, (member in hex, counter) for another's."""

Operation: TypeAlias = "tuple[str, int, Element, str] | tuple[str, Element, int]"
EditArgs: TypeAlias = "dict[str, list[Operation]]"


@dataclass(frozen=True, slots=True)
class Edit:
    """One transaction as a call of the method `edit` by its agent; args goes to JSON as it is."""

    index: int
    agent: int
    args: EditArgs


@dataclass(frozen=True, slots=True)
class _Typed:
    """A new item and the one it stands after."""

    item: int
    origin: int


@dataclass(frozen=True, slots=True)
class _Erased:
    item: int


_OPERATION_ELEMENTS_MAX = 65_536
"""Of one insert or delete, as the application allows; what is longer becomes several."""


_Change: TypeAlias = "_Typed | _Erased"


class Mirror:
    """Yields the `edit` call of every transaction, in the order of the trace.

    members: the 32-byte member key of each agent, all different.
    Raises ConfigError while iterating if a transaction edits beyond the document it names.
    """

    def __init__(self, trace: Trace, members: Order[bytes]) -> None:
        if len(members) != trace.agents or len(set(members)) != trace.agents:
            raise ConfigError(f"the trace needs {trace.agents} different members")
        self._trace = trace
        self._names = [member.hex() for member in members]
        ranks = {member: rank for rank, member in enumerate(sorted(members))}
        self._items = _Items([ranks[member] for member in members])
        self._documents = [_Document(self._items) for _ in members]
        self._changes: list[list[_Change]] = []
        self._chains: list[list[int]] = [[] for _ in members]

    def edits(self, transactions: int | None = None) -> Iterator[Edit]:
        """The calls from where the mirror stands up to the first `transactions` (None: all)."""
        for index in range(len(self._changes), self._trace.prefix_length(transactions)):
            yield self._edit(index)

    def text(self, agent: int) -> str:
        """The document as this agent knows it after its last transaction so far."""
        return self._documents[agent].text()

    def _edit(self, index: int) -> Edit:
        transaction = self._trace.transactions[index]
        agent = transaction.agent
        document = self._documents[agent]
        for arrived in self._unknown(document, agent, self._trace.views[index]):
            for change in self._changes[arrived]:
                document.apply(change)
        changes: list[_Change] = []
        operations: list[Operation] = []
        try:
            for patch in transaction.patches:
                operations += self._splice(document, agent, patch, changes)
        except ConfigError as error:
            raise ConfigError(f"transaction {index} of the trace cannot apply: {error}") from error
        self._changes.append(changes)
        self._chains[agent].append(index)
        return Edit(index, agent, {"ops": operations})

    def _unknown(self, document: "_Document", agent: int, view: tuple[int, ...]) -> list[int]:
        """The transactions by others in this view that a document lacks; it counts as having them.

        In the order of the trace: what one agent did may rest on what a third one did.
        """
        arrived: list[int] = []
        for other, last in enumerate(view):
            chain, known = self._chains[other], document.known.get(other, 0)
            while other != agent and known < len(chain) and chain[known] <= last:
                arrived.append(chain[known])
                known += 1
            document.known[other] = known
        return sorted(arrived)

    def _splice(
        self, document: "_Document", agent: int, patch: Patch, changes: list[_Change]
    ) -> list[Operation]:
        operations: list[Operation] = []
        if patch.deleted:
            erased = document.erase(patch.position, patch.deleted)
            changes.extend(map(_Erased, erased))
            for first, length in self._items.spans(erased):
                operations.append(("d", self._element(agent, first), length))
        if patch.inserted:
            origin = document.order.before(patch.position)
            for start in range(0, len(patch.inserted), _OPERATION_ELEMENTS_MAX):
                piece = patch.inserted[start : start + _OPERATION_ELEMENTS_MAX]
                counter = document.counter + 1
                operations.append(("i", counter, self._element(agent, origin), piece))
                for character in piece:
                    typed = _Typed(self._items.add(agent, document.counter + 1, character), origin)
                    document.apply(typed)
                    changes.append(typed)
                    origin = typed.item
        return operations

    def _element(self, agent: int, item: int) -> Element:
        if item == START:
            return 0
        owner, counter = self._items.agents[item], self._items.counters[item]
        return counter if owner == agent else (self._names[owner], counter)


class _Items:
    """Every character ever typed: who typed it, with which counter.  Shared by all documents."""

    def __init__(self, ranks: list[int]) -> None:
        self._ranks = ranks
        self.agents: list[int] = []
        self.counters: list[int] = []
        self.characters: list[str] = []

    def add(self, agent: int, counter: int, character: str) -> int:
        self.agents.append(agent)
        self.counters.append(counter)
        self.characters.append(character)
        return len(self.characters) - 1

    def stands_before(self, one: int, other: int) -> bool:
        """Whether, of two that stand after the same item, `one` comes first."""
        if self.counters[one] != self.counters[other]:
            return self.counters[one] > self.counters[other]
        return self._ranks[self.agents[one]] > self._ranks[self.agents[other]]

    def spans(self, items: list[int]) -> list[tuple[int, int]]:
        """(first item, length) of the runs of one agent's successive counters, in order."""
        spans: list[tuple[int, int]] = []
        for item in items:
            if spans:
                first, length = spans[-1]
                same = self.agents[item] == self.agents[first]
                follows = same and self.counters[item] == self.counters[first] + length
                if follows and length < _OPERATION_ELEMENTS_MAX:
                    spans[-1] = (first, length + 1)
                    continue
            spans.append((item, 1))
        return spans


class _Document:
    """What one agent has seen: the order of its items, the greatest counter, whose work it has."""

    def __init__(self, items: _Items) -> None:
        self._items = items
        self.order = Sequence()
        self.counter = 0
        self.known: dict[int, int] = {}

    def apply(self, change: _Change) -> None:
        if isinstance(change, _Erased):
            self.order.hide(change.item)
            return
        left = change.origin
        for item in self.order.following(left):
            if self._items.stands_before(change.item, item):
                break
            left = item
        self.order.insert_after(left, change.item)
        self.counter = max(self.counter, self._items.counters[change.item])

    def erase(self, position: int, count: int) -> list[int]:
        """Hide `count` visible items from `position` on and name them."""
        erased: list[int] = []
        for _ in range(count):
            item = self.order.before(position + 1)
            self.order.hide(item)
            erased.append(item)
        return erased

    def text(self) -> str:
        return "".join(self._items.characters[item] for item in self.order.visible())
