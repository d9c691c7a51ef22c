"""Vectors of judgement: what histories of governance come to, and deltas that MUST be refused."""

from __future__ import annotations

from collections.abc import Iterator

from covey.codec import constraint_packed, pack
from covey.model import ADMIN_ROLE, Never, Promote, Publisher, Put, Quorum, Tighten, Upgrade
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.nodes import digest_of
from covey.testkit.oracle.people import FIRST_MANIFEST, device, manifest
from covey.testkit.vectors.form import Case, Json, Vectors, case
from covey.testkit.vectors.scene import ANN, BEN, CARA, DORA, EMIL, NEXT, OTHER, SOCK, Scene
from covey.testkit.vectors.scenes import SCENES

__all__ = ["governance"]


def governance() -> Vectors:
    """Every scene with each of its last deltas, and histories in which something is void."""
    valid, invalid, charters = [], [], dict[str, Json]()
    for make in SCENES:
        scene = make()
        charters[scene.writing.founding.context.hex()] = scene.writing.founding.packed.hex()
        valid += [_outcome(name, scene, last) for name, last in scene.good.items()]
        for name, last in scene.bad.items():
            code = scene.writing.code(last) or scene.codes.get(name, "")
            assert code, f"{name} is admissible"
            invalid.append({**_history(name, scene, last), "code": code})
    for name, scene in _histories():
        charters[scene.writing.founding.context.hex()] = scene.writing.founding.packed.hex()
        valid.append(_outcome(name, scene, None))
    base = {**case("base", manifest=FIRST_MANIFEST), "charters": charters}
    return Vectors(
        "Case 'base': the charters by their contexts, and the manifest of the release that all of "
        "them name. deltas: frames in a causal order. Invalid: all but the last are admissible, "
        "and the last is refused with the code. Valid: all are admissible, and come in any causal "
        "order to the members, roles, closed devices, void and mute deltas, the release in force "
        "with its number, the code rule (constraints as in charter.md) and the state digest.",
        (base, *valid),
        tuple(invalid),
    )


def _history(name: str, scene: Scene, last: Known | None) -> Case:
    chosen = [*scene.base]
    if last is not None:
        chosen = [k for k in chosen if k.bit & last.past] + [last]
    return case(
        name,
        context=scene.writing.founding.context,
        deltas=[known.delta.frame.hex() for known in chosen],
    )


def _outcome(name: str, scene: Scene, last: Known | None) -> Case:
    writing = scene.writing
    mask = writing.down(scene.base if last is None else [last])
    if last is not None:
        assert not writing.code(last), f"{name}: {writing.code(last)}"
    j = writing.judge(mask)
    members: list[Json] = [[d.hex(), m.hex()] for d, m in sorted(j.members.items())]
    roles: list[Json] = [
        [d.hex(), role] for d, held in sorted(j.roles.items()) for role in sorted(held)
    ]
    return {
        **_history(name, scene, last),
        "members": members,
        "roles": roles,
        "closed": sorted(d.hex() for d in j.closed),
        "void": _ids(scene, j.void),
        "mute": _ids(scene, j.mute),
        "release": j.release.hex(),
        "number": j.number,
        "constraints": sorted(pack(constraint_packed(c)).hex() for c in j.constraints),
        "state_digest": digest_of(writing, j).hex(),
    }


def _ids(scene: Scene, mask: int) -> list[Json]:
    return [i.hex() for i in sorted(k.delta.id for k in scene.writing.history.within(mask))]


# -- what is void ------------------------------------------------------------------------------


def _histories() -> Iterator[tuple[str, Scene]]:
    yield "nothing was said", Scene(Publisher(), is_short=True)
    yield "a close reaches what it does not follow", _reached()
    yield "an admission by one who was removed", _rests()
    yield "two devices of one member close one another", _mutual()
    yield "a founder's close voids a later founder's", _senior()
    yield "a demote reaches what needs the role", _demoted()
    yield "of a fork nobody followed", _fork(0)
    yield "of a fork one branch was followed", _fork(1)
    yield "of a fork both branches were followed", _fork(2)
    yield "two forked devices follow one another", _circle()
    yield "rival upgrades", _rivals()
    yield "an upgrade that missed a tighten, and a call under it", _missed()
    yield "an upgrade that a tighten spares", _spared()
    yield "an upgrade that satisfies the tighten it missed", _satisfied()
    yield "a constraint more beside those of the charter", _tightened()
    yield "two admissions of one device at once", _twice()


