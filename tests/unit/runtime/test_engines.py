"""Engines by name: what there is, what is missing, and when each is made."""

from __future__ import annotations

import sys

import pytest

from covey.errors import ConfigError
from covey.model import ReleaseId
from covey.runtime import BlockingExecutor, Engine, InstalledModule, new_engine
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch


def test_default_engine_is_wasmtime() -> None:
    """Without any configuration."""
    assert new_engine().build.startswith("wasmtime ")


def test_unknown_engine_is_refused_by_name() -> None:
    """And told what there is."""
    with pytest.raises(ConfigError, match="no engine 'v8': choose one of wasmtime, wasmer"):
        new_engine("v8")


def test_second_engine_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, in one sentence."""
    monkeypatch.setitem(sys.modules, "wasmer", None)
    with pytest.raises(ConfigError, match=r"no wasmer: .*covey\[wasmer\]"):
        new_engine("wasmer")


def test_engines_are_made_when_they_are_wanted() -> None:
    """Each once, by the name that the module was installed under."""
    made: list[str] = []

    def make(name: str) -> Engine:
        made.append(name)
        return new_engine()

    module = Script().build()
    other = ReleaseId(b"o" * 36)
    kept = {RELEASE: InstalledModule(module), other: InstalledModule(module, "wasmer")}
    executor = BlockingExecutor(make, kept.get)
    assert made == []
    executor.run_batch(batch(), Entries())
    assert made == ["wasmtime"]
    executor.install(ReleaseId(b"p" * 36), module, "wasmer")
    executor.install(other, module, "wasmer")
    assert made == ["wasmtime", "wasmer"]
