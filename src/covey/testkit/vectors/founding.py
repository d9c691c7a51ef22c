"""Vectors of certificates, joins and charters."""

from __future__ import annotations

from covey.codec import (
    Packed,
    certificate_packed,
    encode_charter,
    join_packed,
    pack,
    unpack,
)
from covey.crypto import Signer, Tag, sha256, signing_message
from covey.model import Admission, Certificate, Charter, Encryption, Join, Never, Publisher, Quorum
from covey.testkit.identities import Founding, found, identity
from covey.testkit.vectors.form import Case, Vectors, case, replaced, shown
from covey.testkit.vectors.primitives import SMALL_ORDER

__all__ = ["certificates", "charters"]

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN)
_SIZE_MAX = 64 * 1024


def certificates() -> Vectors:
    """Certificates, and joins with them."""
    valid = [
        _certificate("certificate of ann", ANN.certificate),
        _certificate("certificate of ben", BEN.certificate),
        _certificate("certificate of ann's phone", identity("ann", "phone").certificate),
        _join("join of ben", BEN.certificate, BEN.join(FOUNDING.context)),
        _join("join with an invitation", BEN.certificate, _invited()),
    ]
    return Vectors(
        "certificate: [member, device, X25519 key, signature]. join: [invitation or nil, "
        "signature, invitation's signature or nil], for the context given.",
        tuple(valid),
        (*_bad_certificates(), *_bad_joins()),
    )


def _certificate(name: str, certificate: Certificate, code: str = "") -> Case:
    made = case(name, certificate=pack(certificate_packed(certificate)))
    return {**made, "code": code} if code else made


def _join(name: str, certificate: Certificate, join: Join, code: str = "") -> Case:
    made = case(
        name,
        context=FOUNDING.context,
        certificate=pack(certificate_packed(certificate)),
        join=pack(join_packed(join)),
    )
    return {**made, "code": code} if code else made


def _invited(secret: bytes = b"invitation") -> Join:
    """A join signed by an invitation too."""
    invitation = Signer.from_seed(sha256(b"invitation"))
    asked = pack((FOUNDING.context, invitation.public, certificate_packed(BEN.certificate)))
    message = signing_message(Tag.JOIN, asked)
    other = Signer.from_seed(sha256(secret))
    return Join(invitation.public, BEN.signer.sign(message), other.sign(message))


def _bad_certificates() -> list[Case]:
    good = certificate_packed(BEN.certificate)
    assert isinstance(good, tuple)
    changes: list[tuple[str, int, Packed, str]] = [
        ("another member", 0, bytes(ANN.member_id), "bad-certificate"),
        ("another device", 1, bytes(ANN.device), "bad-certificate"),
        ("another exchange key", 2, bytes(32), "bad-certificate"),
        ("signature changed", 3, bytes(64), "bad-certificate"),
        ("member is no point", 0, b"\x02" + bytes(31), "bad-certificate"),
        ("member of small order", 0, bytes.fromhex(SMALL_ORDER[2]), "bad-certificate"),
        ("short member", 0, bytes(31), "wrong-shape"),
        ("no signature", 3, None, "wrong-shape"),
    ]
    made = [
        case(name, certificate=pack(replaced(good, place, value)), code=code)
        for name, place, value, code in changes
    ]
    message = signing_message(Tag.DEVICE, pack((ANN.member_id, ANN.member_id, bytes(32))))
    one_key: Packed = (ANN.member_id, ANN.member_id, bytes(32), ANN.member.sign(message))
    assert isinstance(one_key, tuple)
    made.append(case("member and device are one key", certificate=pack(one_key),
                     code="bad-certificate"))  # fmt: skip
    small = bytes.fromhex(SMALL_ORDER[2])
    message = signing_message(Tag.DEVICE, pack((ANN.member_id, small, bytes(32))))
    weak: Packed = (ANN.member_id, small, bytes(32), ANN.member.sign(message))
    made.append(case("device of small order", certificate=pack(weak), code="bad-certificate"))
    return made


