"""Modules that no node lets in, or that only look as if they did harm."""

from __future__ import annotations

from covey.model import Failure
from tests.contract.runtime.guests import abi_json, custom
from tests.contract.runtime.hostile.sources import (
    MEMORY,
    Hostile,
    Refused,
    Stopped,
    Survived,
    coded,
    raw,
    section,
)

__all__ = ["FEATURES", "FORMS"]

_RUN_ASK = '(func (export "run")) (func (export "ask"))'
_MALFORMED = Refused("malformed")
_INVALID = Refused("invalid")
_PADDED = b"\x80\x80\x80\x80\x00"

FEATURES = {
    "feature: start section": Hostile(
        coded("", "(func $s (call $log (i32.const 0) (i32.const 1))) (start $s)"),
        Refused("start-section"),
    ),
    "feature: SIMD": Hostile(raw(b"\xfd\x0c" + bytes(16) + b"\x1a"), Refused("simd")),
    "feature: threads": Hostile(raw(b"\xfe\x03\x00"), Refused("threads")),
    "feature: shared memory": Hostile(raw(s5=b"\1\3\1\2"), Refused("threads")),
    "feature: memory64": Hostile(raw(s5=b"\1\4\1"), Refused("memory")),
    "feature: pages of one byte": Hostile(raw(s5=b"\1\x08\1\0"), Refused("memory")),
    "feature: two memories": Hostile(raw(s5=b"\2\0\1\0\1"), Refused("too-many")),
    "feature: exceptions": Hostile(raw(b"\x08\x00"), Refused("opcode")),
    "feature: try blocks": Hostile(raw(b"\x1f\x40\0\x0b"), Refused("opcode")),
    "feature: tags": Hostile(raw(after=section(13, b"\1\0\0")), Refused("unknown-section")),
    "feature: tail calls": Hostile(raw(b"\x12\1"), Refused("opcode")),
    "feature: indirect tail calls": Hostile(raw(b"\x41\0\x13\0\0"), Refused("opcode")),
    "feature: references": Hostile(raw(b"\xd0\x70\x1a"), Refused("opcode")),
    "feature: objects": Hostile(raw(b"\xfb\x00\x00\x1a"), Refused("opcode")),
    "feature: typed select": Hostile(raw(b"\x41\0\x41\0\x41\0\x1c\1\x7f\x1a"), Refused("opcode")),
    "feature: 128 bit arithmetic": Hostile(raw(b"\xfc\x13"), Refused("opcode")),
    "feature: stack switching": Hostile(raw(b"\xe0\x00"), Refused("opcode")),
    "feature: floats unasked for": Hostile(raw(b"\x43\0\0\0\0\x1a"), Refused("floats")),
    "feature: passive elements": Hostile(
        raw(s4=b"\1\x70\0\1", s9=b"\1\1\0\1\1"), Refused("segment")
    ),
    "import: memory": Hostile(raw(s2=b"\1\5covey\6memory\2\0\1"), Refused("import")),
    "import: table": Hostile(raw(s2=b"\1\5covey\3log\1\x70\0\1"), Refused("import")),
    "import: global": Hostile(raw(s2=b"\1\5covey\3log\3\x7f\0"), Refused("import")),
    "import: of the node's fuel": Hostile(raw(s2=b"\1\5covey\4fuel\3\x7e\1"), Refused("import")),
    "import: extra": Hostile(raw(s2=b"\1\5covey\4exec\0\1"), Refused("import")),
    "import: from elsewhere": Hostile(raw(s2=b"\1\3env\3log\0\1"), Refused("import")),
    "import: wrongly typed": Hostile(raw(s2=b"\1\5covey\3log\0\0"), Refused("import")),
    "import: with the hidden fuel": Hostile(
        # The type that the rewritten module imports it by, which a guest may not name.
        raw(s1=b"\2\x60\0\0\x60\3\x7f\x7f\x7e\1\x7e"),
        Refused("import"),
    ),
    "import: of an unknown type": Hostile(raw(s2=b"\1\5covey\3log\0\7"), _INVALID),
    "import: name that is no UTF-8": Hostile(raw(s2=b"\1\5covey\3\xff\xfe\xfd\0\1"), _MALFORMED),
    "import: 65 times": Hostile(raw(s2=b"\x41" + b"\5covey\3log\0\1" * 65), Refused("too-many")),
    "import: twice": Hostile(
        raw(s2=b"\2" + b"\5covey\3log\0\1" * 2, s7=b"\3\3run\0\2\3ask\0\2\6memory\2\0"), Survived()
    ),
    "import: called by its number": Hostile(
        raw(b"\x41\x7f\x41\x01\x10\x00"), Stopped(Failure.TRAP, "memory")
    ),
    "export: reserved name of the fuel": Hostile(
        coded("", '(global (export "covey:fuel") (mut i64) (i64.const 9))'), Refused("export")
    ),
    "export: reserved name of the stack": Hostile(
        coded("", '(func (export "covey:stack"))'), Refused("export")
    ),
    "export: a name of the node to be": Hostile(
        coded("", '(func (export "covey:later"))'), Refused("export")
    ),
    "export: a method that is imported": Hostile(
        raw(s7=b"\3\3run\0\0\3ask\0\1\6memory\2\0"), Refused("export")
    ),
    "export: the same twice": Hostile(
        raw(s7=b"\4\3run\0\1\3run\0\1\3ask\0\1\6memory\2\0"), _MALFORMED
    ),
    "export: of a function that is not there": Hostile(
        raw(s7=b"\3\3run\0\7\3ask\0\1\6memory\2\0"), _INVALID
    ),
}

