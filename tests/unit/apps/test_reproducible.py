"""The committed modules are what their sources compile to, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.cli.app_build import build_module
from covey.cli.wasm_sections import read_interface, strip_custom

APPS_DIR = Path(__file__).parents[3] / "apps"
NAMES = sorted(path.parent.name for path in APPS_DIR.glob("*/abi.json"))


def test_applications_are_found():
    assert {"board", "kv", "tally"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_committed_module_reproduces(name):
    """Who trusts a bundle can check that its code is the source in this repository."""
    pytest.importorskip("ziglang", reason="the compiler is an extra")
    built = build_module(APPS_DIR / name, (APPS_DIR / "sdk",))
    assert built == (APPS_DIR / name / f"{name}.wasm").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_module_carries_nothing_but_its_interface(name):
    """Names of the builder's machine or compiler would differ between builders."""
    module = (APPS_DIR / name / f"{name}.wasm").read_bytes()
    bare = strip_custom(module)
    assert module.startswith(bare)
    assert module[len(bare)] == 0
    assert b"\x09covey.abi{" in module[len(bare) : len(bare) + 20]
    assert {space for space, _ in read_interface(module).imports} == {"covey"}
