"""How hostile modules are written, and what must become of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from covey.model import Failure
from tests.contract.runtime.guests import Script, abi_json, custom, leb

__all__ = ["MEMORY", "Hostile", "Refused", "Stopped", "Survived", "coded", "raw", "section"]

MEMORY = '(memory (export "memory") 1)'


@dataclass(frozen=True)
class Refused:
    """At installation, naming this rule of protocols/application.md, section 9."""

    rule: str


@dataclass(frozen=True)
class Stopped:
    """Installed, and its call ends like this; word: in what a person is told."""

    failure: Failure
    word: str = ""


@dataclass(frozen=True)
class Survived:
    """Installed, and its call completes: the attack has no effect. effects: how many it leaves."""

    effects: int = 0


@dataclass(frozen=True)
class Hostile:
    """One case. module: made when the test runs. roles, arguments: of the call."""

    module: Callable[[], bytes]
    end: Refused | Stopped | Survived
    arguments: bytes = b"{}"


def coded(
    body: str = "",
    rest: str = "",
    *,
    memory: str = MEMORY,
    validate: str | None = None,
    floats: bool = False,
    spoil: bool = True,
) -> Callable[[], bytes]:
    """A module from text. spoil: it first changes an entry, which no failed call may do."""

    def build() -> bytes:
        script = Script()
        before = script.put("items", "kept", "spoiled") if spoil else ""
        return script.build(
            before + body, validate=validate, memory=memory, rest=rest, floats=floats
        )

    return build


def section(number: int, content: bytes) -> bytes:
    """A section as it is."""
    return bytes([number]) + leb(len(content)) + content


_TYPES = b"\2\x60\0\0\x60\2\x7f\x7f\0"
_LOG = b"\1\5covey\3log\0\1"
_METHODS = b"\3\3run\0\1\3ask\0\1\6memory\2\0"
_SECTIONS: Mapping[int, bytes] = {
    1: _TYPES,
    2: _LOG,
    3: b"\1\0",
    5: b"\1\0\1",
    7: _METHODS,
    10: b"\1\2\0\x0b",
}


def raw(code: bytes = b"", after: bytes = b"", **replaced: bytes | None) -> Callable[[], bytes]:
    """A module from bytes, for what no assembler writes.

    code: of its one function, without the last `end`. after: follows its sections.
    replaced: `s4=content` sets section 4, and None leaves it out.
    """

    def build() -> bytes:
        sections: dict[int, bytes | None] = dict(_SECTIONS)
        body = b"\0" + code + b"\x0b"
        sections[10] = b"\1" + leb(len(body)) + body
        for name, content in replaced.items():
            sections[int(name[1:])] = content
        order = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11)
        parts = [section(n, content) for n in order if (content := sections.get(n)) is not None]
        return b"\0asm\1\0\0\0" + b"".join(parts) + custom("covey.abi", abi_json()) + after

    return build
