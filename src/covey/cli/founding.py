"""`covey context create`: the rules are checked first, for nobody can ever change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from covey.api.rules_schema import ConstraintForm, RulesForm
from covey.api.schema import ApplicationReply
from covey.cli.opened import open_client
from covey.cli.options import HomeOption, JsonOption, NameOption, examples
from covey.cli.output import emit_json, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import IdResult
from covey.cli.rules_file import RulesFile, read_rules
from covey.errors import ConfigError
from covey.model import ADMIN_ROLE

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "context create org.covey.kv --name notes",
            "context create org.covey.kv --locked",
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
    as_json: JsonOption = False,
) -> None:
    """Found a context of an installed application; this node is its first member.

    Its rules can never be loosened: see `covey context rules`, and docs/guides/rules.md.
    """
    file = None if rules is None else _read(rules)
    form = RulesForm() if file is None else file.form
    never = ConstraintForm("never")
    if locked and never not in form.code:
        form = msgspec.structs.replace(form, code=(*form.code, never))
    with open_client(home) as client, progress("founding"):
        warnings = [] if file is None else _doubts(client, file)
        warnings += _unwritable(client.application(application), form)
        row = client.create_context(application, name, form)
    if as_json:
        emit_json(IdResult(row.id))
    else:
        from covey.cli.tables import context_page  # noqa: PLC0415 - scripts do without drawing

        emit_shown(context_page(row))
    for warning in warnings:
        say(warning)


def _unwritable(application: ApplicationReply, form: RulesForm) -> list[str]:
    """What to say of collections that ask for roles which nobody there can ever have."""
    known = {ADMIN_ROLE, *form.roles}
    return [
        f"nobody can ever write the collection {each.name} there: it asks for the role "
        f"{' or '.join(each.roles)}, and the rules name no such role; to have it, found another "
        f"context with roles = {json.dumps(list(each.roles))} in --rules FILE"
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


def _doubts(client: Client, file: RulesFile) -> list[str]:
    """What to say of rules that are allowed. Raises BadParameter where this node cannot found."""
    from covey.codec import did_text, parse_certificate  # noqa: PLC0415 - as in rules_file

    founder = parse_certificate(client.certificate().certificate)
    try:
        file.check(founder)
    except ConfigError as error:
        raise _wrong(error) from error
    known = {did_text(parse_certificate(text).member) for text in file.form.admins}
    known.add(did_text(founder.member))
    doubts = []
    quorum = file.form.admin_quorum
    if quorum and quorum >= len(known):
        doubts.append(
            f"admin_quorum = {quorum} can remove nobody: it asks for {quorum} of the {len(known)} "
            "founding members, and the one to be removed would have to be among them; for that "
            "`admins` has to name more, and the rules are for ever"
        )
    keys = dict.fromkeys(key for each in file.form.code for key in each.keys)
    strangers = [key for key in keys if key not in known]
    if strangers:
        doubts.append(
            f"no founder of this context has {', '.join(strangers)}, of its quorum: this node "
            "cannot tell whether anybody has, and the rules are for ever"
        )
    return doubts
