"""Value types and function types, as small as a validator wants them.

A sequence of value types is `bytes`, one byte each as in the binary format: comparing the top of
an operand stack with the parameters of a function is one comparison of bytes.
Source: WebAssembly Core Specification 2.0, chapters 2.3 and 5.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["F32", "F64", "I32", "I64", "NAMES", "FunctionType", "named"]

I32: Final = 0x7F
I64: Final = 0x7E
F32: Final = 0x7D
F64: Final = 0x7C
NAMES: Final = MappingProxyType({I32: "i32", I64: "i64", F32: "f32", F64: "f64"})
_CODES: Final = {name: code for code, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Value types that a function takes and gives, a byte each."""

    parameters: bytes
    results: bytes

    @classmethod
    def of(cls, parameters: Iterable[str], results: Iterable[str]) -> FunctionType:
        """The type with these names of value types."""
        return cls(bytes(_CODES[p] for p in parameters), bytes(_CODES[r] for r in results))

    def __str__(self) -> str:
        return f"({named(self.parameters)}) -> ({named(self.results)})"


def named(types: Iterable[int]) -> str:
    """Value types as the text format writes them."""
    return " ".join(NAMES.get(code, "?") for code in types)
