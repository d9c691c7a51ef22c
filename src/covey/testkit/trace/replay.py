"""The text that a trace must end with, found without elements, trees or members.

One list holds every character ever typed. Before each transaction the list is turned to the version
that its parents name: what it has not seen is taken back, what it has seen is done again, by
switching visibility. Then its positions mean what they meant to the person who typed. Nothing here
is shared with the application's walk over a tree of origins, nor with the mirror's document for
each agent, so the three can be checked against one another.

Source: the prepare version of Gentle and Kleppmann, "Collaborative Text Editing with Eg-walker",
EuroSys 2025; the placement of a new item is that of RGA (Roh et al., 2011).
"""

from collections.abc import Sequence as Order

from covey.errors import ConfigError
from covey.testkit.trace.format import Trace, Transaction
from covey.testkit.trace.sequence import Sequence

__all__ = ["expected_text"]


def expected_text(
    trace: Trace, transactions: int | None = None, ranks: Order[int] | None = None
) -> str:
    """The document after the first `transactions` (None: all), whoever merged what.

    ranks: one number an agent; of two that insert at one place concurrently with equal counters the
    greater stands first. Recordings of this format have no such pair; hand-made ones may.
    Raises ConfigError if a transaction edits beyond the document it names.
    """
    replay = _Replay(trace, tuple(ranks) if ranks is not None else tuple(range(trace.agents)))
    count = trace.prefix_length(transactions)
    for index in range(count):
        replay.apply(index)
    return replay.text(count)


class _Replay:
    def __init__(self, trace: Trace, ranks: tuple[int, ...]) -> None:
        self._trace = trace
        self._ranks = ranks
        self._order = Sequence()
        self._characters: list[str] = []
        self._stamps: list[tuple[int, int]] = []
        """For each item its Lamport counter and its agent's rank: the greater stands first."""
        self._absences: list[int] = []
        """For each item what hides it now: deletions, and 1 while it is not typed yet."""
        self._typed: list[list[int]] = []
        self._erased: list[list[int]] = []
        self._counters: list[int] = []
        """For each transaction the greatest counter in its past and itself."""
        self._chains: list[list[int]] = [[] for _ in range(trace.agents)]
        """The transactions of each agent in order, and how many of them are done now."""
        self._done = [0] * trace.agents
        self._places: list[int] = []
        """For each transaction its place in its agent's chain, from 0."""

    def apply(self, index: int) -> None:
        transaction = self._trace.transactions[index]
        view = self._trace.views[index]
        self._turn_to([self._places[last] + 1 if last >= 0 else 0 for last in view])
        counter = max((self._counters[parent] for parent in transaction.parents), default=0)
        self._typed.append([])
        self._erased.append([])
        try:
            counter = self._splice(transaction, counter)
        except ConfigError as error:
            raise ConfigError(f"transaction {index} of the trace cannot apply: {error}") from error
        self._counters.append(counter)
        chain = self._chains[transaction.agent]
        self._places.append(len(chain))
        chain.append(index)
        self._done[transaction.agent] = len(chain)

    def text(self, count: int) -> str:
        """Everything typed and not erased, with all `count` transactions done."""
        self._turn_to([len(chain) for chain in self._chains])
        assert len(self._places) == count
        return "".join(self._characters[item] for item in self._order.visible())

    def _turn_to(self, done: list[int]) -> None:
        # Taking back first keeps a character's count of absences from falling below zero.
        for agent, chain in enumerate(self._chains):
            for index in reversed(chain[done[agent] : self._done[agent]]):
                self._shift(self._erased[index], -1)
                self._shift(self._typed[index], 1)
        for agent, chain in enumerate(self._chains):
            for index in chain[self._done[agent] : done[agent]]:
                self._shift(self._typed[index], -1)
                self._shift(self._erased[index], 1)
        self._done = done

    def _shift(self, items: list[int], amount: int) -> None:
        absences = self._absences
        for item in items:
            absences[item] += amount
            if absences[item]:
                self._order.hide(item)
            else:
                self._order.show(item)

    def _splice(self, transaction: Transaction, counter: int) -> int:
        rank = self._ranks[transaction.agent]
        for patch in transaction.patches:
            for _ in range(patch.deleted):
                item = self._order.before(patch.position + 1)
                self._erased[-1].append(item)
                self._shift([item], 1)
            left = self._order.before(patch.position)
            for character in patch.inserted:
                counter += 1
                left = self._place(left, (counter, rank), character)
        return counter

    def _place(self, left: int, stamp: tuple[int, int], character: str) -> int:
        for item in self._order.following(left):
            if self._stamps[item] < stamp:
                break
            left = item
        added = len(self._characters)
        self._characters.append(character)
        self._stamps.append(stamp)
        self._absences.append(0)
        self._order.insert_after(left, added)
        self._typed[-1].append(added)
        return added
