"""The functions that the host offers to applications: names and exact types.

Source: protocols/application.md, "Imports". A module that imports anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["ABI", "IMPORTS", "IMPORT_SPACE", "VALIDATE_EXPORT", "Signature"]

ABI: Final = "covey/1"
IMPORT_SPACE: Final = "covey"
VALIDATE_EXPORT: Final = "validate"


@dataclass(frozen=True, slots=True)
class Signature:
    """Types of one function as the text format writes them: "i32" or "i64"."""

    parameters: tuple[str, ...]
    results: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"({' '.join(self.parameters)}) -> ({' '.join(self.results)})"


def _words(count: int) -> tuple[str, ...]:
    return ("i32",) * count


IMPORTS: Final[Mapping[str, Signature]] = MappingProxyType(
    {
        "input": Signature(_words(2), ("i32",)),
        "output": Signature(_words(2)),
        "fail": Signature(_words(2)),
        "get": Signature(_words(6), ("i32",)),
        "put": Signature(_words(6)),
        "delete": Signature(_words(4)),
        "add": Signature((*_words(4), "i64")),
        "scan": Signature(_words(6), ("i32",)),
        "next": Signature(_words(3), ("i32",)),
        "member": Signature(_words(1)),
        "device": Signature(_words(1)),
        "context": Signature(_words(1)),
        "time": Signature((), ("i64",)),
        "random": Signature(_words(2)),
        "emit": Signature(_words(4)),
        "log": Signature(_words(2)),
        "verify": Signature(_words(4), ("i32",)),
        "sha256": Signature(_words(3)),
    }
)
