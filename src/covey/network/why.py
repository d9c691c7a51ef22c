"""Why a peer was not reached, in words that tell an operator what to look at."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator

import trio
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from multiaddr import Multiaddr

from covey.model import limits

__all__ = ["Unreached", "reason_of"]

_CAUSES_MAX = 16


class Unreached(SwarmException):
    """A peer was dialled and not reached. reasons: by transport address, those tried."""

    def __init__(self, peer: ID, failures: Iterable[tuple[Multiaddr, Exception]]) -> None:
        self.reasons = {str(address): reason_of(error) for address, error in failures}
        told = [f"{address}: {reason}" for address, reason in self.reasons.items()]
        super().__init__(f"unable to connect to {peer}: {'; '.join(told) or 'no usable address'}")


def reason_of(error: BaseException) -> str:
    """The innermost thing known to go wrong below an error, else what the error itself says."""
    for cause in _causes(error):
        reason = _known(cause)
        if reason:
            return reason
    return str(error) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it; of errors that came together, the first."""
    cause: BaseException | None = error
    for _ in range(_CAUSES_MAX):
        if cause is None:
            return
        yield cause
        # By shape, because Python 3.10 knows no groups of errors by itself.
        together = getattr(cause, "exceptions", None)
        cause = together[0] if together else cause.__cause__ or cause.__context__


def _known(error: BaseException) -> str:
    match error:
        case trio.TooSlowError():
            return f"no answer within {limits.DIAL_TIMEOUT_S:.0f} s"
        case PeerIDMismatchesPubkey():
            found = str(error).rpartition("remote_peer_id_from_pubkey=")[2]
            return f"another peer is there: {found}"
        case MultiselectError():
            return "what is there ended the connection, or is no node of this network"
        case socket.gaierror():
            return f"the name is not known here ({(error.strerror or 'no reason').lower()})"
        case OSError(errno=int(number)):
            return os.strerror(number).lower()
    return ""
