"""Commands about applications: new, build, pack, release, install, list, inspect."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from covey.cli import app_tools
from covey.cli.arguments import read_bundle
from covey.cli.opened import open_client
from covey.cli.options import HomeOption, JsonOption, examples
from covey.cli.output import emit, emit_json, emit_shown, say
from covey.cli.progress import progress
from covey.cli.results import BuildResult, IdResult, NewResult, PackResult
from covey.cli.writing import write_file
from covey.errors import NotFound, Refused

__all__ = ["register"]

_Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The application's directory.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=examples("app new tally", "app new tally --language zig"))(new)
    app.command(epilog=examples("app build tally"))(build)
    app.command(epilog=examples("app pack tally", "app pack tally --output tally-1.0.covey"))(pack)
    app.command(epilog=examples("app release tally", "app release tally --json"))(release)
    app.command(epilog=examples("app install tally/tally.covey"))(install)
    app.command("list", epilog=examples("app list --json"))(list_applications)
    app.command(epilog=examples("app inspect tally/tally.covey", "app inspect org.covey.kv"))(
        inspect
    )
    app_tools.register(app)


def new(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    directory: _Directory,
    language: Annotated[
        str,
        typer.Option(
            "--language", "-l", metavar="LANGUAGE", help="c, zig, rust, assemblyscript or wat."
        ),
    ] = "c",
    as_json: JsonOption = False,
) -> None:
    """Begin an application from a template."""
    from covey.cli.app_new import LANGUAGES, new_application  # noqa: PLC0415 - rarely needed

    if language not in LANGUAGES:
        raise typer.BadParameter(f"there is no template for {language}: {', '.join(LANGUAGES)}")
    files = new_application(directory, language)
    result = NewResult(str(directory), tuple(str(path) for path in files))
    emit(result, as_json=as_json, show=lambda: "\n".join(result.files))
    if not as_json:
        say(f"read {directory / 'README.md'}, then: `{_build_command(directory)}`")


def build(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    directory: _Directory,
    as_json: JsonOption = False,
) -> None:
    """Compile an application: DIR/NAME.wasm, with its interface inside."""
    from covey.cli.app_build import build_module  # noqa: PLC0415 - rarely needed
    from covey.cli.bundles import module_path  # noqa: PLC0415 - as above

    _require_directory(directory)
    with progress("compiling"):
        module = build_module(directory)
    target = module_path(directory)
    write_file(target, module)
    result = BuildResult(str(target), len(module))
    emit(result, as_json=as_json, show=lambda: f"{target}  {len(module)} bytes")


def pack(
    home: HomeOption,
    directory: _Directory,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Instead of DIR/NAME.covey."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a built application with the publisher key of the home, into one file."""
    from covey.cli.bundles import describe_bundle, pack_directory  # noqa: PLC0415 - rarely needed

    _require_directory(directory)
    bundle, is_stale = pack_directory(directory, home)
    if is_stale:
        say(f"a source is newer than the module: run `{_build_command(directory)}` to renew it")
    target = output or _bundle_path(directory)
    write_file(target, bundle)
    result = PackResult(str(target), describe_bundle(bundle).id, len(bundle))
    emit(result, as_json=as_json, show=lambda: f"{target}  {len(bundle)} bytes\nid {result.id}")


def release(
    home: HomeOption,
    directory: _Directory,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Instead of DIR/NAME.covey."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new release of an installed application ready: pack, check, sign and install it.

    Says which contexts of this node run the application, and what their rules ask for next.
    """
    from covey.cli.app_release import release_bundle  # noqa: PLC0415 - rarely needed
    from covey.cli.bundles import pack_directory  # noqa: PLC0415 - as above

    _require_directory(directory)
    bundle, is_stale = pack_directory(directory, home)
    if is_stale:
        raise Refused(f"a source is newer than the module: run `{_build_command(directory)}` first")
    target = output or _bundle_path(directory)
    with open_client(home) as client, progress("releasing"):
        result = release_bundle(client, bundle, target, directory / "manifest.json")
    if as_json:
        emit_json(result)
        return
    from covey.cli.release_page import release_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(release_page(result))


def install(
    home: HomeOption,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A .covey file.")],
    as_json: JsonOption = False,
) -> None:
    """Install a bundle on the node, so that contexts can be founded with it."""
    content = read_bundle(bundle)
    with open_client(home) as client, progress("installing"):
        row = client.install(content)
    text = f"{row.name} {row.version}\nid {row.id}"
    emit(IdResult(row.id), as_json=as_json, show=lambda: text)
    if not as_json:
        say(f"next: `covey context create {row.package}`")


def list_applications(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the installed applications."""
    with open_client(home) as client:
        reply = client.applications()
    if as_json:
        emit_json(reply)
        return
    from covey.cli.tables import applications_table  # noqa: PLC0415 - scripts do without drawing

    emit_shown(applications_table(reply))


def inspect(
    home: HomeOption,
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE_OR_NAME", help="A file, or an installed application.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what a bundle or an installed application is, does and stores.

    A file is checked here: no node is needed.
    """
    if Path(bundle).is_file():
        from covey.cli.bundles import describe_bundle  # noqa: PLC0415 - rarely needed

        row = describe_bundle(read_bundle(Path(bundle)))
    elif "/" in bundle or bundle.endswith(".covey"):
        raise NotFound(f"{bundle} does not exist")
    else:
        with open_client(home) as client:
            row = client.application(bundle)
    if as_json:
        emit_json(row)
        return
    from covey.cli.tables import application_page  # noqa: PLC0415 - scripts do without drawing

    emit_shown(application_page(row))


def _build_command(directory: Path) -> str:
    return f"covey app build {shlex.quote(str(directory))}"


def _bundle_path(directory: Path) -> Path:
    return directory / f"{directory.resolve().name}.covey"


def _require_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise NotFound(f"{directory} is no directory")
