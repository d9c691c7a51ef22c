"""Which applied deltas have no effect on entries, by everything that is applied.

Why is governance's (protocols/governance.md); state is folded without them.
"""

from __future__ import annotations

from covey.model import DeltaId, DeviceId, Draft, Reader, Table, Tip

__all__ = ["is_silent", "set_silent", "silent_tips"]


def is_silent(reader: Reader, device: DeviceId, tip: Tip) -> bool:
    """Whether an applied delta's effects are folded out."""
    return reader.get(Table.SILENT, (device, tip.sequence, tip.id)) is not None


def set_silent(draft: Draft, device: DeviceId, tip: Tip, *, silent: bool) -> None:
    """Record that a delta's effects are folded out, or no longer."""
    key = (device, tip.sequence, tip.id)
    if silent:
        draft.put(Table.SILENT, key, b"")
    else:
        draft.delete(Table.SILENT, key)


def silent_tips(reader: Reader, device: DeviceId | None = None) -> list[tuple[DeviceId, Tip]]:
    """The silent deltas of one device, or all, in order."""
    found = []
    for key, _ in reader.scan(Table.SILENT, () if device is None else (device,)):
        author, sequence, delta = key
        assert isinstance(author, bytes)
        assert isinstance(sequence, int)
        assert isinstance(delta, bytes)
        found.append((DeviceId(author), Tip(sequence, DeltaId(delta))))
    return found
