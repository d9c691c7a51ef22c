"""Commands about the rules of a context: rules, role, remove, vote, tighten, certificate."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covey.api.rules_schema import (
    CertificateReply,
    GovernReply,
    GovernRequest,
    RehearseRequest,
)
from covey.api.schema import ApplicationReply
from covey.cli.arguments import read_arguments
from covey.cli.ballots import approved, has_migration, voted
from covey.cli.completion import complete_context
from covey.cli.constraints import (
    KeyOption,
    NeverOption,
    NoticeOption,
    PublisherOption,
    QuorumOption,
    constraint_given,
    keys_told,
)
from covey.cli.exits import REFUSED
from covey.cli.founders import CERTIFICATE_HINT
from covey.cli.opened import open_client
from covey.cli.options import (
    AbandonOption,
    ContextArgument,
    HomeOption,
    JsonOption,
    context_given,
    examples,
    given,
)
from covey.cli.output import emit, emit_json, emit_line, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import ApproveResult, VoteResult
from covey.cli.targets import is_target
from covey.cli.waits import reason_to_wait
from covey.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["register"]


def _did_given(text: str) -> str:
    """A did:key; whether it is a member's the node knows."""
    from covey.codec import parse_did  # noqa: PLC0415 - few commands need it

    try:
        parse_did(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _role_given(text: str | None) -> str | None:
    return None if text is None else given(text)


_WhoArgument = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="A member, or one device of it: did:key:…", callback=_did_given
    ),
]

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            "context rules notes", "context rules notes --json", "context rules covey1…"
        )
    )(rules)
    app.command(
        epilog=examples(
            "context role notes did:key:z6Mk… --give editor",
            "context role notes did:key:z6Mk… --take admin",
        )
    )(role)
    app.command(epilog=examples("context remove notes did:key:z6Mk…"))(remove)
    app.command(epilog=examples("context vote notes did:key:z6Mk…"))(vote)
    app.command(
        epilog=examples(
            "context tighten notes --never",
            "context tighten notes --quorum 2 --key did:key:z6Mk… --key did:key:z6Mk… --notice 3d",
        )
    )(tighten)
    app.command(
        epilog=examples(
            "context upgrade notes org.covey.kv",
            "context upgrade notes bafkrei… --migrate '{}'",
            "context upgrade notes bafkrei… --migrate '{}' --dry-run",
        )
    )(upgrade)
    app.command(epilog=examples("context approve notes bafkrei…"))(approve)
    app.command(epilog=examples("context certificate"))(certificate)


