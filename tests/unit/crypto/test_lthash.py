"""The set hash against lanes added one by one."""

from __future__ import annotations

import random

from covey.crypto import LTHASH_EMPTY, LtHash
from covey.testkit.history import lane_sum


def summed(elements, taken=()) -> bytes:
    """The sum of some elements without others."""
    total = LtHash()
    for element in elements:
        total.add(element)
    for element in taken:
        total.subtract(element)
    return total.accumulator()


def test_sum_is_that_of_the_lanes():
    """No carry crosses a lane, however many elements there are."""
    elements = [bytes([n]) * n for n in range(200)]
    assert summed(elements) == lane_sum(elements)


def test_order_does_not_matter_and_what_is_taken_out_is_gone():
    """Two nodes with one set have one sum."""
    rng = random.Random(3)
    elements = [rng.randbytes(20) for _ in range(50)]
    shuffled = rng.sample(elements, 50)
    assert summed(elements) == summed(shuffled)
    assert summed(elements, shuffled[:20]) == lane_sum(shuffled[20:])
    assert summed(elements, shuffled) == LTHASH_EMPTY == summed([])


def test_subtraction_below_zero_wraps():
    """Rows may go before others come."""
    total = LtHash()
    total.subtract(b"x")
    total.add(b"y")
    total.add(b"x")
    assert total.accumulator() == lane_sum([b"y"])


def test_sets_and_multisets_differ():
    """One element twice is not none, and not one."""
    assert len({summed([]), summed([b"x"]), summed([b"x", b"x"])}) == 3


def test_sum_goes_on_where_it_was_left():
    """The store keeps the accumulator over a restart."""
    first = summed([b"a", b"b"])
    again = LtHash(first)
    again.add(b"c")
    assert again.accumulator() == lane_sum([b"a", b"b", b"c"])


def test_no_lane_overflows_after_many_changes():
    """Lanes are reduced only now and then: before a carry could reach the next one."""
    total = LtHash(b"\xff" * len(LTHASH_EMPTY))
    for _ in range(70_000):
        total.subtract(b"x")
    for _ in range(70_001):
        total.add(b"x")
    total.add(b"y")
    full = LtHash(b"\xff" * len(LTHASH_EMPTY))
    full.add(b"x")
    full.add(b"y")
    assert total.accumulator() == full.accumulator()
