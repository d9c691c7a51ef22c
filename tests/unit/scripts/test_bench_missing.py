"""The benchmark of missing deltas measures what it says, on a small scale."""

from __future__ import annotations

import pytest

from bench.missing import measure


@pytest.mark.parametrize("devices", [4, 80])
def test_missing_deltas_are_found_and_brought(devices: int) -> None:
    """It asserts itself that both sides agree in the end; the figures are those of few frames."""
    told = measure(200, devices, 10)

    assert told["missing"] == 10
    assert 3 <= told["half_rounds"] <= 6
    assert 500 < told["bytes_without_deltas"] < told["bytes"] < 10_000
