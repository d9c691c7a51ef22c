"""What this device wishes to govern: what is refused, and what waits behind it."""

from __future__ import annotations

from covey.codec import cid_of
from covey.model import ADMIN_ROLE, Call, Promote, Put, ReleaseId, Upgrade, limits
from covey.sync import (
    Applied,
    Broadcast,
    Commit,
    Execute,
    Executed,
    GovernanceAnswered,
    GovernanceRequested,
    RecordSequence,
    ReleaseReady,
    Reply,
)
from covey.testkit.oracle.people import device, manifest, start
from covey.testkit.playbook import Stage, completed, play, submit

ANN, BEN = device("ann"), device("ben")
FOUNDING = start(ANN, BEN)
PUT = Put("notes", b"k", b"v")


def wish(request: int, count: int = 1) -> GovernanceRequested:
    """To give somebody a role, so many times."""
    return GovernanceRequested(request, (Promote(BEN.device, "editor"),) * count)


def migration(request: int) -> GovernanceRequested:
    """To upgrade to a release that is not installed here, with a call."""
    upgrade = Upgrade(0, manifest("1.2.0"), ())
    return GovernanceRequested(request, (upgrade,), Call("migrate", b"{}"))


def answer(request: int, code: str = ""):
    """The answer to a wish, by its code; empty: it stands."""

    def is_it(effect) -> bool:
        if not isinstance(effect, GovernanceAnswered):
            return False
        got = "" if effect.denied is None else effect.denied.code
        return (effect.request, got) == (request, code)

    return is_it


def test_wish_that_fits_no_header_is_refused_and_the_writer_goes_on():
    """Others could not read such a delta: it is neither applied nor sent."""
    stage = Stage(FOUNDING, ANN)
    most = limits.DELTA_GOVERNANCE_MAX
    before = stage.replica.ledger.digest()
    assert play(stage) >> wish(1, most + 1) << answer(1, "too-large") << None
    assert stage.replica.ledger.digest() == before
    assert play(stage) >> wish(2) << RecordSequence(1) << Broadcast << Applied << answer(2) << None


def test_manifest_that_fits_no_header_is_refused():
    """Its bound is that of a manifest in a delta."""
    stage = Stage(FOUNDING, ANN)
    packed = manifest("1.2.0", "x" * limits.UPGRADE_MANIFEST_BYTES_MAX)
    wished = GovernanceRequested(1, (Upgrade(0, packed, ()),))
    assert play(stage) >> wished << answer(1, "too-large") << None


def test_migration_beyond_what_is_left_of_the_budget_is_refused():
    """The engine gives no outcome of a call that runs out of less than its due."""
    stage = Stage(FOUNDING.again(fuel_budget=limits.CALL_FUEL_MAX), ANN)
    wished = migration(1)
    (upgrade,) = wished.effects
    stage.handle(ReleaseReady(ReleaseId(cid_of(upgrade.manifest))))
    assert play(stage) >> wished << Execute >> Executed(()) << answer(1, "migration") << None
    assert play(stage) >> wish(2) << RecordSequence(1) << Broadcast << Applied << answer(2) << None


def test_calls_behind_a_refused_migration_go_on():
    """Nothing else would wake them."""
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> submit(1) << Execute
        >> migration(2) << None
        >> submit(3) << None
        >> Executed((completed(PUT),))
        << RecordSequence(1) << Broadcast << Applied << Reply
        << answer(2, "not-ready")
        << (lambda e: isinstance(e, Execute) and len(e.batch.calls) == 1)
    )  # fmt: skip


def test_wishes_behind_refused_migrations_are_written_and_committed_first():
    """What they write leaves after its own durable commit, as ever."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    for event in (migration(2), migration(3), wish(4)):
        assert stage.handle(event) == []
    effects = stage.replica.handle(Executed((completed(PUT),)), stage.now)
    kinds = [type(effect) for effect in effects]
    refused = [n for n, effect in enumerate(effects) if isinstance(effect, GovernanceAnswered)]
    assert [effects[n].request for n in refused] == [2, 3, 4]
    commit = kinds.index(Commit, refused[1])
    assert effects[commit].durable
    assert commit < kinds.index(Broadcast, refused[1]) < refused[2]
    assert answer(4)(effects[refused[2]])
    stage.carry_out(effects)
    again = stage.restarted().replica.ledger
    assert again.digest() == stage.replica.ledger.digest()
    assert again.authority.roles(BEN.device) == {ADMIN_ROLE, "editor"}
