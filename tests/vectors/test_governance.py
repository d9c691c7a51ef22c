"""The vectors of governance: how effects are encoded, what histories come to, what is refused."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import msgpack
import pytest

from covey.codec import (
    cid_of,
    constraint_packed,
    decode_charter,
    decode_delta,
    decode_manifest,
    is_delta_signed,
    pack,
    unpack,
)
from covey.codec.governance import governance_of, governance_packed
from covey.errors import ProtocolViolation
from covey.governance import devices
from covey.model import Admit, Denied, Table
from covey.rules import silent_tips
from covey.store import MemoryStore
from covey.testkit.identities import Founding, identity
from covey.testkit.playbook import Stage
from tests.vectors.files import FOLDER, invalid, load, packed, valid, value_of

raw = bytes.fromhex
EVE = identity("eve")
ALL = load("governance")
BASE = ALL["valid"][0]
SPECIFICATION = (FOLDER.parent / "governance.md").read_text("utf-8")
_NOW_MS = 1_760_000_000_000


# -- encoding ----------------------------------------------------------------------------------


@valid("effect")
def test_effect_is_this(case):
    """Both ways, and as plain MessagePack."""
    encoded = raw(case["encoded"])
    effect = governance_of(unpack(encoded, len(encoded)))
    assert pack(governance_packed(effect)) == encoded == packed(*value_of(case["fields"]))


@invalid("effect")
def test_effect_is_refused(case):
    """Before any cut is looked at."""
    encoded = raw(case["encoded"])
    with pytest.raises(ProtocolViolation) as caught:
        governance_of(unpack(encoded, len(encoded)))
    assert caught.value.code == case["code"]


def test_every_kind_has_vectors_of_both_sorts():
    """None of protocols/governance.md is left out."""
    kinds = {int(kind) for kind in re.findall(r"^\| (\d+) \|", SPECIFICATION, re.MULTILINE)}
    told = {case["fields"][0]["int"] for case in load("effect")["valid"]}
    assert {int(kind) for kind in told} == kinds == set(range(1, 11))
    firsts = set()
    for case in load("effect")["invalid"]:
        shown = msgpack.unpackb(raw(case["encoded"]), use_list=False)
        firsts.update(shown[:1] if isinstance(shown, tuple) else ())
    assert kinds <= firsts


# -- judgement ---------------------------------------------------------------------------------


def staged(case) -> tuple[Stage, list]:
    """A node of the context of a case, and the deltas of it, their signatures checked."""
    context, charter = raw(case["context"]), raw(BASE["charters"][case["context"]])
    assert cid_of(charter) == context
    terms = decode_manifest(raw(BASE["manifest"])).terms
    founding = Founding(decode_charter(charter), charter, context, terms.collections)
    assert (founding.first, founding.charter.release) == (terms, cid_of(raw(BASE["manifest"])))
    made = [decode_delta(context, raw(frame)) for frame in case["deltas"]]
    assert all(is_delta_signed(context, delta) for delta in made)
    return Stage(founding, EVE, store=MemoryStore(), now=_NOW_MS / 1_000), made


def outcome(stage: Stage) -> dict[str, object]:
    """What a node says, as the vectors show it."""
    ledger = stage.replica.ledger
    authority, rule = ledger.authority, ledger.governor.rule(ledger.authority)
    members = sorted(devices(authority))
    silent = {tip.id for _, tip in silent_tips(ledger.view)}
    known = [*ledger.charter.admins, *(g.certificate for g in _admits(ledger))]
    return {
        "members": [[d.hex(), m.hex()] for d, m in members],
        "roles": [[d.hex(), role] for d, _ in members for role in sorted(authority.roles(d))],
        "closed": sorted({k.device.hex() for k in known if authority.is_closed(k.device)}),
        "silent": sorted(i.hex() for i in silent),
        "release": rule.release.hex(),
        "number": rule.number,
        "constraints": sorted(pack(constraint_packed(c)).hex() for c in rule.constraints),
        "state_digest": ledger.digest().hex(),
    }


def _admits(ledger) -> Iterator[Admit]:
    for _, name in ledger.view.scan(Table.LOG):
        for effect in ledger.governor.past.delta(name).core.governance:
            if isinstance(effect, Admit):
                yield effect


@valid("governance")
@pytest.mark.parametrize("seed", range(3))
def test_history_comes_to_this_in_any_order(case, seed: int):
    """As told, and shuffled: what waits for others is handed over again."""
    if case["name"] == "base":
        assert load("governance")["valid"].index(case) == 0
        return
    stage, deltas = staged(case)
    rng = random.Random(seed)
    for _ in range(len(deltas) if seed else 1):
        if seed:
            rng.shuffle(deltas)
        stage.receive(*deltas)
    assert stage.replica.ledger.count == len(deltas)
    expected = {key: case[key] for key in outcome(stage) if key != "silent"}
    assert outcome(stage) == {**expected, "silent": sorted([*case["void"], *case["mute"]])}
    void = stage.replica.ledger.authority.void
    assert {i.hex() for i in void} <= {*case["void"]}


@invalid("governance")
def test_last_delta_is_refused(case):
    """With this code, on every node, for ever; all before it are admissible."""
    stage, deltas = staged(case)
    stage.receive(*deltas[:-1])
    assert stage.replica.ledger.count == len(deltas) - 1
    answer = stage.replica.judge.judge(deltas[-1], _NOW_MS)
    assert isinstance(answer, Denied), answer
    assert answer.code == case["code"]


def test_every_code_of_the_specification_is_given():
    """Each is the answer to one history at least."""
    table = SPECIFICATION.partition("## When an effect is admissible")[2]
    rows = [line.split("|")[-2] for line in table.splitlines() if line.startswith("|")]
    codes = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert len(codes) > 30
    assert codes <= {case["code"] for case in ALL["invalid"]}


def test_at_least_as_many_invalid_as_valid():
    """In this file too."""
    for name in ("effect", "governance"):
        assert len(load(name)["invalid"]) >= len(load(name)["valid"])
