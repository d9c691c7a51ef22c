"""apps/tally: every method, its refusals and limits."""

from __future__ import annotations

import pytest

AMOUNT_MAX = 2**53 - 1


@pytest.fixture
def tally(open_guest):
    return open_guest("tally")


def test_additions_sum_up(tally):
    assert tally.call("add", {"name": "pizza"}) == {"total": 1}
    assert tally.call("add", {"name": "pizza", "amount": 5}) == {"total": 6}
    assert tally.call("add", {"name": "pizza", "amount": -8}) == {"total": -2}
    assert tally.call("read", {"name": "pizza"}) == {"total": -2}


def test_unknown_name_reads_as_zero(tally):
    assert tally.call("read", {"name": "soup"}) == {"total": 0}
    assert tally.state == {}


def test_totals_list_by_name_in_pages(tally):
    for name in ("é", "b", "a", "🦆"):
        tally.call("add", {"name": name, "amount": len(name.encode())})
    first = tally.call("totals", {"limit": 3})
    assert first == {
        "totals": [{"name": "a", "total": 1}, {"name": "b", "total": 1}, {"name": "é", "total": 2}],
        "more": True,
    }
    assert tally.call("totals", {"after": "é"}) == {
        "totals": [{"name": "🦆", "total": 4}],
        "more": False,
    }


def test_amount_limits_are_exact(tally, harness):
    assert tally.call("add", {"name": "up", "amount": AMOUNT_MAX}) == {"total": AMOUNT_MAX}
    assert tally.call("add", {"name": "down", "amount": -AMOUNT_MAX}) == {"total": -AMOUNT_MAX}
    for amount in (AMOUNT_MAX + 1, -AMOUNT_MAX - 1, 2**63, "1", True, 1.5):
        with pytest.raises(harness.Failed):
            tally.call("add", {"name": "up", "amount": amount})
    assert tally.call("read", {"name": "up"}) == {"total": AMOUNT_MAX}


@pytest.mark.parametrize("total", [2**63 - 1, -(2**63)])
def test_clamped_totals_are_written_whole(tally, total):
    """Sums of many members may reach the ends of 64 bits."""
    tally.state[b"totals", b"a"] = total.to_bytes(8, "little", signed=True)
    assert tally.call("read", {"name": "a"}) == {"total": total}


@pytest.mark.parametrize(
    ("method", "args", "message"),
    [
        ("add", {}, "argument 'name' is missing"),
        ("add", {"name": ""}, "argument 'name' must be a string of 1 to 128 bytes"),
        ("add", {"name": "n" * 129}, "argument 'name' must be a string of 1 to 128 bytes"),
        ("add", {"name": "a", "by": 1}, "argument 'by' is unknown"),
        ("read", {"name": 5}, "argument 'name' must be a string of 1 to 128 bytes"),
        ("totals", {"limit": 1001}, "argument 'limit' must be a whole number from 1 to 1000"),
    ],
)
def test_wrong_arguments_are_refused_by_name(tally, harness, method, args, message):
    with pytest.raises(harness.Failed) as refusal:
        tally.call(method, args)
    assert str(refusal.value) == message
