"""`covey app release`: a new release of an installed application, ready for its contexts."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from covey.api.context_schema import ContextReply
from covey.api.rules_schema import RulesReply
from covey.api.schema import ApplicationReply, CollectionReply
from covey.cli.ballots import has_migration
from covey.cli.bundles import describe_bundle
from covey.cli.results import ReleaseContext, ReleaseResult
from covey.cli.writing import write_file
from covey.codec import version_rank
from covey.errors import NotFound, Refused
from covey.model import ADMIN_ROLE

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["faults", "release_bundle", "steps"]


def release_bundle(client: Client, bundle: bytes, target: Path, manifest: Path) -> ReleaseResult:
    """Check a packed release against those before it, write it to a file and install it.

    manifest: where its version is said. Raises NotFound where no release is installed, and
    Refused where those are another publisher's, or where it can not follow one that it would have
    to follow; then nothing was written.
    """
    new = describe_bundle(bundle)
    known = [row for row in client.applications().applications if row.package == new.package]
    ours = [row for row in known if row.application == new.application]
    if not ours:
        raise _unknown(new, known)
    newest = max(ours, key=lambda row: version_rank(row.version))
    if version_rank(new.version) <= version_rank(newest.version):
        raise Refused(
            f"version {new.version} is not greater than {newest.version}, the newest one that is "
            f"installed: raise it in {manifest}"
        )
    contexts = [row for row in client.contexts().contexts if row.application == new.application]
    several = [(row, client.rules(row.id)) for row in contexts]
    in_force = {rules.release for _, rules in several}
    for before in [newest, *(row for row in ours if row.id in in_force)]:
        found = faults(before, new)
        if found:
            raise Refused(f"{new.version} cannot follow {before.version}: {'; '.join(found)}")
    write_file(target, bundle)
    installed = client.install(bundle)
    member = client.status().member if several else ""
    return ReleaseResult(
        id=installed.id,
        bundle=str(target),
        size_bytes=len(bundle),
        package=new.package,
        version=new.version,
        version_before=newest.version,
        contexts=tuple(
            steps(row, rules, installed.id, member, migrates=has_migration(new))
            for row, rules in several
        ),
    )


def _unknown(new: ApplicationReply, known: list[ApplicationReply]) -> NotFound | Refused:
    if known:
        return Refused(
            f"the installed releases of {new.package} are of another publisher, "
            f"{known[0].publisher}: this home signs as {new.publisher}"
        )
    return NotFound(f"no release of {new.package} is installed: begin with `covey app install`")


def faults(before: ApplicationReply, new: ApplicationReply) -> list[str]:
    """What of a release every context would refuse that runs the one before it."""
    found = []
    declared = {each.name: each for each in new.collections}
    for each in before.collections:
        after = declared.get(each.name)
        if after is None:
            found.append(f"the collection {each.name} is missing")
        elif after.rule != each.rule:
            found.append(f"the collection {each.name} is {after.rule}, and was {each.rule}")
        elif after.roles != each.roles:
            was = f"{_writers(after)}, and was by {_writers(each)}"
            found.append(f"the collection {each.name} is written by {was}")
    for name, then, now in (
        ("abi", before.abi, new.abi),
        ("execution version", before.execution, new.execution),
    ):
        if then != now:
            found.append(f"its {name} is {now}, and was {then}")
    return found


def _writers(collection: CollectionReply) -> str:
    return " or ".join(collection.roles) or "everybody"


def steps(
    row: ContextReply, rules: RulesReply, release: str, member: str, *, migrates: bool = False
) -> ReleaseContext:
    """What is to be done in one context, and what that waits for. migrates: it has a `migrate`."""
    roles = {
        role for holder in rules.members if holder.device == row.device for role in holder.roles
    }
    is_admin = ADMIN_ROLE in roles
    commands, notes, name = [], [], shlex.quote(row.name)
    if any(each.constraint == "never" for each in rules.constraints):
        notes.append("it is locked: no release ever comes into force there")
    else:
        for each in rules.constraints:
            if each.constraint != "quorum":
                continue
            notes.append(f"{each.k} of {len(each.keys)} keys must approve it")
            if each.notice_s:
                notes.append(
                    f"and then a notice of {each.notice_s} s must run, from when a member without "
                    "a key writes something"
                )
            approve = f"covey context approve {name} {release}"
            if member in each.keys and approve not in commands:
                commands.append(approve)
        if is_admin:
            upgrade = f"covey context upgrade {name} {release}"
            upgrade += " --migrate '{}'" if migrates else ""
            commands += [f"{upgrade} --dry-run", upgrade]
        else:
            notes.append("an admin has to put it in force, and this device is none")
    return ReleaseContext(
        id=row.id,
        name=row.name,
        number=rules.number,
        version=rules.version,
        constraints=rules.constraints,
        next=tuple(commands),
        note=", ".join(notes),
    )
