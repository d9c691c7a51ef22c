"""The state that a set of deltas makes, folded as plainly as the protocol says it.

Written from the protocol's text and without the code of the fold: values by rule, sums exact,
the digest lane by lane.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import msgpack

from covey.codec import constraint_packed
from covey.crypto import tagged_hash
from covey.model import Add, Put, Rule, Table
from covey.testkit.oracle.history import Known

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Place", "PlacesOf", "check_against_reference", "fold"]

Place: TypeAlias = tuple[str, bytes]
PlacesOf: TypeAlias = Callable[[Known], Mapping[str, tuple[str, Rule]]]
_Version: TypeAlias = tuple[int, bytes, int, bytes | None]  # time, delta id, index, value


def fold(known: list[Known], places_of: PlacesOf) -> dict[Place, _Version | int]:
    """The live entries that some deltas make: the winning version, or a counter's sum.

    places_of: under what a delta's collections keep their entries, and their rules, by name.
    """
    frozen: dict[str, None] = {}
    sums: dict[Place, int] = {}
    versions: dict[Place, list[_Version]] = {}
    for each in known:
        core, places = each.delta.core, places_of(each)
        index = 0
        for effects in each.payload.effects:
            for effect in effects:
                named, rule = places[effect.collection]
                place = (named, effect.key)
                if rule is Rule.FROZEN:
                    frozen[named] = None
                if isinstance(effect, Add):
                    sums[place] = sums.get(place, 0) + effect.amount
                else:
                    value = effect.value if isinstance(effect, Put) else None
                    version = (core.time, each.delta.id, index, value)
                    versions.setdefault(place, []).append(version)
                index += 1
    live: dict[Place, _Version | int] = dict(sums)
    for place, some in versions.items():
        winner = (min if place[0] in frozen else max)(some, key=_stamp)
        if winner[3] is not None:
            live[place] = winner
    return live


def _stamp(version: _Version) -> tuple[int, bytes, int]:
    return version[:3]


def check_against_reference(checks: Checks, node: Node, *, with_digest: bool) -> None:
    """A node's rows, and perhaps its digest, are those of the naive fold."""
    mask = checks.mask(node)
    live = fold(checks.speaking(mask), checks.declared.places)
    rows = {
        (key[0].decode(), key[1]): msgpack.unpackb(row, raw=False)
        for key, row in node.disk.reader.scan(Table.ENTRY)
        if isinstance(key[0], bytes) and isinstance(key[1], bytes)
    }
    assert rows.keys() == live.keys(), f"{node.name}: other entries than the reference"
    for place, expected in live.items():
        found = rows[place]
        if isinstance(expected, int):
            total = int.from_bytes(found[0], "big", signed=True)
            assert total == expected, (
                f"{node.name}: {_named(place)} sums to {total}, not {expected}"
            )
        else:
            time, delta, index, value = expected
            is_same = found == [value, time, delta, index]
            assert is_same, f"{node.name}: another winner at {_named(place)}"
    if with_digest:
        digest = _digest(checks, live, mask)
        assert node.replica.ledger.digest() == digest, f"{node.name}: another digest"


def _named(place: Place) -> str:
    """Collection and key as a sentence has them; a key that is no text in hexadecimal digits."""
    collection, key = place[0].replace("\0", " "), place[1]
    text = key.decode("ascii", "replace")
    return f"{collection} {text if text.isprintable() and text.isascii() else key.hex()}"


def _digest(checks: Checks, live: dict[Place, _Version | int], mask: int) -> bytes:
    founding = checks.world.founding
    j = checks.oracle.judge(mask)
    elements: list[tuple[object, ...]] = [(4, j.release)]
    elements += [(3, device, member) for device, member in j.members.items()]
    elements += [(5, device) for device in j.closed]
    elements += [(6, device, role) for device, roles in j.roles.items() for role in roles]
    elements += [(7, constraint_packed(constraint)) for constraint in j.constraints]
    for (place, key), winner in live.items():
        collection = place.partition("\0")[0]
        if isinstance(winner, int):
            elements.append((2, collection, key, winner.to_bytes(16, "big", signed=True)))
        else:
            time, delta, index, value = winner
            elements.append((1, collection, key, value, time, delta, index))
    lanes = [0] * 1024
    tag = b"covey/element/1"
    for element in elements:
        packed = msgpack.packb(element, use_bin_type=True)
        expanded = hashlib.shake_128(bytes([len(tag)]) + tag + packed).digest(2048)
        for lane, number in enumerate(struct.unpack(">1024H", expanded)):
            lanes[lane] = (lanes[lane] + number) % 65536
    return tagged_hash(b"covey/digest/1", founding.context, struct.pack(">1024H", *lanes))
