"""Members by name: keys that are the same in every run, so that an author can write them down."""

from __future__ import annotations

import re

from covey.codec import make_certificate
from covey.crypto import Signer, exchange_public_key, sha256
from covey.errors import ConfigError
from covey.model import Certificate, DeviceId, MemberId

__all__ = ["DEFAULT_MEMBER", "NAMES", "People", "device_signer"]

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
"""Who takes part where several do, in this order."""

DEFAULT_MEMBER = NAMES[0]
"""Who calls where nobody is named."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class People:
    """The members that were named so far; their secrets are no secret."""

    def __init__(self) -> None:
        self._members: dict[str, MemberId] = {}
        self._names: dict[bytes, str] = {}
        self.member(DEFAULT_MEMBER)

    def member(self, name: str) -> MemberId:
        """The key of a name. Raises ConfigError for what is no name."""
        known = self._members.get(name)
        if known is not None:
            return known
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name[:80]!r} is no name of a member: a to z, 0 to 9, - and _")
        member = MemberId(_member_signer(name).public)
        self._members[name] = member
        self._names[member] = name
        return member

    def name(self, member: bytes) -> str | None:
        """Whose key this is, if it was named before."""
        return self._names.get(member)

    def device(self, name: str) -> DeviceId:
        """The key of the one device of a member."""
        return DeviceId(device_signer(name).public)

    def certificate(self, name: str) -> Certificate:
        """By which the member says that the device is its own."""
        self.member(name)
        exchange = exchange_public_key(_secret("exchange", name))
        return make_certificate(_member_signer(name), self.device(name), exchange)


def device_signer(name: str) -> Signer:
    """The key with which the device of a member signs."""
    return Signer.from_seed(_secret("device", name))


def _member_signer(name: str) -> Signer:
    return Signer.from_seed(_secret("member", name))


def _secret(purpose: str, name: str) -> bytes:
    return sha256(f"covey workbench {purpose} {name}".encode())
