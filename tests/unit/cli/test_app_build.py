"""Building an application: what comes out, and one clear sentence for each mistake."""

from __future__ import annotations

import json

import pytest
from wasmtime import wat2wasm

from covey.cli import app_build
from covey.cli.app_build import build_module
from covey.cli.wasm_sections import append_custom, read_interface, strip_custom
from covey.errors import ConfigError

WAT = '(module (memory (export "memory") 1) (func $secret (export "go")))'
ABI = {
    "abi": "covey/1",
    "collections": [{"name": "things", "rule": "register", "roles": []}],
    "methods": [{"name": "go", "kind": "call", "args": {}, "result": {}}],
}


@pytest.fixture
def source_dir(tmp_path):
    (tmp_path / "main.wat").write_text(WAT)
    (tmp_path / "abi.json").write_text(json.dumps(ABI, indent=4))
    return tmp_path


def test_module_ends_with_the_canonical_interface(source_dir):
    """The spelling of abi.json must not matter: two spellings of one interface are one module."""
    module = build_module(source_dir)
    canonical = json.dumps(ABI, sort_keys=True, separators=(",", ":")).encode()
    assert module.endswith(b"\x09covey.abi" + canonical)
    (source_dir / "abi.json").write_text(json.dumps(dict(reversed(ABI.items()))))
    assert build_module(source_dir) == module


def test_names_of_functions_are_dropped(source_dir):
    assert b"secret" in bytes(wat2wasm(WAT))
    assert b"secret" not in build_module(source_dir)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"abi": "covey/2"}, 'must be an object with "abi": "covey/1"'),
        ({"methods": None}, 'must have "methods"'),
        ({"methods": [{"kind": "call"}]}, 'must have "methods"'),
        ({"methods": [{"name": "go", "kind": "command"}]}, 'must be "call" or "query"'),
        ({"methods": ABI["methods"] * 2}, "one name twice in methods"),
        ({"methods": [{"name": "stop", "kind": "call"}]}, "method stop, which the source does not"),
        ({"methods": [{"name": "memory", "kind": "call"}]}, "method memory, which the source does"),
        ({"collections": [{"name": "a", "rule": "last"}]}, "rule must be one of register, counter"),
        ({"collections": "things"}, 'must have "collections"'),
    ],
)
def test_interface_mistakes_are_named(source_dir, change, message):
    (source_dir / "abi.json").write_text(json.dumps(ABI | change))
    with pytest.raises(ConfigError, match=message):
        build_module(source_dir)


def test_missing_and_unreadable_interface(source_dir):
    (source_dir / "abi.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        build_module(source_dir)
    (source_dir / "abi.json").unlink()
    with pytest.raises(ConfigError, match=r"holds no abi\.json"):
        build_module(source_dir)


def test_exactly_one_source_is_wanted(source_dir):
    (source_dir / "main.c").write_text("")
    with pytest.raises(ConfigError, match=r"and holds main\.c, main\.wat"):
        build_module(source_dir)
    (source_dir / "main.c").unlink()
    (source_dir / "main.wat").unlink()
    with pytest.raises(ConfigError, match="and holds none"):
        build_module(source_dir)


def test_module_that_the_host_would_refuse_is_refused_early(source_dir):
    (source_dir / "main.wat").write_text(
        '(module (import "env" "clock" (func)) (memory (export "memory") 1) (func (export "go")))'
    )
    with pytest.raises(ConfigError, match=r"imports env\.clock"):
        build_module(source_dir)
    (source_dir / "main.wat").write_text('(module (func (export "go")))')
    with pytest.raises(ConfigError, match="exports no memory"):
        build_module(source_dir)


def test_source_that_does_not_compile_shows_what_the_compiler_said(source_dir):
    (source_dir / "main.wat").write_text("(module (fun))")
    with pytest.raises(
        ConfigError, match=r"main\.wat does not compile:\nexpected valid module field"
    ):
        build_module(source_dir)


def test_c_source_that_does_not_compile_shows_the_line(source_dir):
    pytest.importorskip("ziglang", reason="the compiler is an extra")
    (source_dir / "main.wat").unlink()
    (source_dir / "main.c").write_text('#include "covey.h"\nint broken(void) { return unknown; }\n')
    with pytest.raises(ConfigError, match=r"(?s)main\.c does not compile:\n.*main\.c:2"):
        build_module(source_dir)


def test_missing_compiler_says_how_to_get_it(source_dir, monkeypatch, tmp_path):
    """A Python without the extra: the sentence is the command to run."""
    bare = tmp_path / "python-without-ziglang"
    bare.write_text("#!/bin/sh\necho 'python3: No module named ziglang' >&2\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr(app_build.sys, "executable", str(bare))
    (source_dir / "main.wat").unlink()
    (source_dir / "main.c").write_text("")
    with pytest.raises(ConfigError, match=r"run `\S+ -m pip install ziglang==[0-9.]+`"):
        build_module(source_dir)


def test_interface_of_a_module_with_every_kind_of_import():
    module = bytes(
        wat2wasm(
            '(module (import "a" "t" (table 1 2 funcref)) (import "a" "m" (memory 1))'
            ' (import "a" "g" (global i64)) (import "b" "f" (func)) (export "it" (func 0)))'
        )
    )
    interface = read_interface(module)
    assert interface.imports == (("a", "t"), ("a", "m"), ("a", "g"), ("b", "f"))
    assert interface.exports == (("it", "function"),)


def test_custom_sections_of_any_length_come_off_again():
    """Lengths of one, two and three bytes of LEB128."""
    bare = strip_custom(bytes(wat2wasm(WAT)))
    for size in (0, 1, 127, 128, 16_383, 16_384, 70_000):
        assert strip_custom(append_custom(bare, "x", bytes(size))) == bare


@pytest.mark.parametrize("size", [0, 4, 7, 9, 12, -1])
def test_cut_off_module_is_refused(size):
    whole = strip_custom(bytes(wat2wasm(WAT)))
    with pytest.raises(ConfigError, match="not a whole WebAssembly binary"):
        read_interface(whole[:size])


def test_text_and_other_files_are_no_modules():
    with pytest.raises(ConfigError, match="not a WebAssembly binary of version 1"):
        read_interface(b"(module) and so on")
