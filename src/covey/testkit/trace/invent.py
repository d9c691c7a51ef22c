"""Invented sessions: any number of agents that type, delete and merge at random, with the answer.

Unlike recordings, these have concurrent inserts at one place, deletes across other people's text,
pastes, several patches in a transaction and characters beyond 16 bits, and many more merges.
"""

import random

from covey.testkit.trace.format import Patch, Trace, Transaction, checked_trace

__all__ = ["invent_trace"]

_ALPHABET = 'abcdefgh \n"\\ äß€日😀𝄞'
_PASTE_CHARACTERS_MAX = 600
_PATCHES_MAX = 3


def invent_trace(rng: random.Random, agents: int, transactions: int) -> Trace:
    """A session of this many transactions; the last one has seen everything.

    Of two agents that insert at one place with equal counters the higher number stands first: give
    agents member keys in ascending order, or do not compare with `end_text`.
    Work grows with the square of the transactions: for hundreds, not for hundreds of thousands.
    """
    people = [_Person(rank) for rank in range(agents)]
    made: list[Transaction] = []
    for index in range(transactions):
        person = rng.choice(people)
        others = people if index == transactions - 1 else rng.sample(people, rng.randrange(agents))
        for other in others:
            person.merge(other)
        parents = tuple(_maximal(person.heads, made))
        patches = tuple(_patch(rng, person) for _ in range(rng.randint(1, _PATCHES_MAX)))
        made.append(Transaction(parents, person.rank, patches))
        person.heads = {index}
    end = max(people, key=lambda person: max(person.heads, default=-1))
    return checked_trace(agents, tuple(made), end.text())


class _Person:
    """One agent's own document: its items in order, and what of them is deleted."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.heads: set[int] = set()
        self.items: list[tuple[int, int]] = []
        """(counter, rank) of each character, in the order of the text."""
        self.characters: dict[tuple[int, int], str] = {}
        self.origins: dict[tuple[int, int], tuple[int, int] | None] = {}
        self.gone: set[tuple[int, int]] = set()

    def visible(self) -> list[tuple[int, int]]:
        return [item for item in self.items if item not in self.gone]

    def text(self) -> str:
        return "".join(self.characters[item] for item in self.visible())

    def insert(self, origin: tuple[int, int] | None, item: tuple[int, int], character: str) -> None:
        place = 0 if origin is None else self.items.index(origin) + 1
        while place < len(self.items) and self.items[place] > item:
            place += 1
        self.items.insert(place, item)
        self.characters[item] = character
        self.origins[item] = origin

    def merge(self, other: "_Person") -> None:
        """Take over what the other has; by counters, so that an origin comes before its item."""
        for item in sorted(other.characters.keys() - self.characters.keys()):
            self.insert(other.origins[item], item, other.characters[item])
        self.gone |= other.gone
        self.heads |= other.heads


def _patch(rng: random.Random, person: _Person) -> Patch:
    visible = person.visible()
    position = rng.randint(0, len(visible))
    deleted = rng.randint(0, min(len(visible) - position, 6)) if rng.random() < 0.4 else 0
    person.gone.update(visible[position : position + deleted])
    length = rng.choice((1, 1, 1, 2, 5)) if rng.random() < 0.98 else _PASTE_CHARACTERS_MAX
    inserted = "".join(rng.choices(_ALPHABET, k=rng.randint(1, length)))
    origin = visible[position - 1] if position else None
    counter = max((item[0] for item in person.items), default=0)
    for offset, character in enumerate(inserted, start=1):
        person.insert(origin, (counter + offset, person.rank), character)
        origin = (counter + offset, person.rank)
    return Patch(position, deleted, inserted)


def _maximal(heads: set[int], made: list[Transaction]) -> list[int]:
    """The heads that no other of them follows, sorted."""
    behind: set[int] = set()
    ahead = [parent for head in heads for parent in made[head].parents]
    while ahead:
        index = ahead.pop()
        if index not in behind:
            behind.add(index)
            ahead.extend(made[index].parents)
    return sorted(heads - behind)
