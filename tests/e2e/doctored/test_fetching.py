"""An admin that names code which nobody has: every node looks for it, and within bounds."""

from __future__ import annotations

import pytest

from covey.codec import Description, open_bundle, sign_manifest
from covey.model import EXECUTION_METERED
from covey.runtime import read_interface
from tests.e2e.doctored.application import PACKAGE, arena, publisher
from tests.e2e.doctored.conftest import assailed
from tests.e2e.doctored.test_releases import founders

MODULES = 2_000


def manifests() -> list[str]:
    """Signed ones of as many modules that do not exist."""
    interface = read_interface(open_bundle(arena()).module)
    return [
        sign_manifest(
            Description(PACKAGE, "2.0.0", "nobody's"),
            interface,
            b"module %d of nobody" % number,
            EXECUTION_METERED,
            publisher(),
        ).hex()
        for number in range(MODULES)
    ]


@pytest.mark.slow
def test_modules_of_nobody(scene):
    """Calls and sync go on beside the search; it needs the publisher's key and an admin's."""
    context = scene.found(arena(), "modules", founders(scene))
    with assailed(scene, context) as assault:
        with assault.under("modules of nobody", waiting=True) as seen:
            deltas = assault.commit("modules of nobody", manifests=manifests())
        assault.told(f"{MODULES} migrations by modules of nobody", "waits", seen, "0")
        assault.holds_none_of(deltas)
