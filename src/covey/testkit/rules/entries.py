"""What is asked about entries: writing them under each rule, with roles and without."""

from __future__ import annotations

from collections.abc import Callable

from covey.crypto import sha256
from covey.model import Add, Delete, Effect, Put
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device
from covey.testkit.rules.people import PEOPLE, Ask, Quiet
from covey.testkit.rules.releases import BADGES, VERDICTS

__all__ = ["plain_entries", "role_entries"]

_ANOTHERS = device("somebody else").member_id
_OUTSIDE = ("removed device", "stranger")


def plain_entries(quiet: Quiet) -> dict[str, Ask]:
    """In collections that anybody may write, and in one of registers with roles."""
    for name, who in PEOPLE.items():
        if name not in _OUTSIDE:
            quiet.say(who, entries=(Put("posts", _once(who), b"v"),))
    put = _putting(quiet)
    return {
        "register": put(lambda _: Put("notes", b"k", b"w")),
        "counter": put(lambda _: Add("likes", b"k", 1)),
        **_frozen(quiet, "posts"),
        **_owned(quiet, "profiles"),
        "for `admin`, `editor`": put(lambda _: Put("essays", b"k", b"v")),
        "for `admin`": put(lambda _: Put("rules", b"k", b"v")),
        "there is none": put(lambda _: Put("treasury", b"k", b"v")),
    }


def role_entries(quiet: Quiet) -> dict[str, Ask]:
    """In collections for editors alone."""
    editor = PEOPLE["editor below it"]
    quiet.say(editor, entries=(Put(VERDICTS, _once(editor), b"v"),))
    return {**_frozen(quiet, VERDICTS), **_owned(quiet, BADGES)}


def _frozen(quiet: Quiet, collection: str) -> dict[str, Ask]:
    put = _putting(quiet)
    return {
        "frozen, new": put(lambda who: Put(collection, who.member_id, b"v")),
        "frozen, again": put(lambda who: Put(collection, _once(who), b"w")),
        "frozen, delete": put(lambda who: Delete(collection, _once(who))),
        "frozen, another's": put(lambda _: Put(collection, _ANOTHERS, b"v")),
        "frozen, by its hash": put(lambda _: Put(collection, sha256(b"v"), b"v")),
    }


def _owned(quiet: Quiet, collection: str) -> dict[str, Ask]:
    put = _putting(quiet)
    return {
        "owned, one's own": put(lambda who: Put(collection, who.member_id, b"v")),
        "owned, another's": put(lambda _: Put(collection, _ANOTHERS, b"v")),
        "owned, another's deleted": put(lambda _: Delete(collection, _ANOTHERS)),
    }


def _putting(quiet: Quiet) -> Callable[[Callable[[Identity], Effect]], Ask]:
    def put(effect: Callable[[Identity], Effect]) -> Ask:
        return lambda author: quiet.asked(author, entries=(effect(author),))

    return put


def _once(who: Identity) -> bytes:
    """The key of the frozen entry that a device has put already."""
    return who.member_id + who.device
