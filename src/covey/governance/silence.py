"""Which deltas of a cut have no effect on entries there: void ones, and mute ones."""

from __future__ import annotations

from covey.governance.authority import Authority
from covey.governance.governor import Governor
from covey.governance.rows import Placed, UpgradeRow
from covey.model import ADMIN_ROLE, DeviceId, Tip, Upgrade

__all__ = ["Silence", "silence_at"]


class Silence:
    """Asked of deltas that a cut holds; remembers for the cut which devices need a look."""

    def __init__(self, governor: Governor, authority: Authority) -> None:
        self._governor = governor
        self._authority = authority
        self._fallen = governor.rule(authority).fallen
        self._touched: dict[DeviceId, bool] = {}

    def touches(self, device: DeviceId) -> bool:
        """Whether any delta of a device can be silent."""
        if self._fallen:
            return True
        known = self._touched.get(device)
        if known is None:
            known = self._touched[device] = self._is_touched(device)
        return known

    def _is_touched(self, device: DeviceId) -> bool:
        authority = self._authority
        if device in authority.counted or authority.standing(device):
            return True
        if not authority.void:
            return False
        rows = [row.at for row in authority.admissions(device)]
        for role in (ADMIN_ROLE, *authority.charter.roles):
            rows += [row.at for row in authority.promotions(device, role)]
        return any(at.id in authority.void for at in rows)

    def is_silent(self, device: DeviceId, tip: Tip) -> bool:
        """Whether a delta of the cut has no effect on entries there."""
        if not self.touches(device):
            return False
        at = Placed(device, tip)
        return not self._governor.does_something(self._authority, at) or self._is_mute(at)

    def _is_mute(self, at: Placed) -> bool:
        """Whether the release that its calls ran under came by an upgrade that does not stand."""
        if not self._fallen:
            return False
        authority = self._authority
        core = authority.past.delta(at.id).core
        if any(isinstance(effect, Upgrade) for effect in core.governance):
            return any(row.at.id == at.id for row in self._fallen)
        if core.release == authority.charter.release:
            return False
        return not any(
            row.release == core.release and authority.past.follows(at, row.at)
            for row in self._governor.rule(authority).standing
        )

    @property
    def fallen(self) -> tuple[UpgradeRow, ...]:
        """The upgrades of the cut that do not stand."""
        return self._fallen


def silence_at(governor: Governor, authority: Authority) -> Silence | None:
    """What is silent at a cut, or None where nothing can be."""
    is_plain = not authority.counted and not governor.rule(authority).fallen
    if is_plain and not governor.has_restrictions:
        return None
    if authority.silence is None:
        authority.silence = Silence(governor, authority)
    return authority.silence
