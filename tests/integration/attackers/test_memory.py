"""The short form of `bench.hostile`: many hostile frames of all kinds leave nothing behind."""

from __future__ import annotations

import pytest

from bench.hostile import measure

_FRAMES = 60_000
_GROWTH_MB = 32.0
"""More than for a million: batches wait unopened while the machine is busy, within their bound."""

_CALL_S = 5.0


@pytest.mark.timeout(200)
def test_memory_stays_and_honest_calls_go_on_under_sixty_thousand_frames():
    found = measure(_FRAMES)
    assert found["frames"] >= _FRAMES
    assert found["growth_mb"] <= _GROWTH_MB, found
    assert found["calls"] > 5, found
    assert found["p99_s"] < _CALL_S, found
