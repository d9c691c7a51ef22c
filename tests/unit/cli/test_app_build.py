"""Building an application: what comes out, and one clear sentence for each mistake."""

from __future__ import annotations

import json

import pytest
from wasmtime import wat2wasm

from covey.cli import app_compilers
from covey.cli.app_build import build_module
from covey.cli.app_compilers import find_asc, find_rustc
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
    monkeypatch.setattr(app_compilers.sys, "executable", str(bare))
    (source_dir / "main.wat").unlink()
    (source_dir / "main.c").write_text("")
    with pytest.raises(ConfigError, match=r"run `\S+ -m pip install ziglang==[0-9.]+`"):
        build_module(source_dir)


def in_language(source_dir, name, text):
    """Put the source of another language in the place of the WAT one."""
    (source_dir / "main.wat").unlink()
    (source_dir / name).write_text(text)
    return source_dir


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


RUST = '#![no_std]\n#[no_mangle]\npub extern "C" fn go() { covey::put("things", b"k", b"v"); }\n'
TYPESCRIPT = 'import * as covey from "./covey";\nexport function go(): void { covey.log("x"); }\n'


def test_missing_rustc_says_how_to_get_it(source_dir, monkeypatch, tmp_path):
    """rustup's rustc without the target is the common case, and as good as none."""
    bare = program(tmp_path / "bin" / "rustc", f"echo {tmp_path}/no-such-libraries")
    monkeypatch.setenv("PATH", str(bare.parent))
    monkeypatch.setattr(app_compilers, "_SYSTEM_RUSTC", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="run `rustup target add wasm32-unknown-unknown`, or on"):
        build_module(in_language(source_dir, "main.rs", RUST))


def test_rustc_of_the_system_stands_in_for_one_without_the_target(monkeypatch, tmp_path):
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "libcore-0.rlib").write_bytes(b"")
    bare = program(tmp_path / "bin" / "rustc", "echo /no/such/libraries")
    whole = program(tmp_path / "usr" / "rustc", f"echo {libraries}")
    monkeypatch.setenv("PATH", f"{bare.parent}:/bin:/usr/bin")
    monkeypatch.setattr(app_compilers, "_SYSTEM_RUSTC", str(whole))
    assert find_rustc() == str(whole)


def test_missing_linker_of_rust_is_named(source_dir, monkeypatch, tmp_path):
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "libcore-0.rlib").write_bytes(b"")
    script = f"""case "$*" in *--print*) echo {libraries};;
        *cdylib*) echo 'error: linker `rust-lld` not found' >&2; exit 1;; esac"""
    monkeypatch.setenv("PATH", f"{program(tmp_path / 'bin' / 'rustc', script).parent}:/bin")
    with pytest.raises(ConfigError, match=r"compiling main\.rs .* run `apt-get install lld`"):
        build_module(in_language(source_dir, "main.rs", RUST))


def test_missing_asc_and_node_say_how_to_get_them(source_dir, monkeypatch, tmp_path):
    in_language(source_dir, "main.ts", TYPESCRIPT)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match=r"run `npm install --prefix \S+ assemblyscript@0\.28"):
        build_module(source_dir)
    program(source_dir / "node_modules" / ".bin" / "asc", "exit 1")
    with pytest.raises(ConfigError, match=r"needs Node\.js 20"):
        build_module(source_dir)


def test_asc_of_the_application_comes_before_the_one_on_the_path(monkeypatch, tmp_path):
    """An application may pin its compiler."""
    on_path = program(tmp_path / "bin" / "asc", "exit 0")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_asc(tmp_path) == on_path
    own = program(tmp_path / "node_modules" / ".bin" / "asc", "exit 0")
    assert find_asc(tmp_path) == own


def test_rust_source_that_does_not_compile_shows_the_line(source_dir):
    if find_rustc() is None:
        pytest.skip("there is no rustc with the target wasm32-unknown-unknown")
    in_language(source_dir, "main.rs", RUST.replace("covey::put", "covey::set"))
    with pytest.raises(ConfigError, match=r"(?s)main\.rs does not compile:\n.*main\.rs:3"):
        build_module(source_dir)


def test_assemblyscript_that_does_not_compile_shows_the_line(source_dir):
    if find_asc(source_dir) is None:
        pytest.skip("there is no asc on the path")
    in_language(source_dir, "main.ts", TYPESCRIPT.replace("covey.log", "covey.say"))
    with pytest.raises(ConfigError, match=r"(?s)main\.ts does not compile:\n.*main\.ts\(2"):
        build_module(source_dir)


def test_top_level_of_assemblyscript_runs_when_it_is_built(source_dir):
    """A start function is refused by every node, so its work is done before."""
    if find_asc(source_dir) is None:
        pytest.skip("there is no asc on the path")
    made = 'const made = covey.Bytes.of("made");\n'
    text = TYPESCRIPT.replace('covey.log("x")', "covey.failBytes(made)")
    in_language(source_dir, "main.ts", text.replace("export", made + "export"))
    module = build_module(source_dir)
    assert b"made" in module
    assert all(name != "_start" for name, _ in read_interface(module).exports)


def test_top_level_of_assemblyscript_may_not_call_the_host(source_dir):
    if find_asc(source_dir) is None:
        pytest.skip("there is no asc on the path")
    in_language(source_dir, "main.ts", TYPESCRIPT + 'covey.log("too early");\n')
    with pytest.raises(ConfigError, match="at the top level: only methods may"):
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