def rules(
    home: HomeOption,
    context: Annotated[
        str,
        typer.Argument(
            metavar="CONTEXT_OR_TICKET",
            help="A context: id, local name or unique prefix; or a ticket or topic.",
            autocompletion=complete_context,
            callback=context_given,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Say what can and what can never happen in a context, also before it is joined.

    By a ticket, id or topic it asks peers for the charter of a context that is not here. Nothing
    is joined, installed or kept; what was decided since the founding is then not known.
    """
    is_elsewhere = is_target(context)
    with open_client(home) as client, progress("asking for its charter"):
        reply = client.rules_of(context) if is_elsewhere else client.rules(context)
        known = () if as_json else client.applications().applications
    if as_json:
        emit_json(reply)
        return
    from covey.cli.rules_page import rules_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(rules_page(reply, next((r for r in known if r.id == reply.release), None)))


def role(
    home: HomeOption,
    context: ContextArgument,
    who: _WhoArgument,
    give: Annotated[
        str | None,
        typer.Option("--give", metavar="ROLE", help="Give this role.", callback=_role_given),
    ] = None,
    take: Annotated[
        str | None,
        typer.Option(
            "--take", metavar="ROLE", help="Take it away, for good.", callback=_role_given
        ),
    ] = None,
    abandon: AbandonOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a role to a member's devices, or take it away.

    A device whose role was taken never gets it again; the member can, with another device.
    """
    if (give is None) == (take is None):
        raise typer.BadParameter("say either --give ROLE or --take ROLE")
    action, name = ("give", give) if give is not None else ("take", take)
    if abandon and take is None:
        raise typer.BadParameter("--abandon belongs to --take ROLE")
    request = GovernRequest(action=action, who=who, role=name or "", abandon=abandon)
    _govern(home, context, request, as_json=as_json)


def remove(
    home: HomeOption,
    context: ContextArgument,
    who: _WhoArgument,
    abandon: AbandonOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a member, with all its devices, or one device.

    A removed device never comes back. What it wrote without having seen its removal counts for
    nothing from then on.
    """
    request = GovernRequest(action="remove", who=who, abandon=abandon)
    _govern(home, context, request, as_json=as_json)


def vote(
    home: HomeOption, context: ContextArgument, who: _WhoArgument, as_json: JsonOption = False
) -> None:
    """Vote to remove an admin of the charter whom you may not remove alone.

    A vote removes nobody: once there are as many as the charter asks for, an admin of the charter
    runs `covey context remove`, which counts as its own vote too.
    """
    with open_client(home) as client:
        reply = client.govern(context, GovernRequest(action="vote", who=who))
        counts = [row for row in client.rules(context).votes if who in (row.member, row.device)]
    votes = min((row.votes for row in counts), default=0)
    needed = max((row.needed for row in counts), default=0)
    result = VoteResult(reply.delta, votes, needed)
    remove = f"covey context remove {shlex.quote(context)} {who}"
    emit(result, as_json=as_json, show=lambda: voted(result, remove))


def tighten(
    home: HomeOption,
    context: ContextArgument,
    never: NeverOption = False,
    publisher: PublisherOption = False,
    quorum: QuorumOption = None,
    key: KeyOption = None,
    notice: NoticeOption = "",
    as_json: JsonOption = False,
) -> None:
    """Add a constraint on releases. Nobody can ever take it away again."""
    constraint = constraint_given(
        never=never, publisher=publisher, quorum=quorum, keys=key, notice=notice
    )
    if constraint is None:
        raise typer.BadParameter("say one of --never, --publisher and --quorum K")
    request = GovernRequest(action="tighten", constraint=constraint)
    with open_client(home) as client:
        with keys_told("--key"):
            reply = client.govern(context, request)
        members = {row.member for row in client.context(context).devices}
    _emit_governed(reply, as_json=as_json)
    strangers = [key for key in constraint.keys if key not in members]
    if strangers:
        say(
            f"nobody in this context has {', '.join(strangers)} now: check that somebody has, for "
            "what was added stays for ever"
        )


_ReleaseArgument = Annotated[
    str, typer.Argument(metavar="RELEASE", help="A release: its id, or one that is installed.")
]


def upgrade(
    home: HomeOption,
    context: ContextArgument,
    release: _ReleaseArgument,
    migrate: Annotated[
        str | None,
        typer.Option("--migrate", metavar="JSON", help="Call its `migrate` with these arguments."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would do; nothing is written.")
    ] = False,
    show: Annotated[
        int | None,
        typer.Option(
            "--show", min=0, metavar="COUNT", help="Entries that --dry-run shows, 20 if not said."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put an installed release in force, for every member, if the rules allow it.

    It begins with this delta: what others write before they know of it keeps the old release.
    """
    migration = None if migrate is None else read_arguments(migrate).decode()
    if dry_run:
        most = _SHOWN if show is None else show
        _rehearse(home, context, RehearseRequest(release, migration), most, as_json=as_json)
        return
    if show is not None:
        raise typer.BadParameter("--show COUNT belongs to --dry-run")
    request = GovernRequest(action="upgrade", release=release, migration=migration)
    _govern(home, context, request, as_json=as_json)


def _rehearse(
    home: Path, context: str, request: RehearseRequest, most: int, *, as_json: bool
) -> None:
    """Show what an upgrade would do; where it would be refused the command is refused too."""
    with open_client(home) as client, progress("trying"):
        reply = client.rehearse(context, request)
    if as_json:
        emit_json(reply)
    else:
        from covey.cli.rehearsal_page import rehearsal_page  # noqa: PLC0415 - as above

        wanted = request.migration is not None
        emit_shown(rehearsal_page(reply, wanted=wanted, most=most))
    if not reply.allowed:
        raise typer.Exit(REFUSED)


def approve(
    home: HomeOption,
    context: ContextArgument,
    release: _ReleaseArgument,
    as_json: JsonOption = False,
) -> None:
    """Approve a release as the next one, with this member's key of the context's quorum."""
    with (
        open_client(home) as client,
        progress("governing: approve", reason_to_wait(home, context)),
    ):
        known = _installed(client, release)
        wanted = release if known is None else known.id
        reply = client.govern(context, GovernRequest(action="approve", release=wanted))
        rules = client.rules(context)
    counts = [row for row in rules.approvals if row.release == wanted]
    least = max(counts, key=lambda row: row.needed - row.approvals, default=None)
    done, needed = (0, 0) if least is None else (least.approvals, least.needed)
    result = ApproveResult(reply.delta, wanted, done, needed)
    has_notice = any(each.notice_s for each in rules.constraints)
    migrates = known is not None and has_migration(known)
    told = {"has_notice": has_notice, "migrates": migrates}
    emit(result, as_json=as_json, show=lambda: approved(result, shlex.quote(context), **told))
    if known is None:
        say(f"release {wanted} is not installed here: nothing of it was checked")


def _installed(client: Client, release: str) -> ApplicationReply | None:
    try:
        return client.application(release)
    except NotFound:
        return None


def certificate(home: HomeOption, as_json: JsonOption = False) -> None:
    """Print this device's certificate: a founder can name it an admin in its rules."""
    with open_client(home) as client:
        text = client.certificate().certificate
    if as_json:
        emit(CertificateReply(text), as_json=True, show=lambda: text)
    else:
        emit_line(text)  # Never wrapped: people paste it.
    say(CERTIFICATE_HINT)


def _govern(home: Path, context: str, request: GovernRequest, *, as_json: bool) -> None:
    reason = reason_to_wait(home, context)
    with open_client(home) as client, progress(f"governing: {request.action}", reason):
        reply = client.govern(context, request)
    _emit_governed(reply, as_json=as_json)


def _emit_governed(reply: GovernReply, *, as_json: bool) -> None:
    emit(GovernReply(reply.delta), as_json=as_json, show=lambda: f"done: delta {reply.delta}")
