"""Which device of this home writes in a context: one that wrote never begins a second chain there.

Others may hold more of a chain than this node's store does, once that was forgotten or put back
from a copy. So whoever joins again, or cannot go on, takes another device of the same member.
"""

from __future__ import annotations

import logging

from covey.codec import cid_text, topic_mark
from covey.crypto import Signer
from covey.model import Charter, ContextId, DeviceId, MemberId, ReleaseTerms
from covey.node.home import Home
from covey.node.records import ContextRecord
from covey.store import Store
from covey.sync import Ledger

__all__ = ["Devices"]

_logger = logging.getLogger(__name__)
_NO_TERMS = ReleaseTerms("0.0.0", "", ())  # for who looks at frontiers alone


class Devices:
    """The devices of one home; every method touches the disk."""

    def __init__(self, home: Home, store: Store) -> None:
        self._home = home
        self._store = store

    def owners(self) -> dict[DeviceId, MemberId]:
        """All of them, each with this home's member."""
        return dict.fromkeys(self._home.devices(), MemberId(self._home.member().public))

    def for_joining(self, context: ContextId) -> DeviceId:
        """A device that was never used in a context: the home's current one, or another."""
        return DeviceId(self._unused(context).public)

    def spend(self, record: ContextRecord) -> None:
        """Never join a context with this device again; it may be what others know it by."""
        self._home.spend_device(record.device, cid_text(record.id))

    def is_spent(self, record: ContextRecord, device: DeviceId) -> bool:
        """Whether a device was this home's in a context before the one that is now.

        None of them writes there again; the others are not told, so that it stays a member.
        """
        was_used = not self._home.is_unused(device, cid_text(record.id))
        return was_used and device != record.device

    def for_serving(self, record: ContextRecord, charter: Charter) -> Signer:
        """The device of a context that is here, or another one where it cannot go on with it.

        A store behind the keystore has lost deltas that others may hold: writing on from it would
        fork the chain. A store ahead of it was a crash before the record, and is fine.
        """
        ledger = Ledger(record.id, charter, _NO_TERMS, self._store.reader(record.id))
        tips = ledger.frontier.get(record.device, ())
        stored = max((tip.sequence for tip in tips), default=0)
        recorded = self._home.sequence(record.device, cid_text(record.id))
        if len(tips) > 1:
            why = "the chain of this device has forked: another device takes its place"
        elif stored < recorded:
            why = "the store is older than the keys: another device takes this one's place"
        else:
            return self._home.device_of(record.device)
        mark = {"called": record.name, "context": topic_mark(record.id)}
        _logger.warning(why, extra=mark)
        self.spend(record)
        return self._unused(record.id)

    def _unused(self, context: ContextId) -> Signer:
        current = self._home.device()
        if self._home.is_unused(DeviceId(current.public), cid_text(context)):
            return current
        return self._home.another_device()