FORMS = {
    "global: the fuel, by its number": Hostile(raw(b"\x42\x00\x24\x00"), _INVALID),
    "global: the stack, by its number": Hostile(raw(b"\x23\x01\x1a"), _INVALID),
    "global: one beyond the module's own": Hostile(
        raw(b"\x42\x00\x24\x01", s6=b"\1\x7e\1\x42\0\x0b"), _INVALID
    ),
    "global: 2^32 - 1": Hostile(raw(b"\x23\xff\xff\xff\xff\x0f\x1a"), _INVALID),
    "global: a constant one set": Hostile(
        raw(b"\x42\x00\x24\0", s6=b"\1\x7e\0\x42\0\x0b"), _INVALID
    ),
    "global: begun from another": Hostile(
        raw(s6=b"\2\x7e\0\x42\0\x0b\x7e\0\x23\0\x0b"), Refused("opcode")
    ),
    "function: the reset, by its number": Hostile(raw(b"\x42\0\x10\x03"), _INVALID),
    "function: the last of 2^32": Hostile(raw(b"\x10\xff\xff\xff\xff\x0f"), _INVALID),
    "type: one of those added": Hostile(raw(b"\x02\x02\x0b"), _INVALID),
    "LEB128: an index of six bytes": Hostile(raw(b"\x10\x81\x80\x80\x80\x80\x00"), _MALFORMED),
    "LEB128: an index beyond 32 bits": Hostile(raw(b"\x10\xff\xff\xff\xff\x1f"), _MALFORMED),
    "LEB128: a constant of six bytes": Hostile(
        raw(b"\x41\x80\x80\x80\x80\x80\x00\x1a"), _MALFORMED
    ),
    "LEB128: a constant with wrong high bits": Hostile(
        raw(b"\x41\xff\xff\xff\xff\x4f\x1a"), _MALFORMED
    ),
    "LEB128: a long constant with wrong high bits": Hostile(
        raw(b"\x42" + b"\xff" * 9 + b"\x3f\x1a"), _MALFORMED
    ),
    "LEB128: an endless one": Hostile(raw(b"\x41" + b"\x80" * 200), _MALFORMED),
    "LEB128: not the shortest index": Hostile(
        raw(b"\x41\0\x41\0\x10\x80\x80\x80\x80\x00"), Survived()
    ),
    "LEB128: not the shortest constant": Hostile(
        raw(b"\x41" + _PADDED + b"\x1a\x42" + b"\xff" * 9 + b"\x7f\x1a"), Survived()
    ),
    "LEB128: not the shortest length of a section": Hostile(
        raw(after=b"\0\x86" + b"\x80" * 3 + b"\0" + b"\4abcd!"), Survived()
    ),
    "LEB128: a length beyond 32 bits": Hostile(raw(after=b"\0\xff\xff\xff\xff\x7f"), _MALFORMED),
    "LEB128: a block type of a negative number": Hostile(
        raw(b"\x02\x41\x0b"), Refused("unknown-type")
    ),
    "LEB128: two bytes for the memory": Hostile(raw(b"\x3f\x80\x00\x1a"), Survived()),
    "form: nothing": Hostile(lambda: b"", Refused("not-wasm")),
    "form: text": Hostile(f"(module {MEMORY} {_RUN_ASK})".encode, Refused("not-wasm")),
    "form: text behind blanks": Hostile(
        f"\n  (module {MEMORY} {_RUN_ASK})".encode, Refused("not-wasm")
    ),
    "form: a component": Hostile(lambda: b"\0asm\x0d\0\1\0", Refused("not-wasm")),
    "form: ELF": Hostile(lambda: b"\x7fELF" + bytes(60), Refused("not-wasm")),
    "form: two modules": Hostile(lambda: raw()() + raw()(), _MALFORMED),
    "form: cut in the code": Hostile(lambda: raw()()[: raw()().index(b"\x0a\x04") + 4], _MALFORMED),
    "form: a function without its end": Hostile(raw(s10=b"\1\2\0\1"), _MALFORMED),
    "form: code behind the end": Hostile(raw(b"\x0b\x01"), _MALFORMED),
    "form: fewer bodies than functions": Hostile(raw(s10=b"\0"), _MALFORMED),
    "form: more bodies than functions": Hostile(raw(s10=b"\2\2\0\x0b\2\0\x0b"), _MALFORMED),
    "form: a body longer than the section": Hostile(raw(s10=b"\1\x7f\0\x0b"), _MALFORMED),
    "form: sections out of order": Hostile(raw(after=section(1, _RUN_ASK.encode())), _MALFORMED),
    "form: a count of 2^32 - 1 functions": Hostile(
        raw(s3=b"\xff\xff\xff\xff\x0f"), Refused("too-many")
    ),
    "form: a name of 2^32 - 1 bytes": Hostile(raw(s2=b"\1\xff\xff\xff\xff\x0fcovey"), _MALFORMED),
    "form: the count of data is wrong": Hostile(raw(s12=b"\2"), _MALFORMED),
    "form: an interface twice": Hostile(raw(after=custom("covey.abi", abi_json())), Refused("abi")),
    "form: 600 blocks deep": Hostile(raw(b"\x02\x40" * 600 + b"\x0b" * 600), Refused("too-many")),
    "form: 1,100,000 bytes": Hostile(
        raw(after=custom("x", bytes(1_100_000))), Refused("too-large")
    ),
    "types: one operand too few": Hostile(raw(b"\x41\0\x6a\x1a"), _INVALID),
    "types: an operand too many": Hostile(raw(b"\x41\0"), _INVALID),
    "types: of another size": Hostile(raw(b"\x42\0\x45\x1a"), _INVALID),
    "types: from below the block": Hostile(raw(b"\x41\0\x02\x40\x1a\x0b"), _INVALID),
    "types: arms that differ": Hostile(raw(b"\x41\0\x04\x7f\x41\0\x05\x42\0\x0b\x1a"), _INVALID),
    "types: an if that gives and no else": Hostile(raw(b"\x41\0\x04\x7f\x41\0\x0b\x1a"), _INVALID),
    "types: branch tables that differ": Hostile(
        raw(b"\x02\x7f\x02\x40\x41\0\x41\0\x0e\1\0\1\x0b\x41\0\x0b\x1a"), _INVALID
    ),
    "types: alignment beyond the access": Hostile(raw(b"\x41\0\x28\x03\0\x1a"), _INVALID),
    "types: dead code that is wrong": Hostile(raw(b"\x00\x42\0\x45\x1a"), _INVALID),
    "types: code behind a branch that takes anything": Hostile(
        raw(b"\x0f\x6a\x6a\x1a\x1b\x1a"), Survived()
    ),
    "NaN: payloads from arithmetic": Hostile(
        coded(
            "(f64.store (i32.const 1024) (f64.add (f64.const nan:0x4000000000123) (f64.const 1)))"
            "(f32.store (i32.const 1032) (f32.demote_f64 (f64.const nan:0x8000000000123)))"
            "(if (i64.ne (i64.load (i32.const 1024)) (i64.const 0x7ff8000000000000))"
            " (then unreachable))"
            "(if (i32.ne (i32.load (i32.const 1032)) (i32.const 0x7fc00000)) (then unreachable))",
            floats=True,
        ),
        Survived(effects=1),
    ),
    "NaN: the sign of one that was made": Hostile(
        coded(
            "(if (i64.lt_s (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0)))"
            " (i64.const 0)) (then unreachable))"
            "(if (i32.lt_s (i32.reinterpret_f32 (f32.sqrt (f32.const -1))) (i32.const 0))"
            " (then unreachable))",
            floats=True,
        ),
        Survived(effects=1),
    ),
    "NaN: as an integer": Hostile(
        coded("(drop (i32.trunc_f32_s (f32.const nan)))", floats=True),
        Stopped(Failure.TRAP, "converted"),
    ),
    "text: a control character in a message": Hostile(
        coded("(call $fail (i32.const 300) (i32.const 4))", '(data (i32.const 300) "\\1b[2J")'),
        Stopped(Failure.REFUSED),
    ),
}
