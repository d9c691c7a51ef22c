"""The vectors of meaning: what histories make, and which deltas their cut allows."""

from __future__ import annotations

import hashlib
import random
import re
import struct

import pytest

from covey.codec import decode_charter, decode_delta, is_delta_signed
from covey.merge import StateReader, decode_entry, live_total
from covey.model import Collection, Denied, PeerId, Rule, Table
from covey.store import MemoryStore
from covey.sync import Admissible
from covey.testkit.identities import Founding, identity
from covey.testkit.playbook import Stage
from tests.vectors.files import FOLDER, hashed, invalid, load, message, packed, valid

raw = bytes.fromhex
EVE = identity("eve")
PEER = PeerId("a peer")


def founding_of(case) -> Founding:
    """The context of a case, from its bytes alone."""
    collections = tuple(Collection(n, Rule(r), tuple(roles)) for n, r, roles in case["collections"])
    packed_charter = raw(case["charter"])
    return Founding(
        decode_charter(packed_charter), packed_charter, raw(case["context"]), collections
    )


def deltas_of(case) -> list:
    """The deltas of a case, their signatures checked."""
    context = raw(case["context"])
    deltas = [decode_delta(context, raw(frame)) for frame in case["deltas"]]
    assert all(is_delta_signed(context, delta) for delta in deltas)
    return deltas


@valid("merge")
@pytest.mark.parametrize("seed", range(4))
def test_history_makes_this_state_in_any_order(case, seed: int):
    """The first promise, for everybody who implements it."""
    founding, deltas = founding_of(case), deltas_of(case)
    stage = Stage(founding, EVE, store=MemoryStore())
    rng = random.Random(seed)
    for _ in range(len(deltas) if seed else 1):
        if seed:
            rng.shuffle(deltas)
        stage.receive(*deltas)
    ledger = stage.replica.ledger
    assert ledger.count == len(deltas)
    assert [
        [d.hex(), [[t.sequence, t.id.hex()] for t in ledger.frontier[d]]]
        for d in sorted(ledger.frontier)
    ] == case["frontier"]
    assert sorted(head.hex() for head in ledger.heads) == case["heads"]
    assert ledger.digest().hex() == case["state_digest"]
    _check_rows(case, ledger, founding)


def _check_rows(case, ledger, founding: Founding) -> None:
    rules = {c.name: c.rule for c in founding.collections}
    entries, counters = [], []
    for (name, key), row in ledger.view.scan(Table.ENTRY):
        collection = name.decode()
        if rules[collection] is Rule.COUNTER:
            counters.append([collection, key.hex(), str(live_total(ledger.view, (name, key)))])
            continue
        entry = decode_entry(row)
        stamp = entry.stamp
        entries.append([collection, key.hex(), entry.value.hex(), str(stamp.time),
                        stamp.delta.hex(), stamp.index])  # fmt: skip
    assert (entries, counters) == (case["entries"], case["counters"])
    reader = StateReader(ledger.view, founding.collections)
    for collection, key, total in case["counters"]:
        clamped = max(-(2**63), min(2**63 - 1, int(total)))
        value = reader.get(collection, raw(key))
        assert value == clamped.to_bytes(8, "little", signed=True)


@valid("merge")
def test_elements_are_those_of_the_outcome(case):
    """The digest is the hash of the sum of these elements, and they follow from the rest."""
    release = decode_charter(raw(case["charter"])).release
    elements = [
        *(packed(1, c, raw(k), raw(v), int(t), raw(d), n) for c, k, v, t, d, n in case["entries"]),
        *(
            packed(2, c, raw(k), int(total).to_bytes(16, "big", signed=True))
            for c, k, total in case["counters"]
        ),
        *(packed(3, raw(device), raw(member)) for device, member in case["members"]),
        packed(4, release),
        *(packed(6, raw(device), role) for device, role in case["roles"]),
    ]
    assert sorted(e.hex() for e in elements) == case["elements"]
    lanes = [0] * 1024
    for element in elements:
        drawn = hashlib.shake_128(message("covey/element/1", element)).digest(2048)
        lanes = [
            (a + b) % 65_536 for a, b in zip(lanes, struct.unpack(">1024H", drawn), strict=True)
        ]
    total = struct.pack(">1024H", *lanes)
    assert hashed("covey/digest/1", raw(case["context"]), total).hex() == case["state_digest"]


BASE = load("admissibility")["valid"][0]


@pytest.fixture
def stage() -> Stage:
    """A node that holds the base of the admissibility vectors."""
    made = Stage(founding_of(BASE), EVE)
    made.receive(*deltas_of(BASE))
    assert made.replica.ledger.count == len(BASE["deltas"])
    return made


def judged(stage: Stage, case):
    """The word on the delta of a case, whose signature is good in every one."""
    delta = decode_delta(raw(case["context"]), raw(case["frame"]))
    assert is_delta_signed(raw(case["context"]), delta)
    return stage.replica.judge.judge(delta, int(stage.now * 1000))


@valid("admissibility")
def test_delta_is_admissible(stage: Stage, case):
    """At its own cut."""
    if case is not BASE and "frame" in case:
        assert isinstance(judged(stage, case), Admissible)


@invalid("admissibility")
def test_delta_is_inadmissible(stage: Stage, case):
    """With this code, on every node, for ever."""
    for frame in case.get("refused", ()):
        assert isinstance(judged(stage, {**case, "frame": frame}), Denied)
    answer = judged(stage, case)
    assert isinstance(answer, Denied)
    assert answer.code == case["code"]


# -- budgets -------------------------------------------------------------------------------------

_AN_HOUR_LATER_S = 3_700


def metered(case) -> tuple[Stage, list]:
    """A node that applied all but the last delta of a case, each leaving what it says."""
    founding, deltas = founding_of(case), deltas_of(case)
    stage = Stage(founding, EVE, store=MemoryStore())
    stage.now += _AN_HOUR_LATER_S
    for delta, left in zip(deltas[:-1], case["left"], strict=False):
        stage.receive(delta)
        assert stage.replica.ledger.bucket(delta.id, delta.core.time) == left
    assert stage.replica.ledger.count == len(deltas) - 1
    return stage, deltas


@valid("budget")
def test_bucket_has_room_for_the_last_delta(case):
    """And what is left of it is the same on every node."""
    stage, deltas = metered(case)
    last = deltas[-1]
    stage.receive(last)
    assert stage.replica.ledger.is_applied(last.id)
    assert stage.replica.ledger.bucket(last.id, last.core.time) == case["left"][-1]
    assert len(case["left"]) == len(deltas)


@invalid("budget")
def test_bucket_has_no_room_for_the_last_delta(case):
    """By one at least, on every node, for ever."""
    stage, deltas = metered(case)
    answer = stage.replica.judge.judge(deltas[-1], int(stage.now * 1000))
    assert isinstance(answer, Denied)
    assert answer.code == case["code"] == "over-budget"


def test_every_code_of_the_rules_is_given():
    """Each is the answer to one vector at least, in the files that judge."""
    text = (FOLDER.parent / "rules.md").read_text("utf-8")
    cells = [line.split("|")[-2] for line in text.splitlines() if line.startswith("|")]
    codes = {code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)}
    files = ("admissibility", "budget", "governance", "replay")
    given = {case["code"] for name in files for case in load(name)["invalid"]}
    assert len(codes) > 20
    assert codes - given == BY_DECODERS
    assert "follows-refused" in given


BY_DECODERS = {"too-large", "overflow"}
"""In a payload that decodes neither comes up: `payload.json` has what does not."""
