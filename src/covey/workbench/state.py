"""Application state in memory, read from and written to JSON.

`{"COLLECTION": {"KEY": "VALUE"}}`, values of counters as integers; keys and values are written as
`covey.workbench.text` says. The form is exact: what is written reads back the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from covey.errors import ConfigError
from covey.model import Add, Effect, Interface, Put, Rule, limits
from covey.workbench.people import People
from covey.workbench.text import bytes_of, text_of

__all__ = ["State", "Written", "read_state"]

Written: TypeAlias = Mapping[str, Mapping[str, str | int]]
"""State as text: by collection and key."""

_I64_MIN, _I64_MAX = -(2**63), 2**63 - 1


class State:
    """The live entries of one application; an `EntryReader`."""

    def __init__(self, interface: Interface) -> None:
        self._rules = {c.name: c.rule for c in interface.collections}
        self._entries: dict[str, dict[bytes, bytes | int]] = {name: {} for name in self._rules}

    def get(self, collection: str, key: bytes) -> bytes | None:
        """As `EntryReader.get`."""
        return _value(self._entries[collection].get(key))

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `EntryReader.scan`, of the entries as they are now."""
        entries = self._entries[collection]
        for key in sorted(key for key in entries if key.startswith(prefix) and key > after):
            value = _value(entries[key])
            assert value is not None
            yield key, value

    def apply(self, effects: Iterable[Effect]) -> None:
        """Take over what a call did; its rules are checked."""
        for effect in effects:
            entries = self._entries[effect.collection]
            match effect:
                case Put(key=key, value=value):
                    entries[key] = value
                case Add(key=key, amount=amount):
                    before = entries.get(key, 0)
                    assert isinstance(before, int)
                    entries[key] = before + amount
                case _:
                    entries.pop(effect.key, None)

    def load(self, written: Written, people: People) -> None:
        """Set entries as they are written. Raises ConfigError naming the entry."""
        for collection, rows in written.items():
            rule = self._rules.get(collection)
            if rule is None:
                raise ConfigError(f"the state has a collection {collection!r} that is not declared")
            for key_text, value in rows.items():
                where = f"the entry {key_text[:80]!r} of {collection}"
                key = bytes_of(key_text, people)
                if not 0 < len(key) <= limits.KEY_BYTES_MAX:
                    raise ConfigError(f"{where} has a key of {len(key)} bytes")
                self._entries[collection][key] = _loaded(rule, value, people, where)

    def written(self, people: People) -> dict[str, dict[str, str | int]]:
        """All entries as text, in order; collections without entries are left out."""
        return {
            collection: {
                text_of(key, people): value if isinstance(value, int) else text_of(value, people)
                for key, value in sorted(entries.items())
            }
            for collection, entries in self._entries.items()
            if entries
        }


def read_state(content: bytes, source: str, interface: Interface, people: People) -> State:
    """The state in a JSON file. Raises ConfigError."""
    try:
        written = msgspec.json.decode(content, type=dict[str, dict[str, str | int]])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'{source} is no state such as {{"collection": {{"key": "value"}}}}: {error}'
        ) from error
    state = State(interface)
    state.load(written, people)
    return state


def _loaded(rule: Rule, value: str | int, people: People, where: str) -> bytes | int:
    is_counter = rule is Rule.COUNTER
    if isinstance(value, int):
        if not is_counter:
            raise ConfigError(f"{where} is a number, and only a counter has numbers")
        return value
    if is_counter:
        raise ConfigError(f"{where} is a text, and a counter has whole numbers")
    content = bytes_of(value, people)
    if len(content) > limits.VALUE_BYTES_MAX:
        raise ConfigError(f"{where} has a value of {len(content)} bytes")
    return content


def _value(entry: bytes | int | None) -> bytes | None:
    if isinstance(entry, int):
        return max(_I64_MIN, min(_I64_MAX, entry)).to_bytes(8, "little", signed=True)
    return entry
