"""The functions of `covey/1` behind a module's imports: one object for each run.

Every function checks its ranges, takes its price, then acts, in that order: what a guest cannot
pay for does not happen. Source: protocols/application.md, "Imports" and "Prices".
"""

from __future__ import annotations

from collections.abc import Iterator

from covey.crypto import SeededStream, is_signed, sha256
from covey.model import Add, AppEvent, Collection, Delete, Effect, Failure, Put, Rule, limits
from covey.rules import check_effect
from covey.runtime.abi.covey1.signatures import IMPORTS
from covey.runtime.abi.covey1.text import shown
from covey.runtime.abi.covey1.world import Said, World
from covey.runtime.engine import Guest, HostFunction, stop
from covey.runtime.overlay import EFFECT_OVERHEAD_BYTES, CounterOverflow, Overlay

__all__ = ["Host"]

_ABSENT = -1
_SIGNATURE_SIZE_BYTES, _KEY_SIZE_BYTES, _HASH_SIZE_BYTES = 64, 32, 32
_INTERRUPT_EVERY = 64  # entries of a scan between two looks at the interrupt


class Host:
    """What one run may call. `close` ends its scans; what it said is in `said`."""

    def __init__(self, world: World, said: Said) -> None:
        self._world = world
        self._said = said
        self._scans: list[_Scan] = []
        self._random = _Random(world.seed) if world.seed is not None else None

    def function(self, name: str) -> HostFunction:
        """The function behind an import, which bears its name."""
        assert name in IMPORTS
        found: HostFunction = getattr(self, name)
        return found

    def close(self) -> None:
        """Handles die with the run, and with them what they hold of the store."""
        for scan in self._scans:
            scan.close()
        self._scans.clear()

    # -- what goes in and comes out -----------------------------------------------------------

    def input(self, guest: Guest, pointer: int, cap: int) -> int:
        """Copy at most `cap` bytes of the arguments; gives their whole length."""
        guest.check(pointer, cap)
        arguments = self._world.arguments
        _charge(guest, min(cap, len(arguments)))
        guest.write(pointer, arguments[:cap])
        return len(arguments)

    def output(self, guest: Guest, pointer: int, length: int) -> None:
        """Set the result; a later one replaces it."""
        guest.check(pointer, length)
        if length > limits.CALL_RESULT_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a result of {length} bytes is over the limit")
        self._said.result = _take(guest, pointer, length)

    def fail(self, guest: Guest, pointer: int, length: int) -> None:
        """Abort the call with a message."""
        guest.check(pointer, length)
        message = _take(guest, pointer, min(length, limits.MESSAGE_BYTES_MAX))
        stop(Failure.REFUSED, shown(message, limits.MESSAGE_BYTES_MAX) or "the application said no")

    def log(self, guest: Guest, pointer: int, length: int) -> None:
        """Keep a line for the developer; long lines are cut, late ones dropped."""
        guest.check(pointer, length)
        line = _take(guest, pointer, min(length, limits.CALL_LOG_BYTES_MAX))
        if self._said.has_room_for_log():
            self._said.note(shown(line, limits.CALL_LOG_BYTES_MAX))

    def emit(self, guest: Guest, name: int, name_length: int, data: int, data_length: int) -> None:
        """Tell subscribers that something happened."""
        self._require_writes("emit an event")
        guest.check(name, name_length)
        guest.check(data, data_length)
        if name_length > limits.EVENT_NAME_BYTES_MAX or data_length > limits.EVENT_BYTES_MAX:
            stop(Failure.TOO_LARGE, "an event is over the limit")
        if len(self._said.events) >= limits.CALL_EVENTS_MAX:
            stop(Failure.TOO_LARGE, f"a call emits more than {limits.CALL_EVENTS_MAX} events")
        raw_name = _take(guest, name, name_length, data_length)
        content = guest.read(data, data_length)
        try:
            text = raw_name.decode("utf-8")
        except UnicodeDecodeError:
            stop(Failure.TRAP, "the name of an event is no UTF-8")
        self._said.events.append(AppEvent(text, content))
        self._said.event_size_bytes += EFFECT_OVERHEAD_BYTES + name_length + data_length
        self._check_payload()

    # -- entries ------------------------------------------------------------------------------

    def get(
        self, guest: Guest, c: int, clen: int, k: int, klen: int, pointer: int, cap: int
    ) -> int:
        """The value of an entry: its length, copied if it fits; -1 if there is none."""
        guest.check(pointer, cap)
        collection, key = self._entry(guest, c, clen, k, klen)
        guest.charge(limits.ENTRY_READ_FUEL)
        value = self._world.reads.get(collection.name, key)
        if value is None:
            return _ABSENT
        # Also where it does not fit: the store has read it.
        guest.charge(len(value) * limits.COPY_FUEL_PER_BYTE)
        if len(value) <= cap:
            guest.write(pointer, value)
        return len(value)

    def put(self, guest: Guest, c: int, clen: int, k: int, klen: int, v: int, vlen: int) -> None:
        """Set an entry."""
        writes = self._require_writes("put")
        guest.check(v, vlen)
        collection, key = self._entry(guest, c, clen, k, klen)
        if vlen > limits.VALUE_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a value of {vlen} bytes is over the limit")
        guest.charge(limits.EFFECT_FUEL + vlen * limits.COPY_FUEL_PER_BYTE)
        value = guest.read(v, vlen)
        if collection.rule is Rule.FROZEN:
            guest.charge(limits.ENTRY_READ_FUEL + vlen * limits.HASH_FUEL_PER_BYTE)
        self._allow(collection, Put(collection.name, key, value), writes)
        writes.put(collection.name, key, value)
        self._check_payload()

    def delete(self, guest: Guest, c: int, clen: int, k: int, klen: int) -> None:
        """Remove an entry, if there is one."""
        writes = self._require_writes("delete")
        collection, key = self._entry(guest, c, clen, k, klen)
        guest.charge(limits.EFFECT_FUEL + limits.ENTRY_READ_FUEL)
        self._allow(collection, Delete(collection.name, key), writes)
        writes.delete(collection.name, key)
        self._check_payload()

    def add(self, guest: Guest, c: int, clen: int, k: int, klen: int, amount: int) -> None:
        """Add to a counter."""
        writes = self._require_writes("add")
        collection, key = self._entry(guest, c, clen, k, klen)
        guest.charge(limits.EFFECT_FUEL)
        self._allow(collection, Add(collection.name, key, amount), writes)
        try:
            writes.add(collection.name, key, amount)
        except CounterOverflow:
            stop(Failure.TRAP, f"the adds to one entry of {collection.name} overflow 64 bits")
        self._check_payload()

    def scan(
        self, guest: Guest, c: int, clen: int, prefix: int, plen: int, after: int, alen: int
    ) -> int:
        """Open a scan; gives its handle, from 1."""
        guest.check(after, alen)
        collection, start = self._entry(guest, c, clen, prefix, plen, empty=True)
        if alen > limits.KEY_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a key of {alen} bytes is over the limit")
        if len(self._scans) >= limits.CALL_SCANS_MAX:
            stop(Failure.TOO_LARGE, f"a call opens more than {limits.CALL_SCANS_MAX} scans")
        remembered = sum(layer.touched(collection.name) for layer in self._world.overlays)
        guest.charge(
            limits.SCAN_FUEL
            + remembered * limits.SCAN_OVERLAY_FUEL
            + alen * limits.COPY_FUEL_PER_BYTE
        )
        entries = self._world.reads.scan(collection.name, start, guest.read(after, alen))
        self._scans.append(_Scan(entries))
        return len(self._scans)

    def next(self, guest: Guest, handle: int, pointer: int, cap: int) -> int:
        """As many entries as fit, as records; the size needed if none fits; 0 at the end."""
        guest.check(pointer, cap)
        _charge(guest, 0)
        if not 1 <= handle <= len(self._scans):
            stop(Failure.TRAP, f"there is no scan with the handle {handle}")
        scan = self._scans[handle - 1]
        records, size = [], 0
        while (record := scan.peek(guest)) is not None and size + len(record) <= cap:
            records.append(record)
            size += len(record)
            scan.step()
            if len(records) % _INTERRUPT_EVERY == 0 and self._world.interrupt.reason is not None:
                stop(self._world.interrupt.reason, "the node stopped the code")
        if not records:
            return len(record) if record is not None else 0
        guest.write(pointer, b"".join(records))
        return size

    # -- who, when, chance --------------------------------------------------------------------

    def member(self, guest: Guest, pointer: int) -> None:
        """The 32 byte key of who called."""
        _give(guest, pointer, self._world.member)

    def device(self, guest: Guest, pointer: int) -> None:
        """The 32 byte key of the device that called."""
        _give(guest, pointer, self._world.device)

    def context(self, guest: Guest, pointer: int) -> None:
        """The 36 byte id of the context."""
        _give(guest, pointer, self._world.context)

    def time(self, guest: Guest) -> int:
        """Unix milliseconds."""
        _charge(guest, 0)
        return self._world.time_ms

    def random(self, guest: Guest, pointer: int, length: int) -> None:
        """The next bytes of the call's seeded stream."""
        if self._random is None:
            stop(Failure.FORBIDDEN, "a query may not draw random bytes")
        guest.check(pointer, length)
        _charge(guest, length)
        guest.charge(length * limits.HASH_FUEL_PER_BYTE)
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
        self, guest: Guest, c: int, clen: int, k: int, klen: int, *, empty: bool = False
    ) -> tuple[Collection, bytes]:
        """The collection and key (or prefix, which may be empty) that a guest names."""
        guest.check(c, clen)
        guest.check(k, klen)
        if clen > limits.COLLECTION_NAME_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"the name of a collection has {clen} bytes")
        if klen > limits.KEY_BYTES_MAX:
            stop(Failure.TOO_LARGE, f"a key of {klen} bytes is over the limit")
        if klen == 0 and not empty:
            stop(Failure.TRAP, "a key has at least one byte")
        _charge(guest, clen + klen)
        name = guest.read(c, clen).decode("utf-8", errors="replace")
        collection = self._world.collections.get(name)
        if collection is None:
            text = shown(name.encode(), limits.COLLECTION_NAME_BYTES_MAX)
            stop(Failure.FORBIDDEN, f"the collection {text!r} is not declared")
        return collection, guest.read(k, klen)

    def _require_writes(self, what: str) -> Overlay:
        if self._world.writes is None:
            stop(Failure.FORBIDDEN, f"a query may not {what}")
        return self._world.writes

    def _allow(self, collection: Collection, effect: Effect, writes: Overlay) -> None:
        frozen = collection.rule is Rule.FROZEN
        exists = frozen and writes.get(collection.name, effect.key) is not None
        denied = check_effect(
            collection, effect, author=self._world.member, exists=exists, roles=self._world.roles
        )
        if denied is not None:
            stop(Failure.FORBIDDEN, denied.reason)

    def _check_payload(self) -> None:
        writes = self._world.writes
        assert writes is not None
        if writes.effect_count > limits.CALL_EFFECTS_MAX:
            stop(Failure.TOO_LARGE, f"a call has more than {limits.CALL_EFFECTS_MAX} effects")
        size = writes.payload_size_bytes + self._said.event_size_bytes + len(self._world.arguments)
        if size > limits.CALL_PAYLOAD_BYTES_MAX:
            stop(Failure.TOO_LARGE, "the effects and events of a call are over the limit")


