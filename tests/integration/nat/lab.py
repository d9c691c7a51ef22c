"""Two private networks, each behind a router that translates addresses, and a public machine.

    A 192.168.1.2 ── router ── 198.51.100.2 ─┐
                                            R (198.51.100.1, 203.0.113.1) routes between the two
    B 192.168.1.2 ── router ── 203.0.113.2 ──┘

The routers masquerade with nftables and let in only what belongs to a connection from inside. Both
private networks use the same addresses, as those of two homes do. All five are private network
namespaces of this process, held by descriptors: they are gone when it ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PRIVATE", "PUBLIC_A", "PUBLIC_B", "Lab", "open_lab"]

PRIVATE = "192.168.1.2"
PUBLIC_A = "198.51.100.1"
PUBLIC_B = "203.0.113.1"
_NEW_NETWORK = 0x4000_0000  # CLONE_NEWNET
_THREAD = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)

_ROUTER = """
table ip covey {{
  chain nat {{
    type nat hook postrouting priority 100;
    oifname "wan" masquerade {options}
  }}
  chain input {{
    type filter hook input priority 0;
    iifname "wan" ct state new {stranger}
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    iifname "lan" accept
    ct state established,related accept
  }}
}}
"""


class Lab:
    """The five networks by name: `a`, `b`, `r`, and the routers `na` and `nb`."""

    def __init__(self, spaces: dict[str, int], home: int) -> None:
        self._spaces = spaces
        self._home = home

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Within the block this thread's new sockets and processes are of that network."""
        _enter(self._spaces[name])
        try:
            yield
        finally:
            _enter(self._home)

    def run(self, name: str, command: str, *, text: str | None = None) -> str:
        """A command in one of the networks; its output. text: its input."""
        with self.at(name):
            done = subprocess.run(
                command.split(), check=True, capture_output=True, text=True, input=text, timeout=20
            )
        return done.stdout

    def translate(self, *, is_symmetric: bool = False, stranger: str = "drop") -> None:
        """Set up both routers anew, which also forgets what they let in.

        is_symmetric: each connection gets a random outside port; otherwise the inside port is kept
        where it is free, which is how most home routers do it. stranger: what happens to packets
        that nobody inside asked for, `drop` or `reject with tcp reset`.
        """
        options = "fully-random" if is_symmetric else ""
        for name in ("na", "nb"):
            rules = _ROUTER.format(options=options, stranger=_verdict(stranger))
            self.run(name, "nft -f -", text="flush ruleset\n" + rules)

    def sent_bytes(self, name: str, device: str) -> int:
        """What a device of a network sent so far."""
        with self.at(name):
            lines = Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
        for line in lines:
            found, _, counters = line.partition(":")
            if found.strip() == device:
                return int(counters.split()[8])
        raise AssertionError(f"{name} has no {device}")

    def close(self) -> None:
        """Give the networks back; the last process in one of them takes it along."""
        for space in (*self._spaces.values(), self._home):
            os.close(space)


def open_lab() -> Lab | str:
    """The five networks, or why this machine cannot have them."""
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (iproute2, nftables)"
    home = os.open(_THREAD, os.O_RDONLY)
    spaces: dict[str, int] = {}
    try:
        for name in ("a", "na", "r", "nb", "b"):
            _call(_libc.unshare(_NEW_NETWORK))
            spaces[name] = os.open(_THREAD, os.O_RDONLY)
        _enter(home)
        lab = Lab(spaces, home)
        _connect(lab, spaces)
        lab.translate()
    except (OSError, subprocess.CalledProcessError) as error:
        _enter(home)
        told = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        return f"network namespaces with masquerading are not permitted here: {told}"
    return lab


def _connect(lab: Lab, spaces: dict[str, int]) -> None:
    for name in spaces:
        lab.run(name, "ip link set lo up")
    for side, public in (("a", PUBLIC_A), ("b", PUBLIC_B)):
        router = f"n{side}"
        _cable(lab, side, "eth0", spaces[router], "lan")
        _cable(lab, router, "wan", spaces["r"], f"to{side}")
        _address(lab, side, "eth0", PRIVATE)
        _address(lab, router, "lan", "192.168.1.1")
        _address(lab, router, "wan", public[:-1] + "2")
        _address(lab, "r", f"to{side}", public)
        lab.run(side, "ip route add default via 192.168.1.1")
        lab.run(router, f"ip route add default via {public}")
    for name in ("na", "r", "nb"):
        with lab.at(name):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")


def _cable(lab: Lab, one: str, one_name: str, other: int, other_name: str) -> None:
    ends = f"ip link add {one_name} type veth peer name {other_name} netns /proc/self/fd/{other}"
    with lab.at(one):
        subprocess.run(ends.split(), check=True, capture_output=True, text=True, pass_fds=(other,))


def _address(lab: Lab, name: str, device: str, address: str) -> None:
    lab.run(name, f"ip address add {address}/24 dev {device}")
    lab.run(name, f"ip link set {device} up")


def _verdict(stranger: str) -> str:
    return f"meta l4proto tcp {stranger}" if stranger.startswith("reject") else stranger


def _enter(space: int) -> None:
    _call(_libc.setns(space, _NEW_NETWORK))


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
