"""Another charter under the same name: other rules for whoever comes to join."""

from __future__ import annotations

from dataclasses import replace

from covey.codec import encode_charter, topic_hash
from covey.model import Cid, ContextId, Delta, PeerId
from tests.e2e.doctored.hand import Deed, Hand, Words

__all__ = ["CHARTER_DEEDS"]


async def another_charter(hand: Hand, words: Words) -> list[Delta]:
    """Whoever asks for the charter, by topic or by id, is given one with this node as admin."""
    contexts, replica = hand.node._contexts, hand.driver.replica
    forged = encode_charter(
        replace(replica.charter, admins=(replica.certificate,), constraints=(), admin_quorum=0)
    )
    blob, told = contexts.blob, contexts.open_charter

    def forged_blob(context: ContextId, cid: Cid) -> bytes | None:
        return forged if bytes(cid) == hand.context else blob(context, cid)

    def forged_charter(topic: bytes, peer: PeerId) -> bytes | None:
        return forged if topic == topic_hash(hand.context) else told(topic, peer)

    contexts.blob = forged_blob
    contexts.open_charter = forged_charter
    return []


CHARTER_DEEDS: dict[str, Deed] = {"another charter": another_charter}
