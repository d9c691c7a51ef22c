"""Pack the example applications into signed bundles, or check the committed ones.

`pack_apps.py --publisher HOME [NAME...]` signs with the publisher key of a covey home.
`pack_apps.py --check [NAME...]` holds each committed bundle against its sources: module and
manifest must be what packing again would give; only publisher and signature are its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from covey.codec import open_bundle, pack_bundle, parse_description
from covey.crypto import Signer
from covey.errors import NodeError
from covey.node import Home
from covey.runtime import inspect_module

__all__ = ["check", "main", "pack"]

APPS = Path(__file__).resolve().parent.parent / "apps"


def names() -> list[str]:
    """Every application with a manifest."""
    return sorted(path.parent.name for path in APPS.glob("*/manifest.json"))


def pack(name: str, publisher: Signer) -> bytes:
    """The bundle of one application, signed."""
    folder = APPS / name
    description = parse_description(
        (folder / "manifest.json").read_bytes(), f"apps/{name}/manifest.json"
    )
    module = (folder / f"{name}.wasm").read_bytes()
    return pack_bundle(description, inspect_module(module), module, publisher)


def check(name: str) -> str:
    """What a committed bundle gets wrong, or nothing."""
    path = APPS / name / f"{name}.covey"
    if not path.is_file():
        return "the bundle is missing"
    committed = open_bundle(path.read_bytes())
    fresh = open_bundle(pack(name, Signer.from_seed(bytes(32))))
    if committed.module != fresh.module:
        return "the bundle holds another module than the one beside it"
    ours, theirs = _unsigned(committed.manifest_bytes), _unsigned(fresh.manifest_bytes)
    differing = sorted(
        key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)
    )
    return f"the manifest differs in {', '.join(differing)}" if differing else ""


def _unsigned(manifest: bytes) -> dict[str, object]:
    fields: dict[str, object] = msgspec.json.decode(manifest)
    return {k: v for k, v in fields.items() if k not in ("publisher", "signature")}


def main(arguments: list[str]) -> int:
    """Exit code: 0, 1 where a bundle differs, 2 for usage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--publisher", type=Path, metavar="HOME")
    options = parser.parse_args(arguments)
    if options.check == bool(options.publisher):
        parser.error("give either --check or --publisher HOME")
    failed = False
    for name in options.names or names():
        try:
            if options.check:
                problem = check(name)
            else:
                publisher = Home.open(options.publisher).publisher()
                (APPS / name / f"{name}.covey").write_bytes(pack(name, publisher))
                problem = ""
        except NodeError as error:
            problem = str(error)
        print(f"apps/{name}: {problem or 'ok'}")
        failed = failed or bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
