"""The hybrid clock only ever goes forward."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.model import HybridTime, is_ahead, limits, milliseconds, next_time, time_at

UNIX_MS = st.integers(0, 2**48 - 1)
TIMES = st.integers(0, 2**64 - 2).map(HybridTime)


@given(UNIX_MS, TIMES)
def test_next_time_exceeds_all_that_was_seen_and_is_no_older_than_the_clock(now_ms, floor):
    """Also where the clock went back, or the counter is full."""
    time = next_time(now_ms, floor)
    assert time > floor
    assert milliseconds(time) >= now_ms
    assert time in (time_at(now_ms), floor + 1)


@given(st.lists(UNIX_MS, min_size=2))
def test_times_of_one_author_grow_whatever_its_clock_does(clock):
    """Clocks jump; chains do not."""
    times, last = [], HybridTime(0)
    for now_ms in clock:
        last = next_time(now_ms, last)
        times.append(last)
    assert times == sorted(set(times))


@given(UNIX_MS, st.integers(0, 2**16 - 1))
def test_milliseconds_and_counter_do_not_mix(unix_ms, counter):
    """48 bits and 16 bits."""
    assert milliseconds(time_at(unix_ms, counter)) == unix_ms
    assert time_at(unix_ms, counter) & 0xFFFF == counter


@given(st.integers(0, 2**47), st.integers(0, 10 * limits.DRIFT_MS_MAX))
def test_only_what_exceeds_the_drift_is_ahead(now_ms, ahead_ms):
    """Exactly at the bound is not."""
    assert is_ahead(time_at(now_ms + ahead_ms), now_ms) == (ahead_ms > limits.DRIFT_MS_MAX)
