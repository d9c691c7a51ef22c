"""What the node in memory calls itself and what it holds."""

from __future__ import annotations

from covey.codec import certificate_text, did_text
from covey.testkit.identities import identity

__all__ = [
    "CERTIFICATE",
    "CONTEXT_ID",
    "DEVICE",
    "FAR_TOPIC",
    "MEMBER",
    "NEAR_ID",
    "PEER_ID",
    "RELEASE_ID",
    "TOKEN",
]

PEER_ID = "12D3KooWFake"
_ANN = identity("ann")
MEMBER = did_text(_ANN.member_id)
DEVICE = did_text(_ANN.device)
CERTIFICATE = certificate_text(_ANN.certificate)
CONTEXT_ID = "bafkreicontext"
NEAR_ID = "bafkreihko6jke32alyvotrxutsutxptao3hkycq7yu6ygqtmpv7s3e3x4q"
FAR_TOPIC = "/covey/1/ypz5pfaexi7dinmrxcvkcix4oc6kyt4sq7eazqknzodzkth6qq5a"
RELEASE_ID = "bafkreirelease"
TOKEN = "00" * 32
