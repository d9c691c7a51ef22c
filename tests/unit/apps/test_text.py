"""apps/text: the committed module over a dict agrees with recordings, and refuses what is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from covey.testkit.trace import Mirror, expected_text, invent_trace, load_trace, stretches

DATA = Path(__file__).parents[3] / "data" / "friendsforever.json.gz"
ADA, BEN, EVE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
COUNTER_MAX = 2**53 - 1


@pytest.fixture
def text(open_guest):
    return open_guest("text")


@pytest.fixture(scope="module")
def recorded():
    return load_trace(DATA)


def edit(guest, member, *ops):
    guest.member = member
    return guest.call("edit", {"ops": ops})


def read(guest):
    return guest.call("text", {})["text"]


def be64(counter):
    return counter.to_bytes(8, "big")


def chars(member, counter):
    return (b"chars", member + be64(counter))


# -- recordings ----------------------------------------------------------------------------------


def test_recorded_prefix_ends_with_the_replayed_text(text, recorded):
    """One transaction is one call, as in the demo."""
    for made in Mirror(recorded, [ADA, BEN]).edits(2_000):
        edit(text, (ADA, BEN)[made.agent], *made.args["ops"])
    assert read(text) == expected_text(recorded, 2_000)


def test_whole_recording_ends_with_the_published_document(text, recorded):
    """A call for each stretch, in the order in which they hand over."""
    edits = list(Mirror(recorded, [ADA, BEN]).edits())
    for stretch in stretches(recorded):
        ops = [op for index in stretch.transactions for op in edits[index].args["ops"]]
        edit(text, (ADA, BEN)[stretch.agent], *ops)
    assert read(text) == recorded.end_text
    assert text.call("length", {}) == {"length": len(recorded.end_text)}


@pytest.mark.parametrize("seed", range(6))
def test_invented_session_ends_as_its_people_saw_it(text, seed):
    """Pastes over several runs, deletes across them, siblings with equal counters."""
    rng = random.Random(seed)
    trace = invent_trace(rng, agents=rng.randint(2, 5), transactions=50)
    members = [bytes([agent + 1]) * 32 for agent in range(trace.agents)]
    for made in Mirror(trace, members).edits():
        edit(text, members[made.agent], *made.args["ops"])
    assert read(text) == trace.end_text


def test_hundred_thousand_single_characters_fit(text):
    """Typed backwards and forwards: the deepest and the widest tree, in 16 MiB of memory."""
    for counter in range(1, 50_001):
        text.state[chars(ADA, counter)] = b"\x08" + be64(counter - 1) + b"a"
        text.state[chars(BEN, counter)] = b"\x00b"
    text.state[chars(ADA, 1)] = b"\x00a"
    found = read(text)
    assert len(found) == 100_000
    # Of the first characters, with equal counters, the greater member's stands first.
    assert found == "b" * 50_000 + "a" * 50_000


# -- edit ----------------------------------------------------------------------------------------


def test_run_is_one_entry_with_its_origin(text):
    """The stored form, which other programs may read."""
    assert edit(text, ADA, ["i", 1, 0, "héllo"]) == {}
    edit(text, ADA, ["i", 6, 5, "!"])
    edit(text, BEN, ["i", 7, [ADA.hex(), 2], "x"])
    edit(text, BEN, ["d", [ADA.hex(), 3], 2])
    assert text.state == {
        chars(ADA, 1): b"\x00h\xc3\xa9llo",
        chars(ADA, 6): b"\x08" + be64(5) + b"!",
        chars(BEN, 7): b"\x28" + ADA + be64(2) + b"x",
        (b"gone", BEN + ADA + be64(3)): b"\x00\x02",
    }
    assert read(text) == "héxo!"


def test_long_insert_becomes_runs_that_stand_one_after_another(text):
    edit(text, ADA, ["i", 1, 0, "😀" * 700])
    assert sorted(text.state) == [chars(ADA, 1), chars(ADA, 257), chars(ADA, 513)]
    edit(text, BEN, ["i", 701, [ADA.hex(), 600], "|"], ["d", [ADA.hex(), 200], 400])
    assert read(text) == "😀" * 200 + "|" + "😀" * 100


def test_siblings_stand_in_descending_order_of_counter_and_member(text):
    edit(text, ADA, ["i", 1, 0, "a"])
    edit(text, BEN, ["i", 2, [ADA.hex(), 1], "b"])
    edit(text, ADA, ["i", 2, 1, "c"])
    edit(text, EVE, ["i", 3, [ADA.hex(), 1], "e"])
    assert read(text) == "aebc"


def test_child_inside_a_run_may_follow_its_rest(text):
    """Equal counters: the run goes on first where its own member is the greater."""
    edit(text, BEN, ["i", 1, 0, "xyz"])
    edit(text, ADA, ["i", 2, [BEN.hex(), 1], "-"])
    edit(text, EVE, ["i", 2, [BEN.hex(), 1], "+"])
    assert read(text) == "x+yz-"


def test_operations_may_refer_to_earlier_ones_of_the_call(text):
    edit(text, ADA, ["i", 1, 0, "abc"], ["i", 4, 2, "x"], ["d", 2, 1], ["i", 5, 4, "y"])
    assert read(text) == "axyc"


def test_deleting_again_changes_nothing(text):
    """An entry of `gone` is frozen: a second put of it would be refused by every node."""
    edit(text, ADA, ["i", 1, 0, "abcdef"])
    edit(text, ADA, ["d", 2, 2])
    held = dict(text.state)
    edit(text, ADA, ["d", 2, 1])
    edit(text, ADA, ["d", 2, 2])
    assert text.state == held
    edit(text, ADA, ["d", 2, 4])
    assert text.state.keys() - held.keys() == {(b"gone", ADA + ADA + be64(4))}
    assert read(text) == "af"


def test_counter_is_used_once(text, harness):
    edit(text, ADA, ["i", 1, 0, "a"])
    with pytest.raises(harness.Failed, match="the counter of an insert is already used"):
        edit(text, ADA, ["i", 1, 0, "b"])
    edit(text, BEN, ["i", 1, 0, "b"])
    assert read(text) == "ba"


def test_two_members_may_delete_one_element(text):
    edit(text, ADA, ["i", 1, 0, "abc"])
    edit(text, ADA, ["d", 2, 1])
    edit(text, BEN, ["d", [ADA.hex(), 1], 2])
    assert read(text) == "c"


FORM = "an element is 0 (the start), a counter of your own, or [member, counter]"


@pytest.mark.parametrize(
    ("ops", "message"),
    [
        ([["x"]], 'an operation is an array that begins with "i" or "d"'),
        ([[]], 'an operation is an array that begins with "i" or "d"'),
        (["i"], 'an operation is an array that begins with "i" or "d"'),
        ([["i", 9, 0]], 'an insert is ["i", counter, element, text]'),
        ([["i", 9, 0, ""]], 'an insert is ["i", counter, element, text]'),
        ([["i", 0, 0, "x"]], 'an insert is ["i", counter, element, text]'),
        ([["i", "9", 0, "x"]], 'an insert is ["i", counter, element, text]'),
        ([["i", 2**53, 0, "x"]], 'an insert is ["i", counter, element, text]'),
        ([["i", COUNTER_MAX, 0, "x"]], "a counter is too great"),
        ([["i", 9, -1, "x"]], FORM),
        ([["i", 9, None, "x"]], FORM),
        ([["i", 9, [ADA.hex()], "x"]], FORM),
        ([["i", 9, [ADA.hex()[1:], 1], "x"]], FORM),
        ([["i", 9, ["z" * 64, 1], "x"]], FORM),
        ([["i", 9, [ADA.hex(), 0], "x"]], FORM),
        ([["i", 9, 5, "x"]], "there is no such element to insert after"),
        ([["i", 9, [BEN.hex(), 1], "x"]], "there is no such element to insert after"),
        ([["i", 5, [ADA.hex(), 5], "x"]], "a counter must be greater than that of the element"),
        ([["i", 1, 0, "x"]], "the counters of inserts must ascend within a call"),
        (
            [["i", 9, 3, "xy"], ["i", 10, 0, "z"]],
            "the counters of inserts must ascend within a call",
        ),
        ([["d", 1]], 'a delete is ["d", element, count]'),
        ([["d", 0, 1]], "the start of the document cannot be deleted"),
        ([["d", 1, 0]], 'a delete is ["d", element, count], with a count from 1 to 65536'),
        ([["d", 1, 65537]], 'a delete is ["d", element, count], with a count from 1 to 65536'),
        ([["d", 5, 1]], "there is no such element to delete"),
        ([["d", 2, 4]], "there is no such element to delete"),
        ([["d", [BEN.hex(), 1], 1]], "there is no such element to delete"),
        ([["i", 9, 0, "x" * 262_145]], "the text of one insert is beyond 256 KiB"),
        ([["d", 1, 1]] * 4_097, "argument 'ops' must be an array of 0 to 4096 elements"),
    ],
)
def test_wrong_operation_refuses_the_whole_call(text, harness, ops, message):
    edit(text, ADA, ["i", 1, 0, "abc"])
    held = dict(text.state)
    with pytest.raises(harness.Failed) as refusal:
        edit(text, ADA, ["i", 4, 3, "!"], *ops)
    assert str(refusal.value) == message
    assert text.state == held


# -- by position ---------------------------------------------------------------------------------


def test_person_edits_by_position(text):
    """The commands of the README."""
    text.member = ADA
    assert text.call("insert", {"position": 0, "text": "Hello world"}) == {"counter": 1}
    assert text.call("insert", {"position": 5, "text": ","}) == {"counter": 12}
    assert text.call("remove", {"position": 7, "length": 5}) == {}
    assert read(text) == "Hello, "


@pytest.mark.parametrize("seed", range(3))
def test_edits_by_position_agree_with_a_string(text, seed):
    """Splices by changing members, also inside runs and across them, in code points."""
    rng, plain = random.Random(seed), ""
    for _ in range(60):
        text.member = rng.choice((ADA, BEN, EVE))
        position = rng.randint(0, len(plain))
        if plain[position:] and rng.random() < 0.4:
            length = rng.randint(1, min(9, len(plain) - position))
            text.call("remove", {"position": position, "length": length})
            plain = plain[:position] + plain[position + length :]
        else:
            added = "".join(rng.choices('ab"\\\n\x01é€😀', k=rng.choice((1, 3, 400))))
            text.call("insert", {"position": position, "text": added})
            plain = plain[:position] + added + plain[position:]
        assert read(text) == plain
    assert text.call("length", {}) == {"length": len(plain)}


def test_position_beyond_the_end_is_refused(text, harness):
    text.call("insert", {"position": 0, "text": "ab"})
    for method, args, message in (
        ("insert", {"position": 3, "text": "x"}, "the position is beyond the end of the document"),
        ("remove", {"position": 3, "length": 1}, "the position is beyond the end of the document"),
        (
            "remove",
            {"position": 1, "length": 2},
            "the length reaches beyond the end of the document",
        ),
        ("elements", {"position": 3}, "the position is beyond the end of the document"),
    ):
        with pytest.raises(harness.Failed) as refusal:
            text.call(method, args)
        assert str(refusal.value) == message
    assert read(text) == "ab"


def test_elements_give_ids_for_edit(text):
    edit(text, ADA, ["i", 1, 0, "ab"], ["i", 3, 2, "cd"])
    edit(text, BEN, ["i", 5, [ADA.hex(), 2], "X"])
    assert text.call("elements", {}) == {
        "next_counter": 6,
        "elements": [[ADA.hex(), 1, "ab"], [BEN.hex(), 5, "X"], [ADA.hex(), 3, "cd"]],
    }
    assert text.call("elements", {"position": 1, "limit": 3})["elements"] == [
        [ADA.hex(), 2, "b"],
        [BEN.hex(), 5, "X"],
        [ADA.hex(), 3, "c"],
    ]


def test_successive_runs_of_one_member_are_one_element_of_the_answer(text):
    edit(text, ADA, ["i", 1, 0, "a"], ["i", 2, 1, "b"], ["i", 3, 2, "c"])
    assert text.call("elements", {})["elements"] == [[ADA.hex(), 1, "abc"]]
    text.call("remove", {"position": 0, "length": 3})
    assert sum(collection == b"gone" for collection, _ in text.state) == 1


def test_member_with_the_greatest_counter_blocks_nobody(text):
    """A spoiler's counter leaves none greater: others go on above their own."""
    edit(text, ADA, ["i", 1, 0, "ab"])
    text.state[chars(EVE, COUNTER_MAX)] = b"\x00!"
    text.member = BEN
    text.call("insert", {"position": 2, "text": "x"})
    assert read(text) == "!axb"


