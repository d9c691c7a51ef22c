"""What the demo shows while it runs."""

from __future__ import annotations

import pytest

from scripts.demo_report import Lines


def test_rate_is_that_since_the_line_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mean since the beginning hides that it has become slow."""
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    said: list[str] = []
    lines = Lines(said.append, 1000)
    for now_s, done in ((110.0, 100), (111.0, 200), (131.0, 300)):  # noqa: B007 - it is the clock
        lines(done)
    assert said == ["100 of 1000 calls, 10/s", "200 of 1000 calls, 100/s", "300 of 1000 calls, 5/s"]