def _bad_joins() -> list[Case]:
    other = found(BEN).context
    good = BEN.join(FOUNDING.context)
    return [
        _join("join for another context", BEN.certificate, BEN.join(other), "bad-join"),
        _join("join of another device", ANN.certificate, good, "bad-join"),
        _join("invitation signed by another key", BEN.certificate, _invited(b"x"), "bad-join"),
        case("invitation without its signature", context=FOUNDING.context,
             certificate=pack(certificate_packed(BEN.certificate)),
             join=pack((bytes(32), good.signature, None)), code="wrong-shape"),
        case("invitation's signature without one", context=FOUNDING.context,
             certificate=pack(certificate_packed(BEN.certificate)),
             join=pack((None, good.signature, bytes(64))), code="wrong-shape"),
    ]  # fmt: skip


def charters() -> Vectors:
    """Charters and the ids of their contexts."""
    quorum = Quorum(2, (ANN.member_id, BEN.member_id), 86_400_000)
    some = [
        ("of one founder", FOUNDING),
        ("of two founders", found(ANN, BEN)),
        ("with roles", FOUNDING.again(roles=("editor", "reader"))),
        ("closed, with epochs", FOUNDING.again(admission=Admission.CLOSED,
                                               encryption=Encryption.EPOCHS)),
        ("with constraints", FOUNDING.again(constraints=(Publisher(), quorum, Never()))),
        ("with all numbers at their least", FOUNDING.again(idle_limit_ms=0, fuel_budget=0,
                                                           module_size_bytes_max=1)),
    ]  # fmt: skip
    good = unpack(encode_charter(FOUNDING.charter), _SIZE_MAX)
    broken = replaced(unpack(pack(good[3]), _SIZE_MAX), 0, _broken(FOUNDING.charter))
    changes: list[tuple[str, int, Packed, str]] = [
        ("newer version", 0, 2, "unknown-version"),
        ("version 0", 0, 0, "wrong-shape"),
        ("no admins", 3, (), "wrong-shape"),
        ("admin's certificate changed", 3, broken, "bad-certificate"),
        ("admin twice", 3, (_first(good), _first(good)), "wrong-shape"),
        ("too many admins", 3, (_first(good),) * 33, "oversized"),
        ("release is no content address", 2, bytes(36), "wrong-shape"),
        ("short application", 1, bytes(31), "wrong-shape"),
        ("admission of the future", 4, "lottery", "unknown-version"),
        ("admission is no text", 4, 1, "wrong-shape"),
        ("constraint of the future", 8, ((9,),), "unknown-version"),
        ("quorum larger than its keys", 8, ((3, 3, (bytes(32),), 0),), "wrong-shape"),
        ("negative idle limit", 11, -1, "wrong-shape"),
        ("module size beyond the limit", 13, 4 * 1024 * 1024 + 1, "wrong-shape"),
        ("short nonce", 15, bytes(31), "wrong-shape"),
    ]
    invalid = [
        case(name, encoded=pack(replaced(good, place, value)), code=code)
        for name, place, value, code in changes
    ]
    invalid.append(case("a field too many", encoded=pack((*good, 0)), code="wrong-shape"))
    invalid.append(case("oversized", encoded=b"\x90" + bytes(_SIZE_MAX), code="oversized"))
    return Vectors(
        "encoded: the charter; context: its content address. fields: as in charter.md, in order.",
        tuple(_charter(name, founding) for name, founding in some),
        tuple(invalid),
    )


def _charter(name: str, founding: Founding) -> Case:
    fields = shown(unpack(founding.packed, _SIZE_MAX))
    return case(f"charter {name}", encoded=founding.packed, context=founding.context,
                fields=fields)  # fmt: skip


def _first(charter: tuple[Packed, ...]) -> Packed:
    admins = charter[3]
    assert isinstance(admins, tuple)
    return admins[0]


def _broken(charter: Charter) -> Packed:
    packed = certificate_packed(charter.admins[0])
    assert isinstance(packed, tuple)
    return replaced(packed, 3, bytes(64))
