"""What a file of vectors looks like: a description, valid cases, and invalid ones with codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from covey.codec import Packed

__all__ = ["Case", "Json", "Vectors", "case", "replaced", "shown", "to_json"]

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"
Case: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Vectors:
    """One file; every invalid case has a `code`."""

    description: str
    valid: tuple[Case, ...]
    invalid: tuple[Case, ...]


def case(name: str, **fields: Json | bytes) -> Case:
    """One vector: bytes are shown in hexadecimal."""
    made: Case = {"name": name}
    for field, value in fields.items():
        made[field] = value.hex() if isinstance(value, bytes) else value
    return made


def shown(value: Packed) -> Json:
    """A packed value so that JSON keeps its type: {"bin": hex}, {"int": "decimal"}, arrays."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"int": str(value)}
        case bytes():
            return {"bin": value.hex()}
        case _:
            return [shown(item) for item in value]


def replaced(parts: tuple[Packed, ...], place: int, value: Packed) -> tuple[Packed, ...]:
    """An array with one element changed."""
    return (*parts[:place], value, *parts[place + 1 :])


def to_json(vectors: Vectors) -> str:
    """The text of the file."""
    return (
        json.dumps(
            {
                "description": vectors.description,
                "valid": list(vectors.valid),
                "invalid": list(vectors.invalid),
            },
            indent=1,
            ensure_ascii=True,
        )
        + "\n"
    )