def _reached() -> Scene:
    s = Scene()
    s.say(EMIL)
    before = s.now
    s.say(ANN, s.close(EMIL))
    s.say(EMIL, cut=before, entries=(Put("notes", b"k", b"unseen"),), at_ms=500)
    return s


def _rests() -> Scene:
    s = Scene()
    before = s.now
    admitted = s.say(DORA, s.admit(SOCK), cut=before)
    s.say(SOCK, cut=s.writing.down([admitted]))
    s.say(ANN, s.close(DORA, before), cut=before)
    return s


def _mutual() -> Scene:
    s, second = Scene(), device("emil", "second")
    s.say(EMIL, s.admit(second))
    before = s.now
    s.say(EMIL, s.close(second, before), cut=before)
    s.say(second, s.close(EMIL, before), cut=before)
    s.say(ANN)
    return s


def _senior() -> Scene:
    s = Scene()
    before = s.now
    s.say(BEN, s.close(EMIL, before), cut=before)
    s.say(ANN, s.close(BEN, before), cut=before)
    return s


def _demoted() -> Scene:
    s = Scene()
    s.say(ANN, Promote(EMIL.device, "editor"))
    before = s.now
    s.say(ANN, s.demote(EMIL, "editor"))
    note = s.say(EMIL, cut=before)
    s.say(EMIL, cut=s.writing.down([note]), entries=(Put("essays", b"k", b"v"),))
    return s


def _fork(followed: int) -> Scene:
    s = Scene(admin_quorum=2, is_short=True)
    base = s.writing.down([s.say(ANN)])
    for number, voucher in enumerate((BEN, CARA)):
        put = (Put("notes", b"k", b"branch %d" % number),)
        branch = s.say(ANN, cut=base, entries=put, at_ms=10 * number)
        if number < followed:
            s.say(voucher, cut=s.writing.down([branch]), entries=(Put("notes", b"seen", b"v"),))
    return s


def _circle() -> Scene:
    s = Scene(is_short=True)
    firsts = [s.say(who, cut=0) for who in (ANN, BEN)]
    base = s.writing.down(firsts)
    left = s.say(ANN, cut=base)
    by_ben = s.say(BEN, cut=s.writing.down([left, firsts[1]]))
    s.say(BEN, cut=base, entries=(Put("notes", b"other", b"v"),))
    s.say(ANN, cut=s.writing.down([firsts[0]]), entries=(Put("notes", b"other", b"w"),))
    assert s.writing.history.within(by_ben.past)
    return s


def _rivals() -> Scene:
    s = Scene()
    before = s.now
    for who, packed in ((ANN, NEXT), (BEN, OTHER)):
        made = s.say(who, Upgrade(1, packed, ()), cut=before)
        s.say(who, cut=s.writing.down([made]))
    return s


def _missed() -> Scene:
    s = Scene()
    before = s.now
    s.say(ANN, Tighten(Never()), cut=before)
    made = s.say(BEN, Upgrade(1, NEXT, ()), cut=before)
    s.say(EMIL, cut=s.writing.down([made]))
    s.say(DORA, Promote(EMIL.device, ADMIN_ROLE))
    return s


def _spared() -> Scene:
    s = Scene()
    s.say(BEN, Upgrade(1, NEXT, ()))
    s.say(EMIL)
    s.say(ANN, Tighten(Never()))
    return s


def _satisfied() -> Scene:
    s = Scene()
    before = s.now
    s.say(ANN, Tighten(Publisher()), cut=before)
    s.say(BEN, Upgrade(1, NEXT, ()), cut=before)
    s.say(DORA, Upgrade(1, manifest("0.5.0"), ()), cut=before)
    return s


def _tightened() -> Scene:
    s = Scene(Publisher())
    s.say(ANN, Tighten(Quorum(1, (BEN.member_id,), 60_000)))
    return s


def _twice() -> Scene:
    s = Scene()
    before = s.now
    s.say(BEN, s.admit(SOCK), cut=before)
    s.say(DORA, s.admit(SOCK), cut=before)
    s.say(SOCK)
    return s
