"""Rows of deltas that the engine is asked about at once: how long calls of this node wait."""

from __future__ import annotations

import pytest

from covey.codec import encode_payload
from covey.model import Call, Payload, Put, Upgrade, Verification, limits
from covey.sync import NeedRelease, Verified, Verify
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.oracle.people import manifest, start
from covey.testkit.playbook import Stage

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN).again(verification=Verification.REPLAY)
_LENGTH, _RELEASES = 6, 100


@pytest.mark.parametrize(
    ("fuel", "rows"),
    [
        (1_000, [1, 5]),
        (limits.CALL_FUEL_MAX // 2, [1, 2, 2, 1]),
        (limits.CALL_FUEL_MAX, [1] * _LENGTH),
    ],
)
def test_a_row_uses_no_more_fuel_than_one_delta_may(fuel, rows):
    """Else a member's 32 heaviest deltas would hold up the next call for all of their time."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    deltas = []
    for number in range(_LENGTH):
        after = (deltas[-1].id,) if deltas else ()
        effects = [Put("notes", b"k", bytes([number]))]
        deltas.append(history.write(BEN, after, effects, fuel=(fuel,)))
    asked = [e for e in stage.receive(*deltas) if isinstance(e, Verify)]
    seen = []
    while asked:
        (verify,) = asked
        seen.append(len(verify.row))
        effects = stage.handle(Verified((None,) * len(verify.row)))
        asked = [e for e in effects if isinstance(e, Verify)]
    assert seen == rows
    assert all(stage.replica.ledger.is_applied(delta.id) for delta in deltas)


def test_releases_that_are_looked_for_at_once_are_bounded():
    """Each is a task that asks every peer again and again until it has an answer: for ever."""
    founding = start(ANN, BEN).again(verification=Verification.REPLAY)
    history, stage = History(founding), Stage(founding, ANN)
    needed = 0
    for number in range(_RELEASES):
        upgrade = Upgrade(1, manifest("2.0.0", f"nobody's {number}"), ())
        payload = encode_payload(Payload((Call("migrate", b"{}"),), ((),), ((),)))
        forged = history.write(
            BEN, (), governance=(upgrade,), payload=payload, fuel=(1_000,), keep=False
        )
        needed += sum(isinstance(e, NeedRelease) for e in stage.receive(forged))
    assert needed == limits.RELEASES_SOUGHT_MAX
