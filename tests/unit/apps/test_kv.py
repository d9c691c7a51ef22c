"""apps/kv: every method, its refusals and limits; the strictness of the SDK's JSON reader."""

from __future__ import annotations

import json
import random

import pytest


@pytest.fixture
def kv(open_guest):
    return open_guest("kv")


def test_value_written_is_read_back(kv):
    assert kv.call("set", {"key": "a", "value": "1"}) == {}
    assert kv.call("get", {"key": "a"}) == {"value": "1"}


def test_absent_key_reads_as_null(kv):
    """A reader tells "empty" from "not there"."""
    kv.call("set", {"key": "empty", "value": ""})
    assert kv.call("get", {"key": "empty"}) == {"value": ""}
    assert kv.call("get", {"key": "nothing"}) == {"value": None}


def test_remove_says_whether_something_was_there(kv):
    kv.call("set", {"key": "a", "value": "1"})
    assert kv.call("remove", {"key": "a"}) == {"removed": True}
    assert kv.call("remove", {"key": "a"}) == {"removed": False}
    assert kv.state == {}


def test_entries_pages_cover_everything_once(kv):
    keys = [f"k{number:03}" for number in range(250)]
    for key in random.Random(1).sample(keys, len(keys)):
        kv.call("set", {"key": key, "value": key * 3})
    seen, after = [], ""
    while True:
        page = kv.call("entries", {"after": after, "limit": 60})
        seen += [entry["key"] for entry in page["entries"]]
        if not page["more"]:
            break
        after = seen[-1]
    assert seen == keys


def test_full_last_page_says_there_is_no_more(kv):
    """A caller that trusts `more` must not be sent for an empty page."""
    for key in "abc":
        kv.call("set", {"key": key, "value": ""})
    assert kv.call("entries", {"limit": 3})["more"] is False
    assert kv.call("entries", {"limit": 2})["more"] is True


def test_entries_keep_to_a_prefix(kv):
    for key in ("a", "b", "b1", "b2", "c"):
        kv.call("set", {"key": key, "value": key})
    page = kv.call("entries", {"prefix": "b", "after": "b"})
    assert page == {
        "entries": [{"key": "b1", "value": "b1"}, {"key": "b2", "value": "b2"}],
        "more": False,
    }


def test_page_of_large_values_ends_early(kv):
    """A thousand values of 64 KiB do not fit into a guest's memory: the page ends early."""
    for number in range(40):
        kv.call("set", {"key": f"{number:02}", "value": "x" * 65536})
    page = kv.call("entries", {"limit": 1000})
    assert page["more"] is True
    assert 1 <= len(page["entries"]) < 40


@pytest.mark.parametrize(
    "text",
    ["", "ascii", 'quotes " and \\ back', "line\nbreak\ttab\r\b\f", "nul \0 \x1f \x7f", "Zoë",
     "日本語", "🦆🏳️‍🌈", "\u2028\ufeff\ufffd\uffff", "\U0010ffff", "e\u0301"],
)  # fmt: skip
@pytest.mark.parametrize("ascii_only", [True, False])
def test_any_unicode_survives(kv, text, ascii_only):
    """Both spellings, escaped and raw, mean one text, as key and as value."""
    args = {"key": "k" + text, "value": text}
    kv.call_raw("set", json.dumps(args, ensure_ascii=ascii_only).encode())
    assert kv.state == {(b"entries", args["key"].encode()): text.encode()}
    assert kv.call("entries", {})["entries"] == [args]


def test_key_and_value_limits_are_exact(kv, harness):
    kv.call("set", {"key": "k" * 256, "value": "v" * 65536})
    assert kv.call("get", {"key": "k" * 256}) == {"value": "v" * 65536}
    kv.call("set", {"key": "é" * 128, "value": ""})
    for args in (
        {"key": "", "value": ""},
        {"key": "k" * 257, "value": ""},
        {"key": "é" * 129, "value": ""},
        {"key": "k", "value": "v" * 65537},
    ):
        with pytest.raises(harness.Failed, match=r"must be a string of \d+ to \d+ bytes"):
            kv.call("set", args)
    assert len(kv.state) == 2


