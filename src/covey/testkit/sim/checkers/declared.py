"""What the release declares under which a delta's calls ran: read from the releases themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.codec import cid_of, decode_manifest
from covey.model import Collection, ReleaseId, Rule
from covey.testkit.oracle import Known, upgrade_of

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks

__all__ = ["Declared"]


class Declared:
    """Collections by name, and the places of their entries, remembered for each release."""

    def __init__(self, checks: Checks) -> None:
        self._world = checks.world
        founding = checks.world.founding
        self._first = {(collection.name, collection.rule) for collection in founding.collections}
        self._by_release = {
            founding.charter.release: {each.name: each for each in founding.collections}
        }
        self._places: dict[ReleaseId, dict[str, tuple[str, Rule]]] = {}

    def release(self, known: Known) -> ReleaseId:
        """A migration runs under the release that its upgrade puts in force."""
        upgrade = upgrade_of(known)
        return known.delta.core.release if upgrade is None else ReleaseId(cid_of(upgrade.manifest))

    def collections(self, known: Known) -> dict[str, Collection]:
        """What the calls of a delta may touch; nothing where its release is none."""
        release = self.release(known)
        if release not in self._by_release:
            found = self._world.library.by_id.get(release)
            manifest = None if found is None or not found.is_signed else found.manifest
            declared = () if manifest is None else decode_manifest(manifest).collections
            self._by_release[release] = {collection.name: collection for collection in declared}
        return self._by_release[release]

    def places(self, known: Known) -> dict[str, tuple[str, Rule]]:
        """Under what the entries of each collection are told apart, and its rule.

        Rivals may declare one name with two rules; what the first release has goes by its name.
        """
        release = self.release(known)
        if release not in self._places:
            self._places[release] = {
                name: (self._place(name, each.rule), each.rule)
                for name, each in self.collections(known).items()
            }
        return self._places[release]

    def _place(self, name: str, rule: Rule) -> str:
        return name if (name, rule) in self._first else f"{name}\0{rule.value}"