class _Scan:
    """One open scan with the record that comes next, which may not have fitted."""

    __slots__ = ("_entries", "_record")

    def __init__(self, entries: Iterator[tuple[bytes, bytes]]) -> None:
        self._entries = entries
        self._record: bytes | None = None

    def peek(self, guest: Guest) -> bytes | None:
        """The next record, charged when it is first seen; None at the end."""
        if self._record is None:
            entry = next(self._entries, None)
            if entry is not None:
                self._record = _record(*entry)
                size = len(self._record)
                guest.charge(limits.SCAN_ENTRY_FUEL + size * limits.COPY_FUEL_PER_BYTE)
        return self._record

    def step(self) -> None:
        self._record = None

    def close(self) -> None:
        close = getattr(self._entries, "close", None)
        if close is not None:
            close()


def _record(key: bytes, value: bytes) -> bytes:
    return b"".join((len(key).to_bytes(4, "little"), key, len(value).to_bytes(4, "little"), value))


class _Random:
    """The seeded stream, read ahead by doubling: it is hashed from its start every time."""

    __slots__ = ("_at", "_block", "_drawn", "_stream")

    def __init__(self, seed: bytes) -> None:
        self._stream = SeededStream(seed)
        self._block = b""
        self._at = 0
        self._drawn = 0

    def take(self, size_bytes: int) -> bytes:
        taken = self._block[self._at : self._at + size_bytes]
        self._at += len(taken)
        missing = size_bytes - len(taken)
        if missing:
            self._block = self._stream.take(max(missing, self._drawn, _HASH_SIZE_BYTES))
            taken += self._block[:missing]
            self._at = missing
        self._drawn += size_bytes
        return taken


def _charge(guest: Guest, copied_bytes: int) -> None:
    guest.charge(limits.HOST_CALL_FUEL + copied_bytes * limits.COPY_FUEL_PER_BYTE)


def _take(guest: Guest, pointer: int, length: int, more_bytes: int = 0) -> bytes:
    _charge(guest, length + more_bytes)
    return guest.read(pointer, length)


def _give(guest: Guest, pointer: int, content: bytes) -> None:
    guest.check(pointer, len(content))
    _charge(guest, len(content))
    guest.write(pointer, content)