# -- state that this application never wrote ------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", b"\x00x"),
        (EVE + b"\x00" * 7, b"\x00x"),
        (EVE + be64(9), b""),
        (EVE + be64(9), b"\x00"),
        (EVE + be64(9), b"\x07" + b"\x00" * 7 + b"x"),
        (EVE + be64(9), b"\x28" + ADA),
        (EVE + be64(9), b"\x08" + be64(9) + b"x"),
        (EVE + be64(9), b"\x08" + be64(2**63) + b"x"),
        (EVE + be64(0), b"\x00x"),
        (EVE + be64(2**64 - 1), b"\x00x"),
        (EVE + be64(9), b"\x00\xff"),
        (EVE + be64(9), b"\x00" + b"x" * 257),
        (EVE + be64(9), b"\x00" + b"x" * 100_000),
    ],
)
def test_entry_of_another_form_is_passed_over(text, key, value):
    """A doctored node may write under its own member key; others still read the rest."""
    edit(text, ADA, ["i", 1, 0, "abc"])
    text.state[(b"chars", key)] = value
    assert read(text) == "abc"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", b"\x00\x01"),
        (EVE + ADA + be64(1), b""),
        (EVE + ADA + be64(1), b"\x00\x00"),
        (EVE + EVE + be64(1), b"\x00\x01"),
        (EVE + ADA + be64(2**64 - 1), b"\xff\xff"),
        (EVE + ADA + be64(4), b"\xff\xff"),
    ],
)
def test_deletion_of_another_form_is_passed_over(text, key, value):
    edit(text, ADA, ["i", 1, 0, "abc"])
    text.state[(b"gone", key)] = value
    assert read(text) == "abc"


def test_origin_that_is_not_there_loses_no_text(text):
    """Two devices of one member used one counter, and only one of the two entries stayed."""
    edit(text, ADA, ["i", 1, 0, "ab"])
    text.state[chars(BEN, 9)] = b"\x28" + ADA + be64(7) + b"x"
    text.state[chars(EVE, 9)] = b"\x28" + (b"\x09" * 32) + be64(1) + b"y"
    assert read(text) == "yabx"


def test_many_members_write_one_text(text):
    """More than the table of members holds at first."""
    for number in range(300):
        member = number.to_bytes(2, "big") * 16
        text.state[chars(member, 1)] = b"\x00" + b"%03d " % number
    assert read(text) == "".join(f"{number:03} " for number in reversed(range(300)))
