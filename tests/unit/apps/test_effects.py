"""Each SDK reads for `validate` what a call did, to the byte, whatever the call did."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence

import pytest

from covey.cli.app_build import build_module
from covey.cli.app_compilers import find_asc, find_rustc
from covey.model import Add, Delete, Effect, Put
from covey.runtime.abi.covey1.text import effects_as_json

ABI = {
    "abi": "covey/1",
    "collections": [{"name": "items", "rule": "register"}],
    "methods": [{"name": "nothing", "kind": "call"}],
}
SOURCES = {
    "main.c": """
#include "covey.h"
static void line(cv_bytes text) { covey_log(text.ptr, text.len); }
CV_EXPORT(nothing) void nothing(void) {}
CV_EXPORT(validate) void validate(void) {
    cv_effects effects = cv_effects_open();
    cv_effect effect;
    while (cv_effects_next(&effects, &effect)) {
        cv_buf amount = {0};
        cv_log(effect.op == CV_PUT ? "put" : effect.op == CV_DELETE ? "delete" : "add");
        line(effect.collection);
        line(effect.key);
        line(effect.value);
        cv_buf_int(&amount, effect.amount);
        line(cv_buf_bytes(&amount));
    }
}
""",
    "main.zig": """
const covey = @import("covey");
export fn nothing() void {}
export fn validate() void {
    var effects = covey.effects();
    while (effects.next()) |effect| {
        var amount: covey.Buf = .{};
        covey.log(@tagName(effect.op));
        covey.log(effect.collection);
        covey.log(effect.key);
        covey.log(if (effect.op == .put) effect.op.put else "");
        amount.int(if (effect.op == .add) effect.op.add else 0);
        covey.log(amount.bytes());
    }
}
""",
    "main.rs": """
#![no_std]
use covey::Op;
fn line(text: &[u8]) {
    unsafe { covey::host::log(text.as_ptr(), text.len()) }
}
#[no_mangle]
pub extern "C" fn nothing() {}
#[no_mangle]
pub extern "C" fn validate() {
    for effect in covey::effects() {
        let mut digits = covey::Buf::new();
        let (op, value, amount): (&str, &[u8], i64) = match effect.op {
            Op::Put(value) => ("put", value, 0),
            Op::Delete => ("delete", b"", 0),
            Op::Add(amount) => ("add", b"", amount),
        };
        covey::log(op);
        line(effect.collection);
        line(effect.key);
        line(value);
        digits.int(amount);
        line(digits.as_bytes());
    }
}
""",
    "main.ts": """
import * as covey from "./covey";
function line(text: covey.Bytes): void { covey.host.log(text.ptr, text.len); }
export function nothing(): void {}
export function validate(): void {
  const effects = new covey.Effects();
  while (effects.next()) {
    const op = effects.op;
    covey.log(op == covey.Op.Put ? "put" : op == covey.Op.Delete ? "delete" : "add");
    line(effects.collection);
    line(effects.key);
    line(effects.value);
    line(new covey.Buf().int(effects.amount).bytes());
  }
}
""",
}
MODULES: dict[str, bytes] = {}


@pytest.fixture(params=SOURCES)
def guest(request, harness, tmp_path):
    if request.param in ("main.c", "main.zig"):
        pytest.importorskip("ziglang", reason="the compiler is an extra")
    if request.param == "main.rs" and find_rustc() is None:
        pytest.skip("there is no rustc with the target wasm32-unknown-unknown")
    if request.param == "main.ts" and find_asc(tmp_path) is None:
        pytest.skip("there is no asc on the path")
    if request.param not in MODULES:
        (tmp_path / request.param).write_text(SOURCES[request.param])
        (tmp_path / "abi.json").write_text(json.dumps(ABI))
        MODULES[request.param] = build_module(tmp_path)
    # The host of these tests runs methods only; the node's runs `validate` by itself.
    methods = [*ABI["methods"], {"name": "validate", "kind": "query"}]
    return harness.Guest(MODULES[request.param], {**ABI, "methods": methods})


def lines(effects: Sequence[Effect]) -> list[bytes]:
    """What the guests say of effects."""
    said: list[bytes] = []
    for effect in effects:
        value = effect.value if isinstance(effect, Put) else b""
        amount = effect.amount if isinstance(effect, Add) else 0
        op = type(effect).__name__.lower().encode()
        said += (op, effect.collection.encode(), effect.key, value, str(amount).encode())
    return said


def check(guest, effects: Sequence[Effect]) -> None:
    guest.lines.clear()
    guest.call_raw("validate", effects_as_json(effects))
    assert guest.lines == lines(effects)


def test_no_effects(guest):
    check(guest, ())


@pytest.mark.parametrize("amount", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_every_kind_of_effect(guest, amount):
    check(
        guest,
        (Delete("items", b"k"), Put("items", b"\0\xff", b'"]},{'), Add("sums-2_b", b"x", amount)),
    )


@pytest.mark.parametrize("size", [*range(10), 255, 1_024])
def test_bytes_of_every_length(guest, size):
    """Base64 ends in three ways."""
    check(
        guest, (Put("items", bytes(range(255))[: max(1, size)], random.Random(0).randbytes(size)),)
    )


def test_every_digit_of_base64(guest):
    everything = base64.b64decode(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    )
    check(guest, (Put("items", everything, everything[::-1]),))


def test_many_and_large_effects(guest):
    """More than the first look at the input holds; as large as an entry may be."""
    check(guest, [Add("items", number.to_bytes(4, "big"), number) for number in range(500)])
    check(guest, [Put("items", b"large", bytes(range(256)) * 4_096)])
