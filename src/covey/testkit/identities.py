"""People, devices and contexts that are the same in every test: keys come from names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from covey.codec import (
    application_id,
    charter_id,
    cid_of,
    encode_charter,
    make_certificate,
    make_join,
)
from covey.crypto import Signer, exchange_public_key, sha256
from covey.model import (
    EXECUTION_METERED,
    Admission,
    Admit,
    Certificate,
    Charter,
    Collection,
    ContextId,
    DeviceId,
    Encryption,
    Join,
    MemberId,
    ReleaseId,
    ReleaseTerms,
    Rule,
    Verification,
    limits,
)

__all__ = ["COLLECTIONS", "Founding", "Identity", "found", "identity"]

COLLECTIONS = (
    Collection("notes", Rule.REGISTER, ()),
    Collection("likes", Rule.COUNTER, ()),
    Collection("posts", Rule.FROZEN, ()),
    Collection("profiles", Rule.OWNED, ()),
    Collection("rules", Rule.REGISTER, ("admin",)),
)
"""One collection of each merge rule, and one that only admins may write."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One device of one member, with its secrets: for tests alone."""

    name: str
    member: Signer
    signer: Signer
    certificate: Certificate

    @property
    def device(self) -> DeviceId:
        """The device key, as the author of deltas."""
        return self.certificate.device

    @property
    def member_id(self) -> MemberId:
        """The member key."""
        return self.certificate.member

    def join(self, context: ContextId) -> Join:
        """Its word that it wants into an open context."""
        return make_join(self.signer, context, self.certificate)

    def admit(self, context: ContextId) -> Admit:
        """The governance effect that brings it in."""
        return Admit(self.certificate, self.join(context))


def identity(name: str, device: str = "first") -> Identity:
    """The device of that name of the member of that name; the same keys every time."""
    member = Signer.from_seed(sha256(f"member {name}".encode()))
    signer = Signer.from_seed(sha256(f"device {name} {device}".encode()))
    exchange = exchange_public_key(sha256(f"exchange {name} {device}".encode()))
    certificate = make_certificate(member, DeviceId(signer.public), exchange)
    return Identity(name, member, signer, certificate)


@dataclass(frozen=True, slots=True)
class Founding:
    """A context before its first delta."""

    charter: Charter
    packed: bytes
    context: ContextId
    collections: tuple[Collection, ...]

    @property
    def first(self) -> ReleaseTerms:
        """What its release says of itself."""
        return ReleaseTerms("1.0.0", "covey/1", self.collections)

    def again(self, **changes: object) -> Founding:
        """The same with some fields of the charter changed: another context."""
        charter = replace(self.charter, **changes)  # type: ignore[arg-type]  # a test's own fields
        packed = encode_charter(charter)
        return Founding(charter, packed, charter_id(packed), self.collections)


def found(
    *admins: Identity,
    collections: tuple[Collection, ...] = COLLECTIONS,
    admission: Admission = Admission.OPEN,
) -> Founding:
    """An open context without encryption, founded by these in rank order."""
    publisher = Signer.from_seed(sha256(b"publisher"))
    charter = Charter(
        application=application_id(publisher.public, "example"),
        release=ReleaseId(cid_of(b"the first release")),
        admins=tuple(admin.certificate for admin in admins),
        admission=admission,
        roles=(),
        verification=Verification.SIGNATURE,
        encryption=Encryption.NONE,
        constraints=(),
        admin_quorum=0,
        snapshot_witnesses=0,
        idle_limit_ms=2_592_000_000,
        fuel_budget=0,
        module_size_bytes_max=limits.MODULE_SIZE_BYTES_MAX,
        execution=EXECUTION_METERED,
        nonce=sha256(b"nonce of the example"),
    )
    packed = encode_charter(charter)
    return Founding(charter, packed, charter_id(packed), collections)
