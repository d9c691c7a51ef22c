"""`covey context create`: the rules are checked first, for nobody can ever change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from covey.api.rules_schema import ConstraintForm, RulesForm
from covey.api.schema import ApplicationReply
from covey.cli.constraints import (
    KeyOption,
    NoticeOption,
    PublisherOption,
    QuorumOption,
    constraints_given,
    keys_told,
)
from covey.cli.opened import open_client
from covey.cli.options import HomeOption, JsonOption, NameOption, examples
from covey.cli.output import emit_json, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import IdResult
from covey.cli.rules_file import RulesFile, check_form, read_rules
from covey.errors import ConfigError
from covey.model import ADMIN_ROLE

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["register"]

_OPTIONS: Final = {
    "never": "--locked",
    "publisher": "--publisher",
    "quorum": "--quorum",
    "roles": "--role",
    "verification": "--verification",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "context create org.covey.kv --name notes",
            "context create org.covey.kv --locked",
            "context create org.covey.kv --publisher --role editor",
            "context create org.covey.kv --quorum 2 --key did:key:z6Mk… --key did:key:z6Mk… "
            "--notice 3d",
            "context create org.covey.kv --rules rules.toml",
        )
    )(create)


def create(
    home: HomeOption,
    application: Annotated[
        str, typer.Argument(metavar="APPLICATION", help="Its id, package or unique prefix.")
    ],
    name: NameOption = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="The rules, in TOML.")
    ] = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Nobody can ever change the application's code.")
    ] = False,
    publisher: PublisherOption = False,
    quorum: QuorumOption = None,
    key: KeyOption = None,
    notice: NoticeOption = "",
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="A role beside admin; repeatable."),
    ] = None,
    verification: Annotated[
        str | None,
        typer.Option(
            "--verification",
            metavar="KIND",
            help="replay: every node runs every call again, the default. signature: it does not.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Found a context of an installed application; this node is its first member.

    Its rules can never be loosened: see `covey context rules`, and docs/guides/rules.md. Options
    add to what a file says; what stands there already is not said again.
    """
    code = constraints_given(
        locked=locked, publisher=publisher, quorum=quorum, keys=key, notice=notice
    )
    file = None if rules is None else _read(rules)
    form = _chosen(file, code, tuple(role or ()), verification)
    with open_client(home) as client, progress("founding"):
        warnings = _doubts(client, form, file)
        warnings += _unwritable(client.application(application), form)
        with keys_told("--key" if key else "--rules"):
            row = client.create_context(application, name, form)
    if as_json:
        emit_json(IdResult(row.id))
    else:
        from covey.cli.tables import context_page  # noqa: PLC0415 - scripts do without drawing

        emit_shown(context_page(row))
    for warning in warnings:
        say(warning)


def _chosen(
    file: RulesFile | None,
    code: tuple[ConstraintForm, ...],
    roles: tuple[str, ...],
    verification: str | None,
) -> RulesForm:
    """What a file and options choose together. Raises BadParameter."""
    if file is not None:
        for constraint in code:
            _require_unsaid(_OPTIONS[constraint.constraint], file, constraint.constraint)
        for field, is_given in (("roles", bool(roles)), ("verification", verification is not None)):
            if is_given:
                _require_unsaid(_OPTIONS[field], file, field)
    form = RulesForm() if file is None else file.form
    if not code and not roles and verification is None:
        return form
    form = msgspec.structs.replace(
        form,
        code=(*form.code, *code),
        roles=roles or form.roles,
        verification=form.verification if verification is None else verification,
    )
    from covey.node import WrongRule  # noqa: PLC0415 - as in rules_file

    try:
        check_form(form)
    except WrongRule as wrong:
        raise typer.BadParameter(wrong.why, param_hint=_OPTIONS.get(wrong.field)) from wrong
    return form


def _require_unsaid(option: str, file: RulesFile, name: str) -> None:
    """Refuse an option where the file has its field, or a constraint of its kind."""
    is_field = name in RulesForm.__struct_fields__
    place = file.place_of(name) if is_field else file.place_of_constraint(name)
    if place is None:
        return
    why = f"{place}, says it already: leave {option} out, or that line"
    if name == "quorum":
        why = f"{place}, has a quorum already: a second one, which must hold too, belongs there"
    raise typer.BadParameter(why, param_hint=option)


def _unwritable(application: ApplicationReply, form: RulesForm) -> list[str]:
    """What to say of collections that ask for roles which nobody there can ever have."""
    known = {ADMIN_ROLE, *form.roles}
    return [
        f"nobody can ever write the collection {each.name} there: it asks for the role "
        f"{' or '.join(each.roles)}, and the rules name no such role; to have it, found another "
        f"context with --role {each.roles[0]}, or roles = {json.dumps(list(each.roles))} in "
        "--rules FILE"
        for each in application.collections
        if each.roles and known.isdisjoint(each.roles)
    ]


def _read(path: Path) -> RulesFile:
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a directory, not a file", param_hint="--rules")
    try:
        return read_rules(path)
    except ConfigError as error:
        raise _wrong(error) from error


def _wrong(error: ConfigError) -> typer.BadParameter:
    return typer.BadParameter(str(error), param_hint="--rules")


def _doubts(client: Client, form: RulesForm, file: RulesFile | None) -> list[str]:
    """What to say of rules that are allowed. Raises BadParameter where this node cannot found.

    form: all that was chosen, in the file and beside it.
    """
    keys = dict.fromkeys(key for each in form.code for key in each.keys)
    if file is None and not keys:
        return []
    from covey.codec import did_text, parse_certificate  # noqa: PLC0415 - as in rules_file

    founder = parse_certificate(client.certificate().certificate)
    if file is not None:
        try:
            file.check(founder)
        except ConfigError as error:
            raise _wrong(error) from error
    known = {did_text(parse_certificate(text).member) for text in form.admins}
    known.add(did_text(founder.member))
    doubts = []
    quorum = form.admin_quorum
    if quorum and quorum >= len(known):
        doubts.append(
            f"admin_quorum = {quorum} can remove nobody: it asks for {quorum} of the {len(known)} "
            "founding members, and the one to be removed would have to be among them; for that "
            "`admins` has to name more, and the rules are for ever"
        )
    strangers = [key for key in keys if key not in known]
    if strangers:
        doubts.append(
            f"no founder of this context has {', '.join(strangers)}, of its quorum: this node "
            "cannot tell whether anybody has, and the rules are for ever"
        )
    return doubts
