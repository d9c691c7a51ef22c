"""Misdeeds with governance: power that one does not have, or does not have any more."""

from __future__ import annotations

from dataclasses import replace

from covey.codec import decode_delta, make_certificate, make_join
from covey.crypto import Signer, sha256
from covey.governance import devices
from covey.model import (
    ADMIN_ROLE,
    Admit,
    Certificate,
    Close,
    Delta,
    DeltaId,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    Join,
    Never,
    Promote,
    Put,
    Quorum,
    Signature,
    Tighten,
    Vote,
)
from tests.e2e.doctored.call_deeds import simply
from tests.e2e.doctored.hand import Deed, Hand, Words, device_of, play, put

__all__ = ["RULE_DEEDS"]


def governs(*effects_of) -> Deed:
    """One delta with what each of these wants, published and not applied here."""

    def write(hand: Hand, words: Words) -> Delta:
        governance: tuple[Governance, ...] = ()
        for effects in effects_of:
            governance += effects(hand, words)
        return hand.sign(hand.core(*governance))

    return simply(write)


def promotes_itself(hand: Hand, words: Words):
    return (Promote(hand.device, ADMIN_ROLE),)


def promotes(hand: Hand, words: Words):
    return (Promote(device_of(words), ADMIN_ROLE),)


def closes(hand: Hand, words: Words):
    return (_close(hand, device_of(words)),)


def closes_all(hand: Hand, words: Words):
    everybody = [device for device, _ in devices(hand.ledger.authority)]
    return tuple(_close(hand, device) for device in everybody if device != hand.device)


def demotes(hand: Hand, words: Words):
    who = device_of(words)
    return (Demote(who, ADMIN_ROLE, _tips(hand, who)),)


def votes(hand: Hand, words: Words):
    return (Vote(device_of(words)),)


def frames(hand: Hand, words: Words):
    """Two deltas of the victim, of different sequences, as evidence that it forked."""
    who = device_of(words)
    tip = hand.ledger.own_tip(who)
    assert tip is not None
    frame = hand.ledger.frame(tip.id)
    assert frame is not None
    before = decode_delta(hand.context, frame).core.previous
    assert before is not None
    return (Evidence(*sorted((tip.id, before))),)


def admits_in_anothers_name(hand: Hand, words: Words):
    """A device of its own as the victim's, whose member never signed that."""
    sock = Signer.from_seed(sha256(b"sock"))
    device, exchange = DeviceId(sock.public), sha256(b"exchange")
    honest = make_certificate(Signer.from_seed(sha256(b"nobody")), device, exchange)
    forged = Certificate(bytes.fromhex(words["member"]), device, exchange, honest.signature)
    return (Admit(forged, make_join(sock, hand.context, forged)),)


def admits_the_unwilling(hand: Hand, words: Words):
    """A device that never asked to come in."""
    member = Signer.from_seed(sha256(b"nobody"))
    device = DeviceId(Signer.from_seed(sha256(b"unwilling")).public)
    certificate = make_certificate(member, device, sha256(b"exchange"))
    return (Admit(certificate, Join(None, Signature(bytes(64)), None)),)


def _close(hand: Hand, who: DeviceId) -> Close:
    return Close(who, _tips(hand, who))


def _tips(hand: Hand, who: DeviceId) -> tuple[DeltaId, ...]:
    return tuple(sorted(tip.id for tip in hand.ledger.frontier.get(who, ())))


# -- with what it once held ----------------------------------------------------------------------


async def note(hand: Hand, words: Words) -> list[Delta]:
    """Remember this place, to write from it when things have changed."""
    hand.driver.remembered = hand.core()
    return []


async def stale_ruling(hand: Hand, words: Words) -> list[Delta]:
    """A call that needs the role, from there, where it still had it."""
    core = hand.driver.remembered
    delta = await hand.wrote(core, play(put("stolen", collection="rulings")))
    return await _kept(hand, delta)


async def stale_call(hand: Hand, words: Words) -> list[Delta]:
    """A call from there, where it still was a member."""
    return await _kept(hand, await hand.wrote(hand.driver.remembered, play(put("stolen"))))


async def _kept(hand: Hand, delta: Delta) -> list[Delta]:
    await hand.publish(delta)
    await hand.keep(delta)
    return [delta]


def ruling(hand: Hand, words: Words) -> Delta:
    return hand.forge(hand.core(), Put("rulings", b"stolen", b"forged"))


def tightens(hand: Hand, words: Words):
    """A quorum of its own key alone, which is to be the only one."""
    return (Tighten(Quorum(1, (hand.member,), 0)),)


async def tightens_and_keeps(hand: Hand, words: Words) -> list[Delta]:
    """The same, where an admin may say so."""
    return await _kept(hand, hand.sign(hand.core(*tightens(hand, words))))


async def stale_tighten(hand: Hand, words: Words) -> list[Delta]:
    """From the place it remembered, where it still was an admin."""
    core = replace(hand.driver.remembered, governance=(Tighten(Never()),))
    return await _kept(hand, hand.sign(core))


RULE_DEEDS: dict[str, Deed] = {
    "promotes itself": governs(promotes_itself),
    "promotes": governs(promotes),
    "closes": governs(closes),
    "closes all": governs(closes_all),
    "demotes": governs(demotes),
    "votes": governs(votes),
    "frames": governs(frames),
    "admits in another's name": governs(admits_in_anothers_name),
    "admits the unwilling": governs(admits_the_unwilling),
    "note": note,
    "stale ruling": stale_ruling,
    "stale call": stale_call,
    "ruling": simply(ruling),
    "tightens": governs(tightens),
    "tightens and keeps": tightens_and_keeps,
    "stale tighten": stale_tighten,
}
