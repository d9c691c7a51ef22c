"""The two proofs at the start of a sync stream.

Source: protocols/sync.md. First each side proves, per context, that it knows the id, before
anything is said about the context; then members prove that they hold their device's key.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from covey.crypto.hashing import Tag, signing_message, tagged_hash
from covey.model import ContextId, PeerId

__all__ = ["Greeting", "device_proof_message", "is_knowledge_proof", "knowledge_proof"]


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who greets whom with which nonces, from the prover's side."""

    prover: PeerId
    verifier: PeerId
    prover_nonce: bytes
    verifier_nonce: bytes

    def reversed(self) -> Greeting:
        """The same greeting with the roles exchanged."""
        return Greeting(self.verifier, self.prover, self.verifier_nonce, self.prover_nonce)


def _transcript(greeting: Greeting) -> bytes:
    return tagged_hash(
        Tag.SYNC_PROOF,
        greeting.prover,
        greeting.verifier,
        greeting.prover_nonce,
        greeting.verifier_nonce,
    )


def knowledge_proof(context: ContextId, greeting: Greeting) -> bytes:
    """HMAC-SHA256 under the context id: shows that the prover knows it, and not what it is."""
    return hmac.digest(context, _transcript(greeting), "sha256")


def is_knowledge_proof(context: ContextId, greeting: Greeting, proof: bytes) -> bool:
    """Whether a proof is for this context, in constant time."""
    return hmac.compare_digest(knowledge_proof(context, greeting), proof)


def device_proof_message(context: ContextId, greeting: Greeting) -> bytes:
    """What a member's device signs: no other stream and no other context can use it."""
    return signing_message(Tag.SYNC_AUTH, context, _transcript(greeting))
