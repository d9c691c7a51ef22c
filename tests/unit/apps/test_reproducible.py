"""The committed modules are what their sources compile to, byte for byte."""

from __future__ import annotations

import shutil

import pytest

from covey.cli.app_build import build_module
from covey.cli.wasm_sections import read_interface, strip_custom
from scripts.build_apps import SDK_DIR, folder_of, missing_compiler, names

NAMES = names()


def committed(name: str) -> bytes:
    folder = folder_of(name)
    return (folder / f"{folder.name}.wasm").read_bytes()


def test_applications_are_found():
    assert {"arena", "board", "kv", "tally", "tally-rust"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_committed_module_reproduces(name):
    """Who trusts a bundle can check that its code is the source in this repository."""
    pytest.importorskip("ziglang", reason="the compiler is an extra")
    if missing := missing_compiler(folder_of(name)):
        pytest.skip(missing)
    assert build_module(folder_of(name), (SDK_DIR,)) == committed(name)


@pytest.mark.parametrize("name", NAMES)
def test_module_carries_nothing_but_its_interface(name):
    """Names of the builder's machine or compiler would differ between builders."""
    module = committed(name)
    bare = strip_custom(module)
    assert module.startswith(bare)
    assert module[len(bare)] == 0
    assert b"\x09covey.abi{" in module[len(bare) : len(bare) + 20]
    assert {space for space, _ in read_interface(module).imports} == {"covey"}


@pytest.mark.parametrize("name", ["tally-zig", "tally-rust", "tally-assemblyscript"])
def test_place_of_the_source_does_not_matter(name, tmp_path):
    """A path in the module would make two builders two publishers of different code."""
    pytest.importorskip("ziglang", reason="the compiler is an extra")
    if missing := missing_compiler(folder_of(name)):
        pytest.skip(missing)
    elsewhere = tmp_path / "a" / "longer" / "way" / "down"
    shutil.copytree(folder_of(name), elsewhere)
    for path in (SDK_DIR / name.removeprefix("tally-")).iterdir():
        shutil.copyfile(path, elsewhere / path.name)
    assert build_module(elsewhere) == committed(name)
