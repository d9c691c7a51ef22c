"""Hostile modules again and again: the node's memory stays what it was."""

from __future__ import annotations

import dataclasses
import gc
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.model import Batch, ReleaseId
from covey.runtime import BlockingExecutor, Engine
from tests.contract.runtime.guests import Entries, batch
from tests.contract.runtime.hostile.cases import CASES
from tests.contract.runtime.hostile.sources import Refused

# Those that end soon: what runs until its fuel is gone differs only in taking longer.
_QUICK_FUEL = 5_000_000
_GROWTH_MB_MAX = 24.0


def _resident_mb() -> float:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class _Round:
    """One case after the other: refused ones asked for again, others run; some installed anew."""

    def __init__(self, engine: Engine) -> None:
        self.executor = BlockingExecutor(engine)
        self.refused: list[bytes] = []
        self.installed: list[tuple[ReleaseId, bytes]] = []
        for number, case in enumerate(CASES.values()):
            module = case.module()
            if isinstance(case.end, Refused):
                self.refused.append(module)
                continue
            release = ReleaseId(number.to_bytes(36, "big"))
            self.executor.install(release, module)
            (outcome,) = self.executor.run_batch(_batch(release), Entries())
            if outcome.fuel < _QUICK_FUEL:
                self.installed.append((release, module))

    def repeat(self, times: int) -> None:
        """That many attacks."""
        for number in range(times):
            kind = number % 3
            if kind == 0:
                self._refuse(self.refused[number // 3 % len(self.refused)])
                continue
            release, module = self.installed[number // 3 % len(self.installed)]
            if kind == 1 or number % 27 == 2:
                self.executor.install(release, module)
            self.executor.run_batch(_batch(release), Entries())

    def _refuse(self, module: bytes) -> None:
        with pytest.raises(ConfigError):
            self.executor.install(ReleaseId(bytes(36)), module)


def _batch(release: ReleaseId) -> Batch:
    return dataclasses.replace(batch(), release=release)


def _require_flat(engine: Engine, times: int) -> None:
    attacks = _Round(engine)
    # What is kept on purpose (compiled modules, warm instances) is there after some of them.
    attacks.repeat(len(CASES) * 3)
    before = _resident_mb()
    attacks.repeat(times)
    assert _resident_mb() - before < _GROWTH_MB_MAX


def test_memory_stays_flat(engine: Engine) -> None:
    """A few hundred attacks leave nothing behind."""
    _require_flat(engine, 500)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_stays_flat_over_ten_thousand(engine: Engine) -> None:
    """Nor do ten thousand: less than 2.5 KB each."""
    _require_flat(engine, 10_000)
