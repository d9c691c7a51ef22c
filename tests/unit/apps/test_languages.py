"""One application in four languages: the same calls give the same bytes in each.

The reference is the C one. Compared are results as bytes, messages of refusals, state and events;
fuel differs, as it does between any two modules.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

APPS_DIR = Path(__file__).parents[3] / "apps"
LANGUAGES = ("tally-zig", "tally-rust", "tally-assemblyscript")
AMOUNT_MAX = 2**53 - 1
MUTATIONS = 400

CALLS: list[tuple[str, object]] = [
    ("add", {"name": "pizza"}),
    ("add", {"name": "pizza", "amount": 5}),
    ("add", {"name": "pasta", "amount": -AMOUNT_MAX}),
    ("add", {"name": "é", "amount": AMOUNT_MAX}),
    ("add", {"name": "🦆", "amount": None}),
    ("add", {"name": 'quote " slash \\ tab \t nul \0 unit \x1f'}),
    ("add", {"name": "n" * 128}),
    ("add", {"name": "n" * 129}),
    ("add", {"name": ""}),
    ("add", {"name": 7}),
    ("add", {}),
    ("add", {"name": "pizza", "amount": AMOUNT_MAX + 1}),
    ("add", {"name": "pizza", "amount": -(2**63)}),
    ("add", {"name": "pizza", "amount": True}),
    ("add", {"name": "pizza", "by": 1}),
    ("read", {"name": "pizza"}),
    ("read", {"name": "nobody"}),
    ("totals", {}),
    ("totals", {"limit": 2}),
    ("totals", {"after": "pasta", "limit": 1000}),
    ("totals", {"after": ""}),
    ("totals", {"limit": 0}),
    ("totals", {"limit": None, "after": None}),
    ("totals", {"n" * 3000: 1}),
]

TEXTS = [
    b"", b" ", b"{}", b"[]", b"null", b"7", b"{", b'{"', b'{"a', b'{"a"', b'{"a":', b'{"a":1',
    b'{"a":1,', b'{"a":1,}', b'{"a":1 "b":2}', b"{a:1}", b'{"a":1}x', b'{"a":1,"a":2}', b'{"":1}',
    b'{"name":"\\u0041\\ud83e\\udd86\\n\\/"}', b'{"name":"\\ud83e"}', b'{"name":"\\ud83ex"}',
    b'{"name":"\\ud83e\\n"}', b'{"name":"\\ud83e\\u0041"}', b'{"name":"\\udd86"}',
    b'{"name":"\\u12"}', b'{"name":"\\u12G4"}', b'{"name":"\\x"}', b'{"name":"\\', b'{"name":"\\"',
    b'{"name":"\xff"}', b'{"name":"\xc3"}', b'{"name":"\xed\xa0\x80"}', b'{"name":"\xf0\x9f\xa6"}',
    b'{"name":"\n"}', b'{"name":"\0"}', b'\0{}', b'{"name":"a"}\0', b'\xef\xbb\xbf{}',
    b'{"name":"a","amount":01}', b'{"name":"a","amount":-0}', b'{"name":"a","amount":0}',
    b'{"name":"a","amount":-}', b'{"name":"a","amount":+1}', b'{"name":"a","amount":1.0}',
    b'{"name":"a","amount":1e2}', b'{"name":"a","amount":1E2}', b'{"name":"a","amount":.5}',
    b'{"name":"a","amount":9223372036854775807}', b'{"name":"a","amount":9223372036854775808}',
    b'{"name":"a","amount":-9223372036854775808}', b'{"name":"a","amount":-9223372036854775809}',
    b'{"name":"a","amount":99999999999999999999}', b'{"name":tru}', b'{"name":nulll}',
    b' \t\r\n{ "name" : "a" , "amount" : [ ] } ', b'{"name":{"a":{"a":[{},[],true,false]}}}',
    b"[" * 32 + b"]" * 32, b"[" * 33 + b"]" * 33, b"[" * 5000, b'{"a":' * 32 + b"1" + b"}" * 32,
    b"{" + b",".join(b'"%d":0' % i for i in range(256)) + b"}",
    b"{" + b",".join(b'"%d":0' % i for i in range(257)) + b"}",
    b"[" + b"0," * 20_000 + b"0]",
]  # fmt: skip


@pytest.fixture
def tallies(open_guest):
    return {name: open_guest(name) for name in ("tally", *LANGUAGES)}


def outcome(guest, harness, method, text):
    """What a call says, and what it leaves."""
    try:
        guest.call_raw(method, text)
        said = guest.output
    except harness.Failed as refusal:
        said = f"refused: {refusal}"
    return said, dict(guest.state), tuple(guest.events)


def assert_agreement(tallies, harness, method, text):
    expected = outcome(tallies["tally"], harness, method, text)
    for name in LANGUAGES:
        assert outcome(tallies[name], harness, method, text) == expected, (name, method, text)
    return expected[0]


def test_interface_is_one_in_every_language():
    """The copies of abi.json must not drift apart."""
    reference = (APPS_DIR / "tally" / "abi.json").read_bytes()
    assert [(APPS_DIR / name / "abi.json").read_bytes() for name in LANGUAGES] == [reference] * 3


def test_calls_agree_in_every_language(tallies, harness):
    said = [
        assert_agreement(tallies, harness, method, json.dumps(args, ensure_ascii=False).encode())
        for method, args in CALLS
    ]
    assert said[1] == b'{"total":6}'
    assert said[6] == b'{"total":1}'
    assert said[7] == "refused: argument 'name' must be a string of 1 to 128 bytes"
    assert said[17].count(b'"name"') == 6


@pytest.mark.parametrize("method", ["add", "read", "totals"])
def test_strange_arguments_agree_in_every_language(tallies, harness, method):
    """Readers that differ on the edge of the grammar would make two kinds of applications."""
    said = [assert_agreement(tallies, harness, method, text) for text in TEXTS]
    assert sum("refused" in str(one) for one in said) > len(TEXTS) // 2


def test_mutated_arguments_agree_in_every_language(tallies, harness):
    """Seeded: bytes flipped, dropped, doubled and swapped in arguments that were fine."""
    draw = random.Random(1)
    seeds = [b'{"name":"a\\u00e9\\n\xf0\x9f\xa6\x86","amount":-12}', b'{"after":"b","limit":3}']
    for _ in range(MUTATIONS):
        text = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(text))
            choice = draw.choice(b'{}[]",:\\u0\xe9\xf0 1-ed')
            text[at : at + draw.randint(0, 2)] = bytes([choice]) * draw.randint(0, 2)
        method = draw.choice(["add", "read", "totals"])
        assert_agreement(tallies, harness, method, bytes(text))


def test_scans_over_many_pages_agree_in_every_language(tallies, harness):
    """1,000 names of 128 bytes are nine pages of a scan, and memory that has to grow."""
    for guest in tallies.values():
        for i in range(1001):
            name = f"{i:0128}".encode()
            guest.state[b"totals", name] = (i * 7 - 99).to_bytes(8, "little", signed=True)
    said = assert_agreement(tallies, harness, "totals", b'{"limit":1000}')
    assert said.count(b'"name"') == 1000
    assert said.endswith(b'"more":true}')


@pytest.mark.parametrize("key", [b"\xff", b"a\x80b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"])
def test_keys_that_are_no_text_agree_in_every_language(tallies, harness, key):
    """A doctored node can write any key; the answer has to stay JSON."""
    for guest in tallies.values():
        guest.state[b"totals", key] = bytes(8)
    said = assert_agreement(tallies, harness, "totals", b"{}")
    assert "\ufffd".encode() in said


def test_counter_of_a_wrong_size_agrees_in_every_language(tallies, harness):
    for guest in tallies.values():
        guest.state[b"totals", b"a"] = b"short"
    said = assert_agreement(tallies, harness, "read", b'{"name":"a"}')
    assert said == "refused: a counter's value is not 8 bytes long"
