"""What it costs to find and bring ten deltas that one of two nodes lacks among fifty thousand.

Two real replicas and two real sessions in one process; every frame that goes between them is
counted as its bytes. A half-round is what one side says before it waits for the other.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import deque

from covey.codec import DeltasFrame, decode_frame, encode_payload, make_delta
from covey.model import (
    Call,
    Core,
    Delta,
    DeltaId,
    HybridTime,
    Payload,
    PeerId,
    Put,
    limits,
    time_at,
)
from covey.sync import FrameArrived, Tick
from covey.testkit.conversation import Side
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity, found, identity
from covey.testkit.playbook import Stage

__all__ = ["measure"]

_ADMITTED_AT_ONCE = limits.DELTA_GOVERNANCE_MAX
_SETTLED_S = 60.0


class _Author:
    """Writes the chain of one device by hand, as an honest node would."""

    def __init__(self, founding: Founding, who: Identity) -> None:
        self.who = who
        self._founding = founding
        self._last: Delta | None = None

    def write(self, after: Delta | None, *admitted: Identity) -> Delta:
        """The next delta: one call, or admissions. after: what it follows besides its own."""
        context, last = self._founding.context, self._last
        is_call = not admitted
        followed = [delta for delta in (last, after) if delta is not None]
        core = Core(
            author=self.who.device,
            sequence=1 if last is None else last.core.sequence + 1,
            previous=None if last is None else last.id,
            parents=() if after is None or last is not None else (after.id,),
            gov_parents=_governance(last, after),
            time=HybridTime(max((d.core.time for d in followed), default=time_at(START_MS)) + 1),
            release=self._founding.charter.release,
            epochs=(),
            fuel=(1,) if is_call else (),
            governance=tuple(each.admit(context) for each in admitted),
        )
        number = core.sequence.to_bytes(4, "big")
        effect = Put("notes", self.who.device[:8] + number, number * 25)
        payload = Payload((), (), ())
        if is_call:
            payload = Payload((Call("change", b"{}"),), ((effect,),), ((),))
        self._last = make_delta(context, core, encode_payload(payload), self.who.signer)
        return self._last


def _governance(last: Delta | None, after: Delta | None) -> tuple[DeltaId, ...]:
    if last is None:
        return () if after is None else (after.id,)
    return (last.id,) if last.core.governance else last.core.gov_parents


def _talk(one: Side, other: Side) -> tuple[int, int, int]:
    """Half-rounds until both fall silent, bytes of frames without deltas, and with them."""
    rounds = asked_bytes = all_bytes = 0
    speaker, listener = one, other
    while one.out or other.out:
        if speaker.out:
            rounds += 1
            said, speaker.out = speaker.out, deque()
            for frame in said:
                all_bytes += len(frame)
                asked_bytes += 0 if isinstance(decode_frame(frame), DeltasFrame) else len(frame)
                listener.tell(FrameArrived(frame))
        speaker, listener = listener, speaker
    return rounds, asked_bytes, all_bytes


def _history(founding: Founding, founder: Identity, devices: int, deltas: int) -> list[Delta]:
    members = [identity(f"member {number}") for number in range(devices)]
    admin = _Author(founding, founder)
    admissions = [
        admin.write(None, *members[start : start + _ADMITTED_AT_ONCE])
        for start in range(0, devices, _ADMITTED_AT_ONCE)
    ]
    authors = [_Author(founding, member) for member in members]
    return admissions + [
        authors[number % devices].write(admissions[-1])
        for number in range(deltas - len(admissions))
    ]


def measure(deltas: int, devices: int, missing: int) -> dict[str, object]:
    """Two nodes that were in agreement; then one has `missing` deltas of as many devices more."""
    founder = identity("founder")
    founding = found(founder)
    history = _history(founding, founder, devices, deltas)
    last = list({delta.core.author: delta for delta in history}.values())[1:]
    some = history[-missing:]
    if len(last) >= missing:
        some = random.Random(1).sample(last, missing)  # noqa: S311 - no secret
    withheld = {delta.id for delta in some}
    one, other = (
        Side(PeerId(name), PeerId(peer), founding, who, Stage(founding, who))
        for name, peer, who in (("a", "b", founder), ("b", "a", identity("member 0")))
    )
    assert one.stage is not None
    assert other.stage is not None
    for delta in history:
        if delta.id not in withheld:
            one.stage.receive(delta)
            other.stage.receive(delta)
    one.take(one.session.start())
    other.take(other.session.start())
    _talk(one, other)
    one.stage.receive(*(delta for delta in history if delta.id in withheld))
    one.now += _SETTLED_S
    one.tell(Tick())
    begun = time.process_time()
    rounds, asked, total = _talk(one, other)
    cpu_s = time.process_time() - begun
    equal = one.stage.replica.ledger.digest() == other.stage.replica.ledger.digest()
    assert equal, "the two did not come to agree"
    return {
        "name": "covey-missing",
        "deltas": deltas,
        "devices": devices,
        "missing": missing,
        "half_rounds": rounds,
        "bytes_without_deltas": asked,
        "bytes": total,
        "cpu_s": round(cpu_s, 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deltas", type=int, default=50_000)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--missing", type=int, default=10)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.deltas, asked.devices, asked.missing)))
