"""The part of the node in memory that is about rules: reading them, governing, leaving."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from covey.errors import PeerUnavailable, Refused
from covey.node import (
    ApprovalRow,
    ChangeCount,
    ChangeRow,
    CollectionRow,
    ConstraintRow,
    ContextRow,
    LeaveResult,
    MemberRow,
    RehearsalRow,
    RulesRow,
    VoteRow,
    Wish,
)
from tests.integration.api.fake_ids import CERTIFICATE, CONTEXT_ID, MEMBER, RELEASE_ID

__all__ = ["FakeGoverning"]


_CHANGES = (
    ChangeRow("put", "entries", "a", None, "1"),
    ChangeRow("put", "entries", "b", "1", "2"),
    ChangeRow("delete", "entries", "c", "3", None),
)


class FakeGoverning:
    """Remembers what it was told. is_last_admin, undone: what it says of who leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[Wish] = []
        self.asked: list[str] = []
        self.tried: list[tuple[str, str | None]] = []
        self.left: list[str] = []
        self.forgotten: list[str] = []
        self.is_last_admin = False
        self.undone = ""
        self.votes: tuple[VoteRow, ...] = ()
        self.approvals: tuple[ApprovalRow, ...] = ()

    @abstractmethod
    def context(self, name: str) -> ContextRow:
        """As `NodeService.context`."""

    def rules(self, context: str) -> RulesRow:
        """Rules of a locked context."""
        self.context(context)
        return RulesRow(
            id=CONTEXT_ID,
            is_current=True,
            package="org.example.kv",
            admission="open",
            verification="signature",
            encryption="none",
            roles=("admin", "editor"),
            admin_quorum=0,
            fuel_budget=600_000_000,
            constraints=(ConstraintRow("quorum", 1, (MEMBER,), 3_600), ConstraintRow("never")),
            number=0,
            release=RELEASE_ID,
            version="1.0.0",
            members=(MemberRow(MEMBER, MEMBER, ("admin",)),),
            votes=self.votes,
            approvals=self.approvals,
            can=("A member can remove its own devices.",),
            never=("Nobody can change this application's code.",),
            unpromised=("Times are their author's claims.",),
        )

    async def rules_of(self, target: str) -> RulesRow:
        """Of what is not here the charter alone."""
        self.asked.append(target)
        if target == "slow-ticket":
            raise PeerUnavailable("nobody answered for it within 30 s")
        return replace(self.rules("notes"), is_current=False, version="")

    async def govern(self, context: str, wish: Wish) -> str:
        """Remembers the wish; nobody may vote where there are no votes."""
        self.context(context)
        if wish.action == "vote" and not self.votes:
            raise Refused("no-quorum: the charter gives these no vote")
        if wish.action in ("remove", "take"):
            self._guard(abandons=wish.abandons)
        self.wishes.append(wish)
        return "ab" * 32

    def certificate(self) -> str:
        """Of the device and the member of `fake_ids`."""
        return CERTIFICATE

    async def rehearse(self, context: str, release: str, migration: str | None) -> RehearsalRow:
        """What a migration changes; without one it is locked."""
        row = self.context(context)
        self.tried.append((release, migration))
        is_allowed = migration is not None
        return RehearsalRow(
            id=row.id,
            allowed=is_allowed,
            code="" if is_allowed else "locked",
            reason="" if is_allowed else "the code of this context can never change",
            number=1,
            release=RELEASE_ID,
            version="2.0.0",
            before="bafkreibefore",
            version_before="1.0.0",
            collections_added=(CollectionRow("staff", "register", ("clerk",)),),
            migrated=is_allowed,
            counts=(ChangeCount("entries", 2, 1, 0),) if is_allowed else (),
            changes=_CHANGES if is_allowed else (),
            fuel=1_234,
            fuel_left=49_998_766,
            log=("renamed",) if is_allowed else (),
        )

    async def leave(self, context: str, *, abandons: bool = False) -> LeaveResult:
        """Remember who left; who is the last admin has to abandon the context."""
        row = self.context(context)
        self._guard(abandons=abandons)
        self.left.append(row.name)
        undone = self.undone
        return LeaveResult(
            id=row.id,
            name=row.name,
            closed=not undone,
            delta="" if undone else "ab" * 32,
            undone=undone,
        )

    def _guard(self, *, abandons: bool) -> None:
        if self.is_last_admin and not abandons:
            raise Refused("last-admin: nobody who stays could ever govern it")

    async def forget(self, context: str, *, abandons: bool = False) -> None:
        """Remember what was forgotten."""
        self._guard(abandons=abandons)
        self.forgotten.append(self.context(context).name)
