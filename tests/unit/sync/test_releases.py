"""Releases that are looked for: few at once, again later, and the one in force always."""

from __future__ import annotations

from covey.codec import cid_of
from covey.model import ReleaseId, limits
from covey.sync import NeedRelease
from covey.sync.releases import Releases

FIRST = ReleaseId(cid_of(b"first"))


def need(number: int, *, is_in_force: bool = False) -> NeedRelease:
    return NeedRelease(ReleaseId(cid_of(b"%d" % number)), b"manifest", is_in_force)


def test_what_is_ready_is_not_looked_for():
    releases = Releases(FIRST)
    assert not releases.seek(NeedRelease(FIRST, b""), 0)
    assert releases.seek(need(1), 0)
    releases.found(need(1).release)
    assert not releases.seek(need(1), 0)
    assert need(1).release in releases.ready


def test_one_is_looked_for_once_at_a_time():
    releases = Releases(FIRST)
    assert [releases.seek(need(1), 0) for _ in range(3)] == [True, False, False]


def test_only_some_are_looked_for_at_once_but_the_one_in_force_always():
    """An admin who forges upgrades by the thousand must not keep code from those who need it."""
    releases = Releases(FIRST)
    count = limits.RELEASES_SOUGHT_MAX
    assert [releases.seek(need(n), 0) for n in range(count + 2)] == [True] * count + [False] * 2
    assert releases.seek(need(99, is_in_force=True), 0)
    releases.missed(need(0).release, 60)
    assert releases.seek(need(count), 60)


def test_what_was_not_found_is_looked_for_again_later():
    releases = Releases(FIRST)
    for is_in_force in (False, True):
        wanted = need(1, is_in_force=is_in_force)
        assert releases.seek(wanted, 0)
        releases.missed(wanted.release, 100)
        assert not releases.seek(wanted, 100 + limits.RELEASE_SOUGHT_S - 1)
        assert releases.seek(wanted, 100 + limits.RELEASE_SOUGHT_S)
        releases.found(wanted.release)
        releases = Releases(FIRST)


def test_what_comes_into_force_is_looked_for_for_good():
    """It was wanted for a while before; now calls wait for it."""
    releases = Releases(FIRST)
    assert releases.seek(need(1), 0)
    assert releases.seek(need(1, is_in_force=True), 0)
    assert not releases.seek(need(1, is_in_force=True), 0)
