"""What tests of replay share: a context where calls are run again, and what is asked."""

from __future__ import annotations

from collections.abc import Sequence

from covey.model import (
    Delta,
    Denied,
    Failed,
    Failure,
    Put,
    ReleaseId,
    Upgrade,
    Verification,
)
from covey.sync import (
    Applied,
    Effect,
    Verified,
    Verify,
)
from covey.testkit.history import History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.oracle.people import manifest, start
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import Stage

ANN, BEN, CARA, EVE = identity("ann"), identity("ben"), identity("cara"), identity("eve")
FOUNDING = found(ANN, BEN, CARA).again(verification=Verification.REPLAY)
NOTE = [Put("notes", b"k", b"v")]
AGREES = Verified((None,))
DIFFERS = Verified((Denied("wrong-effects", "it has other effects"),))
FAULT = Verified((Failed(Failure.HOST_FAULT, "too slow", 0, ()),))


def chain(history: History, length: int, author: Identity = BEN) -> list[Delta]:
    """Deltas of one device, each after the one before and nothing else."""
    deltas: list[Delta] = []
    for n in range(length):
        after = (deltas[-1].id,) if deltas else ()
        deltas.append(history.write(author, after, [Put("notes", b"k", bytes([n]))]))
    return deltas


def applied(effects: Sequence[Effect]) -> list[Delta]:
    return [effect.delta for effect in effects if isinstance(effect, Applied)]


def asked(effects: Sequence[Effect]) -> Verify:
    """The one question among them."""
    (found,) = [effect for effect in effects if isinstance(effect, Verify)]
    return found


def is_asked(effects: Sequence[Effect]) -> bool:
    return any(isinstance(effect, Verify) for effect in effects)


def row(effects: Sequence[Effect]) -> list[tuple[bytes, int]]:
    """Whose deltas are asked about, and which."""
    return [(s.batch.device, s.batch.sequence) for s in asked(effects).row]


def places(*deltas: Delta) -> list[tuple[bytes, int]]:
    return [(delta.core.author, delta.core.sequence) for delta in deltas]


def runs_under(effect: Effect, wanted: ReleaseId) -> bool:
    """Whether it asks to run calls under a release."""
    return isinstance(effect, Verify) and effect.row[0].batch.release == wanted


NEXT = manifest("1.2.0", kind="more")


class Upgraded:
    """A context of the oracle's, where ben put a release in force and writes under it."""

    def __init__(self, *migration: Put) -> None:
        founding = start(ANN, BEN, CARA).again(verification=Verification.REPLAY)
        self.writing = Writing(founding)
        self.stage = Stage(founding, ANN)
        self.before = self.write(CARA, 0)
        cut = self.writing.admitted
        self.upgrade = self.writing.write(BEN, cut, (Upgrade(1, NEXT, ()),), migration).delta
        self.after = self.write(BEN, self.writing.admitted)
        assert not self.writing.codes

    def write(self, author: Identity, cut: int) -> Delta:
        return self.writing.write(author, cut, (), (Put("notes", b"k", b"v"),)).delta
