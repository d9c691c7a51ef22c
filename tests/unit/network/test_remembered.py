"""The file of remembered peers."""

from __future__ import annotations

import pytest

from covey.errors import ConfigError, StoreError
from covey.model import limits
from covey.network.remembered import Remembered, RememberedPeers

ADDRESSES = ("/ip4/127.0.0.1/tcp/4001/p2p/a",)


def _loaded(path) -> RememberedPeers:
    peers = RememberedPeers(path)
    peers.load()
    return peers


def test_peers_survive_a_restart(tmp_path):
    """The most recently met is last."""
    peers = _loaded(tmp_path / "peers.json")
    peers.note("a", ADDRESSES)
    peers.note("b", ("x", "y", "x"))
    peers.note("a", ADDRESSES)
    peers.save()
    assert list(_loaded(tmp_path / "peers.json").peers().items()) == [
        ("b", Remembered(("x", "y"))),
        ("a", Remembered(ADDRESSES)),
    ]


def test_meeting_without_addresses_keeps_what_is_known(tmp_path):
    """A peer that has not told its addresses yet must not erase them."""
    peers = _loaded(None)
    peers.note("a", ADDRESSES)
    peers.note("a", ())
    assert peers.peers() == {"a": Remembered(ADDRESSES)}


def test_where_a_peer_was_and_who_was_named_survive_a_restart(tmp_path):
    """Both decide what is believed of it later; meeting it again unmakes neither."""
    peers = _loaded(tmp_path / "peers.json")
    peers.choose("a")
    peers.note("a", ADDRESSES, "/ip4/10.0.0.2/tcp/5")
    peers.note("a", ())
    peers.note("b", ADDRESSES)
    peers.save()
    again = _loaded(tmp_path / "peers.json")
    assert again.peers()["a"] == Remembered(ADDRESSES, "/ip4/10.0.0.2/tcp/5", is_chosen=True)
    assert again.is_chosen("a")
    assert not again.is_chosen("b")


def test_file_of_an_earlier_version_is_read(tmp_path):
    path = tmp_path / "peers.json"
    path.write_text('[{"peer": "a", "addresses": ["x"]}]')
    assert _loaded(path).peers() == {"a": Remembered(("x",))}


def test_peers_and_addresses_are_bounded(monkeypatch):
    """Years of meetings do not grow the file."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 2)
    monkeypatch.setattr(limits, "DIAL_ADDRESSES_MAX", 3)
    peers = _loaded(None)
    for name in ("a", "b", "c"):
        peers.note(name, tuple("12345"))
    assert peers.peers() == dict.fromkeys("bc", Remembered(("1", "2", "3")))


@pytest.mark.parametrize(
    "text", ["", "{", "{}", '[{"peer": 1, "addresses": []}]', '[{"peer": "a"}]', "[1]"]
)
def test_damaged_file_is_said_and_kept(tmp_path, text):
    """It may be the operator's work, so it is not overwritten."""
    path = tmp_path / "peers.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"peers\.json is no list of peers"):
        _loaded(path)
    assert path.read_text() == text


def test_folder_that_is_gone_is_a_store_error(tmp_path):
    """A full or read-only disk is said in one sentence."""
    peers = _loaded(tmp_path / "gone" / "peers.json")
    peers.note("a", ADDRESSES)
    with pytest.raises(StoreError, match="cannot write"):
        peers.save()
