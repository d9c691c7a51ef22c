"""A covey node whose operator is a rogue: it follows along honestly and misuses its own keys.

Network, store, engine and API are the real ones. A line of JSON on its input names a deed; its
answer names the deltas that this made.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import trio

from covey.api.server import serve
from covey.node.running import run
from covey.node.service import Node
from tests.e2e.doctored.call_deeds import CALL_DEEDS
from tests.e2e.doctored.charter_deeds import CHARTER_DEEDS
from tests.e2e.doctored.flood_deeds import FLOOD_DEEDS
from tests.e2e.doctored.hand import Deed, Hand
from tests.e2e.doctored.release_deeds import RELEASE_DEEDS
from tests.e2e.doctored.rule_deeds import RULE_DEEDS

LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
DEED_S = 120.0
DEEDS: dict[str, Deed] = {
    **CALL_DEEDS,
    **CHARTER_DEEDS,
    **FLOOD_DEEDS,
    **RELEASE_DEEDS,
    **RULE_DEEDS,
}


async def obey(node: Node) -> None:
    """Commit deeds until the input ends, then stop."""
    async for line in trio.wrap_file(sys.stdin):
        words = json.loads(line)
        try:
            with trio.fail_after(DEED_S):
                hand = Hand(node, words.pop("context"))
                deltas = await DEEDS[words.pop("deed")](hand, words)
        except Exception as error:  # noqa: BLE001 - whoever told it is to hear why not
            say({"error": "".join(traceback.format_exception(error))})
        else:
            say({"deltas": [delta.id.hex() for delta in deltas]})
    node.request_stop()


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def main(home: str, *bootstrap: str) -> None:
    """Run the node of a home until it is told to stop."""
    async with trio.open_nursery() as nursery:

        def ready(node: Node, api: str) -> None:
            say({"peer_id": node.peer_id, "addresses": node.addresses, "api": api})
            nursery.start_soon(obey, node)

        await run(
            Path(home),
            listen=LOOPBACK,
            bootstrap=bootstrap,
            api=None,
            serve=serve,
            on_ready=ready,
        )
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
