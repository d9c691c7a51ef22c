"""The hybrid logical clock: 48 bits of Unix milliseconds, 16 bits of counter.

Source: protocols/delta.md; after Kulkarni et al., "Logical Physical Clocks" (2014).
"""

from __future__ import annotations

from typing import NewType

from covey.model import limits

__all__ = ["TIME_MAX", "HybridTime", "is_ahead", "milliseconds", "next_time", "time_at"]

HybridTime = NewType("HybridTime", int)
"""64 bits: milliseconds in the upper 48, counter in the lower 16."""

TIME_MAX = 2**64 - 1
_COUNTER_BITS = 16


def time_at(unix_ms: int, counter: int = 0) -> HybridTime:
    """The time with this many milliseconds and this counter."""
    assert 0 <= unix_ms < 2**48
    assert 0 <= counter < 2**_COUNTER_BITS
    return HybridTime(unix_ms << _COUNTER_BITS | counter)


def milliseconds(time: HybridTime) -> int:
    """The Unix milliseconds of a time, as application code sees it."""
    return time >> _COUNTER_BITS


def next_time(now_ms: int, floor: HybridTime) -> HybridTime:
    """The smallest honest time after everything seen: the clock's, or one past the floor."""
    return max(time_at(now_ms), HybridTime(floor + 1))


def is_ahead(time: HybridTime, now_ms: int) -> bool:
    """Whether a claimed time lies further ahead of the local clock than drift explains."""
    return milliseconds(time) > now_ms + limits.DRIFT_MS_MAX
