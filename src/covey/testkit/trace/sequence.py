"""A sequence of numbered items, some of them hidden, addressed by visible position.

Blocks of a few hundred items: finding a position walks the blocks, then one block. That is short
work for the tens of thousands of items of a recorded session, and nothing in it is clever.
"""

from collections.abc import Iterator

from covey.errors import ConfigError

__all__ = ["START", "Sequence"]

START = -1
"""The place before the first item."""

_BLOCK_ITEMS_MAX = 256


class _Block:
    """Neighbouring items; `hidden` are those among them that have no visible position."""

    __slots__ = ("hidden", "items", "next")

    def __init__(self, items: list[int], hidden: set[int], following: "_Block | None") -> None:
        self.items = items
        self.hidden = hidden
        self.next = following


class Sequence:
    """Items in a fixed order that grows; each is an integer that its user chose, once."""

    def __init__(self) -> None:
        self._first = _Block([], set(), None)
        self._block_of: dict[int, _Block] = {}

    def __contains__(self, item: int) -> bool:
        return item in self._block_of

    def visible(self) -> Iterator[int]:
        """The visible items in order."""
        block: _Block | None = self._first
        while block is not None:
            for item in block.items:
                if item not in block.hidden:
                    yield item
            block = block.next

    def before(self, position: int) -> int:
        """The visible item that ends at `position`, START for 0.

        Raises ConfigError when there are fewer visible items.
        """
        if position == 0:
            return START
        left = position
        block: _Block | None = self._first
        while block is not None:
            shown = len(block.items) - len(block.hidden)
            if left <= shown:
                return _nth_visible(block, left)
            left -= shown
            block = block.next
        raise ConfigError(f"position {position} is beyond the document of {position - left}")

    def following(self, item: int) -> Iterator[int]:
        """All items after `item` (or from the start), hidden ones too, in order."""
        block: _Block | None = self._first if item == START else self._block_of[item]
        index = 0 if block is None or item == START else block.items.index(item) + 1
        while block is not None:
            yield from block.items[index:]
            block, index = block.next, 0

    def insert_after(self, item: int, added: int) -> None:
        """Put a new visible item right behind another, or at the start."""
        block = self._first if item == START else self._block_of[item]
        block.items.insert(0 if item == START else block.items.index(item) + 1, added)
        self._block_of[added] = block
        if len(block.items) > _BLOCK_ITEMS_MAX:
            self._split(block)

    def hide(self, item: int) -> None:
        """Take an item's visible position away; nothing happens if it has none."""
        self._block_of[item].hidden.add(item)

    def show(self, item: int) -> None:
        """Give an item its visible position back; nothing happens if it has one."""
        self._block_of[item].hidden.discard(item)

    def _split(self, block: _Block) -> None:
        half = len(block.items) // 2
        moved = block.items[half:]
        hidden = block.hidden.intersection(moved)
        block.next = _Block(moved, hidden, block.next)
        block.items = block.items[:half]
        block.hidden -= hidden
        for item in moved:
            self._block_of[item] = block.next


def _nth_visible(block: _Block, count: int) -> int:
    """The item with which `count` visible ones of this block have gone by, count >= 1."""
    hidden = block.hidden
    if not hidden:
        return block.items[count - 1]
    for item in block.items:
        if item not in hidden:
            count -= 1
            if count == 0:
                return item
    raise AssertionError("a block has the visible items that were counted")
