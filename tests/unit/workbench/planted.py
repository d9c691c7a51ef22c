"""Small applications with a mistake that only shows where members write at the same time."""

from __future__ import annotations

import json

from covey.codec import cid_of
from covey.model import ReleaseId
from covey.workbench.files import Application
from covey.workbench.people import People
from covey.workbench.trial import Trial
from tests.contract.runtime.guests import IMPORTS, with_abi

__all__ = [
    "CRASHES",
    "GUARDED",
    "LIST",
    "STOCK",
    "TALLY",
    "TRAPS",
    "application",
    "module",
    "trial",
]

_COLLECTIONS = [{"name": "list", "rule": "register"}, {"name": "count", "rule": "counter"}]
_DATA = """
(memory (export "memory") 1)
(data (i32.const 0) "list") (data (i32.const 8) "count") (data (i32.const 16) "k")
(data (i32.const 24) "true") (data (i32.const 32) "false") (data (i32.const 40) "sold out")
(func $size (result i32) (local $n i32)
  (local.set $n (call $get (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 1)
                           (i32.const 1024) (i32.const 4096)))
  (if (i32.lt_s (local.get $n) (i32.const 0)) (then (local.set $n (i32.const 0))))
  (local.get $n))
(func $total (result i64)
  (drop (call $get (i32.const 8) (i32.const 5) (i32.const 16) (i32.const 1)
                   (i32.const 64) (i32.const 8)))
  (i64.load (i32.const 64)))
(func $more (param $by i64)
  (call $add (i32.const 8) (i32.const 5) (i32.const 16) (i32.const 1) (local.get $by)))
(func $answer (param $is i32)
  (if (local.get $is)
    (then (call $output (i32.const 24) (i32.const 4)))
    (else (call $output (i32.const 32) (i32.const 5)))))
"""

LIST = """
(func (export "append") (local $n i32)
  (local.set $n (call $size))
  (i32.store8 offset=1024 (local.get $n) (i32.const 120))
  (call $put (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 1)
             (i32.const 1024) (i32.add (local.get $n) (i32.const 1)))
  (call $more (i64.const 1)))
(func (export "invariant_count")
  (call $answer (i64.eq (i64.extend_i32_u (call $size)) (call $total))))
"""
"""A list in one register, beside the number of appends: of two at once, one is lost."""

STOCK = """
(func (export "restock") (call $more (i64.const 1)))
(func (export "sell")
  (if (i64.le_s (call $total) (i64.const 0))
    (then (call $fail (i32.const 40) (i32.const 8))))
  (call $more (i64.const -1)))
(func (export "left") (call $answer (i64.ge_s (call $total) (i64.const 0))))
"""
"""A shop that looks before it sells: the last one is sold twice. `left` is to hold."""

TRAPS = """
(func (export "set")
  (if (i32.gt_u (call $input (i32.const 64) (i32.const 64)) (i32.const 11)) (then unreachable))
  (call $more (i64.const 1)))
"""
"""It does not take arguments of more than 11 bytes, and does not say so."""

TALLY = """
(func (export "count_one") (call $more (i64.const 1)))
(func (export "invariant_positive") (call $answer (i64.ge_s (call $total) (i64.const 0))))
"""
"""Nothing wrong with it."""

GUARDED = """
(func (export "restock") (call $more (i64.const 1)))
(func (export "sell") (call $more (i64.const -1)))
(func (export "left") (call $answer (i64.ge_s (call $total) (i64.const 0))))
(func (export "validate")
  (if (i64.lt_s (call $total) (i64.const 0))
    (then (call $fail (i32.const 40) (i32.const 8)))))
"""
"""A shop whose `validate` looks after it sold. At once, the last one is still sold twice."""

CRASHES = """
(func (export "restock") (call $more (i64.const 1)))
(func (export "validate")
  (if (i64.gt_s (call $total) (i64.const 2)) (then unreachable)))
"""
"""Its `validate` goes wrong where it should say no."""

_METHODS = {
    GUARDED: [("restock", "call"), ("sell", "call"), ("left", "query")],
    CRASHES: [("restock", "call")],
    LIST: [("append", "call"), ("invariant_count", "query")],
    STOCK: [("restock", "call"), ("sell", "call"), ("left", "query")],
    TRAPS: [("set", "call")],
    TALLY: [("count_one", "call"), ("invariant_positive", "query")],
}
_NUMBER = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 1_000_000}},
    "required": ["n"],
}


def module(code: str) -> bytes:
    """The module of one of the above."""
    methods = [
        {"name": name, "kind": kind, **({"args": _NUMBER} if code is TRAPS else {})}
        for name, kind in _METHODS[code]
    ]
    abi = {"abi": "covey/1", "collections": _COLLECTIONS, "methods": methods}
    return with_abi(f"(module {IMPORTS} {_DATA} {code})", json.dumps(abi).encode())


def application(code: str) -> Application:
    """The same as from a file."""
    content = module(code)
    return Application(content, ReleaseId(cid_of(content)), is_bundle=False)


def trial(code: str) -> Trial:
    """The same, ready to run."""
    return Trial(application(code), "wasmtime", People())
