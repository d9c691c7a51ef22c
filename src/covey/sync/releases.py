"""Which releases can be run here, and which are looked for: a few at once, beside that in force."""

from __future__ import annotations

from collections import OrderedDict

from covey.model import ReleaseId, limits
from covey.sync.events import NeedRelease

__all__ = ["Releases"]


class Releases:
    """first: of the charter; it is ready from the beginning."""

    def __init__(self, first: ReleaseId) -> None:
        self.ready: dict[ReleaseId, None] = {first: None}
        self._sought: dict[ReleaseId, bool] = {}  # whether it is in force
        self._missed: OrderedDict[ReleaseId, float] = OrderedDict()  # until when not to ask again

    def seek(self, need: NeedRelease, now: float) -> bool:
        """Whether to look for a release now; it is noted as looked for."""
        release, is_in_force = need.release, need.is_in_force
        # What was looked for for a while is looked for anew, for good, once it is in force.
        if release in self.ready or self._sought.get(release) in (True, is_in_force):
            return False
        if now < self._missed.get(release, now):
            return False
        if not is_in_force:
            others = sum(not known for known in self._sought.values())
            if release in self._sought or others >= limits.RELEASES_SOUGHT_MAX:
                return False
        self._sought[release] = is_in_force
        return True

    def found(self, release: ReleaseId) -> None:
        """It can be run here."""
        self.ready[release] = None
        self._sought.pop(release, None)
        self._missed.pop(release, None)

    def missed(self, release: ReleaseId, now: float) -> None:
        """It could not be had."""
        self._sought.pop(release, None)
        self._missed[release] = now + limits.RELEASE_SOUGHT_S
        while len(self._missed) > limits.REPLAYS_HELD_MAX:
            self._missed.popitem(last=False)
