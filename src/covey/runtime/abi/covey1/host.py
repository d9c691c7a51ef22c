"""The functions of `covey/1` behind a module's imports.

Every function checks its ranges, takes its price, then acts, in that order: what a guest cannot
pay for does not happen. Source: protocols/application.md, "Imports" and "Prices".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

from covey.crypto import is_signed, sha256
from covey.model import Add, AppEvent, Collection, Delete, Effect, Failure, Put, Rule, limits
from covey.rules import check_effect
from covey.runtime.abi.covey1.signatures import IMPORTS
from covey.runtime.abi.covey1.streams import RandomBytes, Scan
from covey.runtime.abi.covey1.text import shown
from covey.runtime.abi.covey1.world import Place, World
from covey.runtime.engine import Guest, HostFunctions, stop
from covey.runtime.overlay import EFFECT_OVERHEAD_BYTES, CounterOverflow, Overlay

__all__ = ["Host"]

_ABSENT: Final = -1
_SIGNATURE_SIZE_BYTES, _KEY_SIZE_BYTES, _HASH_SIZE_BYTES = 64, 32, 32

# `input`, `output`, `get` and `put` are most of what a node does: their prices are looked up once,
# and what `Guest.check` and `Guest.charge` do is written out in them, with a call only where it
# says no.
_CALL_FUEL: Final = limits.HOST_CALL_FUEL
_BYTE_FUEL: Final = limits.COPY_FUEL_PER_BYTE
_JSON_BYTE_FUEL: Final = limits.JSON_FUEL_PER_BYTE
_READ_FUEL: Final = limits.ENTRY_READ_FUEL
_EFFECT_FUEL: Final = limits.EFFECT_FUEL
_NAME_BYTES_MAX: Final = limits.COLLECTION_NAME_BYTES_MAX
_KEY_BYTES_MAX: Final = limits.KEY_BYTES_MAX
_VALUE_BYTES_MAX: Final = limits.VALUE_BYTES_MAX
_RESULT_BYTES_MAX: Final = limits.CALL_RESULT_BYTES_MAX


class Host:
    """The functions of one application's imports, for one run after the other.

    functions: by the names of the imports.
    """

    _world: World  # of the run under way

    def __init__(self, collections: Iterable[Collection]) -> None:
        self.functions: HostFunctions = {name: getattr(self, name) for name in IMPORTS}
        self._places = {collection.name.encode(): Place(collection) for collection in collections}
        self._scans: list[Scan] = []
        self._random: RandomBytes | None = None

    def begin(self, world: World) -> None:
        """Set the world of the run that comes, which will also hold what it says."""
        self._world = world

    def end(self) -> None:
        """Handles die with the run, and with them what they hold of the store."""
        del self._world
        self._random = None
        if self._scans:
            for scan in self._scans:
                scan.close()
            self._scans.clear()

    # -- what goes in and comes out -----------------------------------------------------------

    def input(self, guest: Guest, pointer: int, cap: int) -> int:
        """Copy at most `cap` bytes of the arguments; gives their whole length."""
        if pointer + cap > guest.size_bytes:
            guest.check(pointer, cap)
        arguments = self._world.arguments
        length = len(arguments)
        copied = length if length < cap else cap  # noqa: FURB136 - a call takes 0.1 us of 10
        guest.fuel -= _CALL_FUEL + copied * _BYTE_FUEL
        if guest.fuel <= 0:
            guest.charge(0)
        guest.memory[pointer : pointer + copied] = arguments[:copied]
        return length

    def output(self, guest: Guest, pointer: int, length: int) -> None:
        """Set the result; a later one replaces it."""
        if pointer + length > guest.size_bytes:
            guest.check(pointer, length)
        if length > _RESULT_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a result of {length} bytes is over the limit")
        guest.fuel -= _CALL_FUEL + length * (_BYTE_FUEL + _JSON_BYTE_FUEL)
        if guest.fuel <= 0:
            guest.charge(0)
        self._world.result = guest.memory[pointer : pointer + length].tobytes()

    def fail(self, guest: Guest, pointer: int, length: int) -> None:
        """Abort the call with a message."""
        guest.check(pointer, length)
        message = _take(guest, pointer, min(length, limits.MESSAGE_BYTES_MAX))
        stop(Failure.REFUSED, shown(message, limits.MESSAGE_BYTES_MAX) or "the application said no")

    def log(self, guest: Guest, pointer: int, length: int) -> None:
        """Keep a line for the developer; long lines are cut, late ones dropped."""
        guest.check(pointer, length)
        line = _take(guest, pointer, min(length, limits.CALL_LOG_BYTES_MAX))
        if self._world.has_room_for_log():
            self._world.note(shown(line, limits.CALL_LOG_BYTES_MAX))

    def emit(self, guest: Guest, name: int, name_length: int, data: int, data_length: int) -> None:
        """Tell subscribers that something happened."""
        writes = self._world.writes
        if writes is None:
            _forbid("emit an event")
        guest.check(name, name_length)
        guest.check(data, data_length)
        if name_length > limits.EVENT_NAME_BYTES_MAX or data_length > limits.EVENT_BYTES_MAX:
            stop(Failure.TOO_LARGE, "an event is over the limit")
        if len(self._world.events) >= limits.CALL_EVENTS_MAX:
            stop(Failure.TOO_LARGE, f"a call emits more than {limits.CALL_EVENTS_MAX} events")
        raw_name = _take(guest, name, name_length, data_length)
        content = guest.read(data, data_length)
        try:
            text = raw_name.decode("utf-8")
        except UnicodeDecodeError:
            stop(Failure.TRAP, "the name of an event is no UTF-8")
        self._world.events.append(AppEvent(text, content))
        self._world.event_size_bytes += EFFECT_OVERHEAD_BYTES + name_length + data_length
        self._check_payload(writes)

    # -- entries ------------------------------------------------------------------------------

    def get(
        self, guest: Guest, c: int, clen: int, k: int, klen: int, pointer: int, cap: int
    ) -> int:
        """The value of an entry: its length, copied if it fits; -1 if there is none."""
        if pointer + cap > guest.size_bytes:
            guest.check(pointer, cap)
        place, key = self._entry(guest, c, clen, k, klen)
        guest.fuel -= _READ_FUEL
        if guest.fuel <= 0:
            guest.charge(0)
        value = self._world.reads.get(place.name, key)
        if value is None:
            return _ABSENT
        length = len(value)
        # Also where it does not fit: the store has read it.
        guest.fuel -= length * _BYTE_FUEL
        if guest.fuel <= 0:
            guest.charge(0)
        if length <= cap:
            guest.memory[pointer : pointer + length] = value
        return length

    def put(self, guest: Guest, c: int, clen: int, k: int, klen: int, v: int, vlen: int) -> None:
        """Set an entry."""
        writes = self._world.writes
        if writes is None:
            _forbid("put")
        if v + vlen > guest.size_bytes:
            guest.check(v, vlen)
        place, key = self._entry(guest, c, clen, k, klen)
        if vlen > _VALUE_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a value of {vlen} bytes is over the limit")
        guest.fuel -= _EFFECT_FUEL + vlen * _BYTE_FUEL
        if guest.fuel <= 0:
            guest.charge(0)
        value = guest.memory[v : v + vlen].tobytes()
        if not place.is_open:
            if place.collection.rule is Rule.FROZEN:
                guest.charge(_READ_FUEL + vlen * limits.HASH_FUEL_PER_BYTE)
            self._allow(place.collection, Put(place.name, key, value), writes)
        writes.put(place.name, key, value)
        self._check_payload(writes)

    def delete(self, guest: Guest, c: int, clen: int, k: int, klen: int) -> None:
        """Remove an entry, if there is one."""
        writes = self._world.writes
        if writes is None:
            _forbid("delete")
        place, key = self._entry(guest, c, clen, k, klen)
        guest.charge(_EFFECT_FUEL + _READ_FUEL)
        self._allow(place.collection, Delete(place.name, key), writes)
        writes.delete(place.name, key)
        self._check_payload(writes)

    def add(self, guest: Guest, c: int, clen: int, k: int, klen: int, amount: int) -> None:
        """Add to a counter."""
        writes = self._world.writes
        if writes is None:
            _forbid("add")
        place, key = self._entry(guest, c, clen, k, klen)
        guest.charge(_EFFECT_FUEL)
        self._allow(place.collection, Add(place.name, key, amount), writes)
        try:
            writes.add(place.name, key, amount)
        except CounterOverflow:
            stop(Failure.TRAP, f"the adds to one entry of {place.name} overflow 64 bits")
        self._check_payload(writes)

    def scan(
        self, guest: Guest, c: int, clen: int, prefix: int, plen: int, after: int, alen: int
    ) -> int:
        """Open a scan; gives its handle, from 1."""
        guest.check(after, alen)
        place, start = self._entry(guest, c, clen, prefix, plen, key_bytes_min=0)
        if alen > limits.KEY_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a key of {alen} bytes is over the limit")
        if len(self._scans) >= limits.CALL_SCANS_MAX:
            stop(Failure.TOO_LARGE, f"a call opens more than {limits.CALL_SCANS_MAX} scans")
        remembered = sum(layer.touched(place.name) for layer in self._world.overlays)
        guest.charge(
            limits.SCAN_FUEL
            + remembered * limits.SCAN_OVERLAY_FUEL
            + alen * limits.COPY_FUEL_PER_BYTE
        )
        entries = self._world.reads.scan(place.name, start, guest.read(after, alen))
        self._scans.append(Scan(entries))
        return len(self._scans)

    def next(self, guest: Guest, handle: int, pointer: int, cap: int) -> int:
        """As many entries as fit, as records; the size needed if none fits; 0 at the end."""
        guest.check(pointer, cap)
        _charge(guest, 0)
        if not 1 <= handle <= len(self._scans):
            stop(Failure.TRAP, f"there is no scan with the handle {handle}")
        taken = self._scans[handle - 1].take(guest, cap, self._world.scene.interrupt)
        if isinstance(taken, int):
            return taken
        guest.write(pointer, taken)
        return len(taken)

    # -- who, when, chance --------------------------------------------------------------------

    def member(self, guest: Guest, pointer: int) -> None:
        """The 32 byte key of who called."""
        _give(guest, pointer, self._world.scene.member)

    def device(self, guest: Guest, pointer: int) -> None:
        """The 32 byte key of the device that called."""
        _give(guest, pointer, self._world.scene.device)

    def context(self, guest: Guest, pointer: int) -> None:
        """The 36 byte id of the context."""
        _give(guest, pointer, self._world.scene.context)

    def time(self, guest: Guest) -> int:
        """Unix milliseconds."""
        _charge(guest, 0)
        return self._world.scene.time_ms

    def random(self, guest: Guest, pointer: int, length: int) -> None:
        """The next bytes of the call's seeded stream."""
        seed = self._world.seed
        if seed is None:
            _forbid("draw random bytes")
        guest.check(pointer, length)
        _charge(guest, length)
        guest.charge(length * limits.RANDOM_FUEL_PER_BYTE)
        if self._random is None:
            self._random = RandomBytes(seed())
        guest.write(pointer, self._random.take(length))

    # -- cryptography at host speed -----------------------------------------------------------

    def verify(self, guest: Guest, signature: int, key: int, message: int, length: int) -> int:
        """1 if a 64 byte Ed25519 signature of a message is valid under a 32 byte key."""
        guest.check(signature, _SIGNATURE_SIZE_BYTES)
        guest.check(key, _KEY_SIZE_BYTES)
        guest.check(message, length)
        _charge(guest, _SIGNATURE_SIZE_BYTES + _KEY_SIZE_BYTES + length)
        guest.charge(limits.VERIFY_FUEL + length * limits.HASH_FUEL_PER_BYTE)
        signed = is_signed(
            guest.read(key, _KEY_SIZE_BYTES),
            guest.read(message, length),
            guest.read(signature, _SIGNATURE_SIZE_BYTES),
        )
        return int(signed)

    def sha256(self, guest: Guest, pointer: int, length: int, out: int) -> None:
        """The SHA-256 of a range: 32 bytes."""
        guest.check(pointer, length)
        guest.check(out, _HASH_SIZE_BYTES)
        _charge(guest, length + _HASH_SIZE_BYTES)
        guest.charge(length * limits.HASH_FUEL_PER_BYTE)
        guest.write(out, sha256(guest.read(pointer, length)))

    # -- shared -------------------------------------------------------------------------------

    def _entry(
        self, guest: Guest, c: int, clen: int, k: int, klen: int, key_bytes_min: int = 1
    ) -> tuple[Place, bytes]:
        """The collection and key (or prefix, which may be empty) that a guest names."""
        size_bytes = guest.size_bytes
        if c + clen > size_bytes or k + klen > size_bytes:
            guest.check(c, clen)
            guest.check(k, klen)
        if clen > _NAME_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"the name of a collection has {clen} bytes")
        if klen > _KEY_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a key of {klen} bytes is over the limit")
        if klen < key_bytes_min:
            stop(Failure.TRAP, "a key has at least one byte")
        guest.fuel -= _CALL_FUEL + (clen + klen) * _BYTE_FUEL
        if guest.fuel <= 0:
            guest.charge(0)
        memory = guest.memory
        name = memory[c : c + clen].tobytes()
        place = self._places.get(name)
        if place is None:
            text = shown(name.decode("utf-8", errors="replace").encode(), _NAME_BYTES_MAX)
            stop(Failure.FORBIDDEN, f"the collection {text!r} is not declared")
        return place, memory[k : k + klen].tobytes()

    def _allow(self, collection: Collection, effect: Effect, writes: Overlay) -> None:
        frozen = collection.rule is Rule.FROZEN
        exists = frozen and writes.get(collection.name, effect.key) is not None
        scene = self._world.scene
        denied = check_effect(
            collection, effect, author=scene.member, exists=exists, roles=scene.roles
        )
        if denied is not None:
            stop(Failure.FORBIDDEN, denied.reason)

    def _check_payload(self, writes: Overlay) -> None:
        if writes.effect_count > limits.CALL_EFFECTS_MAX:
            stop(Failure.TOO_LARGE, f"a call has more than {limits.CALL_EFFECTS_MAX} effects")
        size = writes.payload_size_bytes + self._world.event_size_bytes + len(self._world.arguments)
        if size > limits.CALL_PAYLOAD_BYTES_MAX:
            stop(Failure.TOO_LARGE, "the effects and events of a call are over the limit")


def _charge(guest: Guest, copied_bytes: int) -> None:
    guest.charge(_CALL_FUEL + copied_bytes * _BYTE_FUEL)


def _take(guest: Guest, pointer: int, length: int, more_bytes: int = 0) -> bytes:
    _charge(guest, length + more_bytes)
    return guest.read(pointer, length)


def _give(guest: Guest, pointer: int, content: bytes) -> None:
    guest.check(pointer, len(content))
    _charge(guest, len(content))
    guest.write(pointer, content)


def _forbid(what: str) -> NoReturn:
    stop(Failure.FORBIDDEN, f"a query may not {what}")