@pytest.mark.parametrize(
    ("method", "args", "message"),
    [
        ("set", {"key": "a"}, "argument 'value' is missing"),
        ("set", {"key": "a", "value": 1}, "argument 'value' must be a string of 0 to 65536 bytes"),
        ("set", {"key": "a", "value": "", "ttl": 1}, "argument 'ttl' is unknown"),
        ("set", ["a", "1"], "the arguments must be a JSON object"),
        ("get", {}, "argument 'key' is missing"),
        ("get", {"key": None}, "argument 'key' must be a string of 1 to 256 bytes"),
        ("entries", {"limit": 0}, "argument 'limit' must be a whole number from 1 to 1000"),
        ("entries", {"limit": 1001}, "argument 'limit' must be a whole number from 1 to 1000"),
        ("entries", {"limit": "5"}, "argument 'limit' must be a whole number from 1 to 1000"),
    ],
)
def test_wrong_arguments_are_refused_by_name(kv, harness, method, args, message):
    with pytest.raises(harness.Failed) as refusal:
        kv.call(method, args)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "text",
    [
        b"{", b"}", b"{}{}", b"{} x", b"nul", b"[1,]", b'{"key":"a",}', b"{'key':1}",
        b'{"key" "a"}', b'{"key":"a","key":"b"}', b'{"key":"a', b'{"key":"a\\', b'{"key":"\\x41"}',
        b'{"key":"\\u12"}', b'{"key":"\\ud800"}', b'{"key":"\\ud800\\u0041"}', b'{"key":"\\udc00"}',
        b'{"key":"\n"}', b'{"key":"\xff"}', b'{"key":"\xc0\x80"}', b'{"key":"\xed\xa0\x80"}',
        b'{"key":"\xf4\x90\x80\x80"}', b'{"key":"\xe2\x82"}', b'{"key":1.5}', b'{"key":1e3}',
        b'{"key":01}', b'{"key":-}', b'{"key":+1}', b'{"key":9223372036854775808}',
        b'{"key":-9223372036854775809}', b"\xef\xbb\xbf{}", b"[" * 33 + b"]" * 33, b"[" * 100_000,
        b'{"a":' * 5000, b"{" + b",".join(b'"%d":1' % n for n in range(257)) + b"}",
    ],
)  # fmt: skip
def test_malformed_input_is_refused_with_its_place(kv, harness, text):
    """Whatever the bytes, a guest answers with a message and never traps."""
    with pytest.raises(
        harness.Failed, match=r"the arguments are not acceptable JSON: .* at byte \d+"
    ):
        kv.call_raw("get", text)


def test_deepest_nesting_fits_the_stack(kv, harness):
    """The reader recurses; at its limit it must still be far from the end of the 16 KiB stack."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(harness.Failed, match="argument 'x' is unknown"):
            kv.call_raw("get", b'{"x":' + opening * 31 + b"1" + closing * 31 + b"}")


def test_no_input_counts_as_no_arguments(kv):
    assert kv.call_raw("entries", b"") == {"entries": [], "more": False}
    assert kv.call_raw("entries", b" \r\n\t{ } ") == {"entries": [], "more": False}


def test_random_damage_never_traps(kv, harness):
    """Damaged input is either the same to Python's reader too, or refused; nothing else happens."""
    rng = random.Random(7)
    whole = '{"key": "a\\u00e9\\ud83e\\udd86é🦆\\n", "value": "1"}'.encode()
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(damaged))
            match rng.randrange(3):
                case 0:
                    damaged[at] = rng.randrange(256)
                case 1:
                    del damaged[at]
                case _:
                    damaged.insert(at, rng.choice(b'"\\{}[]:,u0\x80'))
        try:
            kv.call_raw("set", bytes(damaged))
        except harness.Failed:
            refused += 1
        else:
            args = json.loads(damaged.decode())
            assert kv.state[b"entries", args["key"].encode()] == args["value"].encode()
    assert 200 < refused < 400


def test_state_that_is_no_text_still_makes_readable_results(kv):
    """A doctored node may write any bytes; others must still be able to list the context."""
    kv.state[b"entries", b"\xff\xfe"] = b"ok \xc3("
    assert kv.call("entries", {})["entries"] == [{"key": "\ufffd\ufffd", "value": "ok \ufffd("}]


def test_scan_takes_a_record_larger_than_its_page(kv):
    kv.state[b"entries", b"a"] = b"x" * 100_000
    kv.state[b"entries", b"b"] = b"y"
    values = [entry["value"] for entry in kv.call("entries", {})["entries"]]
    assert values == ["x" * 100_000, "y"]
