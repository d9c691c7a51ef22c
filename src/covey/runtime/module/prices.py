"""What execution costs under `covey-exec/1`, in fuel: about a nanosecond each.

These numbers are part of what a context agrees on and never change; others would be another
execution version. protocols/execution.md has the same table, and a test compares them;
bench/opcodes.py measures whether the machine at hand agrees.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ADDRESSED",
    "BRANCH",
    "BRANCH_TABLE",
    "BULK",
    "BULK_BYTES_PER_FUEL",
    "CALL",
    "CALL_INDIRECT",
    "CONVERSION",
    "DIVISION",
    "ENTRY",
    "ENTRY_PAGE",
    "FAR",
    "FAR_PAGES",
    "FLOAT",
    "FLOAT_SLOW",
    "FREE",
    "GROW",
    "GROW_PAGE",
    "PLAIN",
]

FREE: Final = 0  # marks of structure: block, loop, else, end, nop
PLAIN: Final = 1  # integers, constants, locals, globals, comparisons
ADDRESSED: Final = 4  # loads and stores, at least: what is near is in a cache
FAR: Final = 64  # loads and stores: besides, while memory has more than FAR_PAGES
FAR_PAGES: Final = 24  # 1.5 MiB, which the caches of a core about hold
DIVISION: Final = 10  # of integers, with remainders
FLOAT: Final = 4  # other arithmetic whose NaN is made canonical, comparisons
FLOAT_SLOW: Final = 50  # multiplication, division, root, change of width: numbers may be subnormal
CONVERSION: Final = 6  # between floats and integers
BRANCH: Final = 2  # br, br_if, if, return
BRANCH_TABLE: Final = 6  # br_table
CALL: Final = 10  # call, with entering and leaving the function
CALL_INDIRECT: Final = 16  # call_indirect, as above
GROW: Final = 500  # memory.grow
GROW_PAGE: Final = 16_384  # memory.grow: each page it adds
BULK: Final = 100  # memory.copy, memory.fill, memory.init, data.drop
BULK_BYTES_PER_FUEL: Final = 4  # bytes that memory.copy, .fill and .init touch for one fuel
ENTRY: Final = 10_000  # a run: an instance is made or restored
ENTRY_PAGE: Final = 4_096  # a run: each page of initial memory
