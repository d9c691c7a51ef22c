"""Application directories and bundles, without a node."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from covey.api.schema import ApplicationReply, CollectionReply, MethodReply
from covey.cli.arguments import read_file
from covey.codec import (
    application_id,
    cid_text,
    did_text,
    open_bundle,
    pack_bundle,
    parse_description,
)
from covey.errors import NotFound
from covey.model import limits
from covey.node import Home
from covey.runtime import inspect_module

__all__ = ["describe_bundle", "module_path", "pack_directory"]

_SOURCES = ("main.c", "main.zig", "main.rs", "main.ts", "main.wat", "abi.json")


def module_path(directory: Path) -> Path:
    """Where the module of an application's directory lies: NAME/NAME.wasm."""
    return directory / f"{directory.resolve().name}.wasm"


def pack_directory(directory: Path, home: Path) -> tuple[bytes, bool]:
    """The signed bundle of a built application, and whether its module is older than a source.

    Raises NotFound where a file of it is not there, ConfigError where one is not as it should be,
    StoreError for the home's keys.
    """
    path = module_path(directory)
    if not path.is_file():
        command = f"covey app build {shlex.quote(str(directory))}"
        raise NotFound(f"{path} is missing: run `{command}` first")
    manifest = directory / "manifest.json"
    if not manifest.is_file():
        raise NotFound(f"{manifest} is missing: it says what people see before they install")
    content = read_file(manifest, limits.MANIFEST_SIZE_BYTES_MAX)
    description = parse_description(content, str(manifest))
    module = read_file(path, limits.MODULE_SIZE_BYTES_MAX)
    publisher = Home.open(home).publisher()
    bundle = pack_bundle(description, inspect_module(module), module, publisher)
    sources = [directory / name for name in _SOURCES if (directory / name).is_file()]
    built = path.stat().st_mtime
    return bundle, any(source.stat().st_mtime > built for source in sources)


def describe_bundle(packed: bytes) -> ApplicationReply:
    """What a bundle holds, its signature and every hash checked. Raises ConfigError."""
    bundle = open_bundle(packed)
    manifest, interface = bundle.manifest, inspect_module(bundle.module)
    return ApplicationReply(
        id=cid_text(bundle.release),
        application=application_id(manifest.publisher, manifest.package).hex(),
        package=manifest.package,
        version=manifest.version,
        name=manifest.name,
        description=manifest.description,
        licence=manifest.licence,
        publisher=did_text(manifest.publisher),
        module=cid_text(manifest.module),
        module_size_bytes=len(bundle.module),
        abi=manifest.abi,
        execution=manifest.execution,
        collections=tuple(
            CollectionReply(name=c.name, rule=c.rule.value, roles=c.roles)
            for c in manifest.collections
        ),
        methods=tuple(
            MethodReply(
                name=m.name,
                kind=m.kind.value,
                args=msgspec.Raw(m.arguments_schema.encode() or b"null"),
                result=msgspec.Raw(m.result_schema.encode() or b"null"),
            )
            for m in interface.methods
        ),
    )
