"""apps/sdk/probe: every function of the host, through the SDK of every language."""

from __future__ import annotations

import hashlib
import json

import base58
import pytest
from nacl.signing import SigningKey

from covey.cli.wasm_sections import read_interface

LANGUAGES = ("c", "zig", "rust", "assemblyscript")
SIGNER = SigningKey(b"\x07" * 32)
MESSAGE = 'an é, a 🦆, a "quote"'
ARGS = {
    "key": "clé",
    "value": "00fF10aB",
    "list": [1, -2, "three", None, {"four": []}],
    "flag": True,
    "message": MESSAGE,
    "signature": SIGNER.sign(MESSAGE.encode()).signature.hex(),
    "signer": SIGNER.verify_key.encode().hex(),
}


@pytest.fixture(params=LANGUAGES)
def probe(request, open_guest):
    return open_guest(f"sdk/probe/{request.param}")


def test_every_function_does_what_it_says(probe):
    """Expected values come from the interface, so that four equal mistakes would not pass."""
    mine = probe.member + "clé".encode()
    drawn = hashlib.shake_256((1).to_bytes(8, "big")).digest(8)
    assert probe.call("everything", ARGS) == {
        "member": "did:key:z" + base58.b58encode(b"\xed\x01" + probe.member).decode(),
        "device": "02" * 32,
        "context": "01711220" + "03" * 32,
        "time": 1_700_000_000_000,
        "random": drawn.hex(),
        "there": True,
        "gone": True,
        "count": -3,
        "sha256": hashlib.sha256(MESSAGE.encode()).hexdigest(),
        "verified": True,
        "flag": True,
        "characters": len(MESSAGE),
        "elements": [1, -2, None, None, None],
        "things": [mine.hex() + "00ff10ab"],
    }
    assert probe.state == {
        (b"things", mine): bytes.fromhex("00ff10ab"),
        (b"counts", "clé".encode()): (-3).to_bytes(8, "little", signed=True),
    }
    assert probe.events == [(b"touched", "clé".encode())]
    assert probe.lines == [b"probe"]


def test_all_functions_of_the_host_are_imported(probe):
    """A declaration with a wrong type or name would only show when somebody first uses it."""
    assert len(read_interface(probe.module).imports) == 18


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "00ff10a"}, "argument 'value' must be 8 hexadecimal digits"),
        ({"value": "00ff10ag"}, "argument 'value' must be 8 hexadecimal digits"),
        ({"flag": 1}, "argument 'flag' must be true or false"),
        ({"list": []}, "argument 'list' must be an array of 1 to 8 elements"),
        ({"list": {}}, "argument 'list' must be an array of 1 to 8 elements"),
        ({"list": [0] * 9}, "argument 'list' must be an array of 1 to 8 elements"),
    ],
)
def test_wrong_kinds_are_refused_alike(probe, harness, change, message):
    with pytest.raises(harness.Failed) as refusal:
        probe.call("everything", ARGS | change)
    assert str(refusal.value) == message
    assert probe.state == {}


def test_wrong_signature_is_no_signature(probe):
    said = probe.call("everything", ARGS | {"message": MESSAGE + "!"})
    assert said["verified"] is False


def test_results_are_the_same_bytes(open_guest):
    probes = [open_guest(f"sdk/probe/{language}") for language in LANGUAGES]
    for one in probes:
        one.call_raw("everything", json.dumps(ARGS).encode())
    assert len({one.output for one in probes}) == 1
