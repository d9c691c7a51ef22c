"""What calls did, as the tools print it and tests expect it: one form for all."""

from __future__ import annotations

from typing import Literal

import msgspec

from covey.errors import ConfigError
from covey.model import Add, AppEvent, Effect, Put
from covey.workbench.people import People
from covey.workbench.text import bytes_of, text_of

__all__ = ["EffectRow", "EventRow", "effect_row", "effect_text", "event_row"]


class EffectRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One effect; key and value: as `covey.workbench.text`. amount: of an `add`."""

    op: Literal["put", "delete", "add"]
    collection: str
    key: str
    value: str | None = None
    amount: int | None = None

    def normal(self, people: People) -> EffectRow:
        """The same effect as `effect_row` writes it: equal effects are equal rows.

        Raises ConfigError for an effect that cannot be.
        """
        key = text_of(bytes_of(self.key, people), people)
        has = (self.value is not None, self.amount is not None)
        needed = {"put": (True, False), "delete": (False, False), "add": (False, True)}[self.op]
        if has != needed:
            needs = {"put": "a value", "delete": "neither value nor amount", "add": "an amount"}
            raise ConfigError(f"the effect {self.op} of {self.collection} takes {needs[self.op]}")
        value = None if self.value is None else text_of(bytes_of(self.value, people), people)
        return EffectRow(self.op, self.collection, key, value, self.amount)


class EventRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event; its bytes as `covey.workbench.text`."""

    name: str
    data: str = ""

    def normal(self, people: People) -> EventRow:
        """As `EffectRow.normal`."""
        return EventRow(self.name, text_of(bytes_of(self.data, people), people))


def effect_row(effect: Effect, people: People) -> EffectRow:
    """An effect as it is written."""
    key = text_of(effect.key, people)
    if isinstance(effect, Put):
        return EffectRow("put", effect.collection, key, value=text_of(effect.value, people))
    if isinstance(effect, Add):
        return EffectRow("add", effect.collection, key, amount=effect.amount)
    return EffectRow("delete", effect.collection, key)


def effect_text(row: EffectRow) -> str:
    """An effect on one line."""
    if row.op == "put":
        return f"{row.op} {row.collection} {row.key!r} = {row.value!r}"
    if row.op == "add":
        return f"{row.op} {row.collection} {row.key!r} {row.amount:+d}"
    return f"{row.op} {row.collection} {row.key!r}"


def event_row(event: AppEvent, people: People) -> EventRow:
    """An event as it is written."""
    return EventRow(event.name, text_of(event.data, people))
