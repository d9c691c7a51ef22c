"""Two private network namespaces joined by a cable, so that its counters are what peers send.

The writer, and whoever runs the benchmark, live in the first; the reader in the second. Commands to
a node travel over the loopback interface of its own namespace and are not counted. Every packet
is counted once, with its headers; the cable takes packets as long as a loopback interface does.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Cable", "plug_in"]

_NEW_NETWORK = 0x4000_0000  # CLONE_NEWNET
_OWN = Path("/proc/self/ns/net")
_CABLE = "bench0"
_MTU_BYTES = 65_535
_libc = ctypes.CDLL(None, use_errno=True)


class Cable:
    """Between the two namespaces. reader: a descriptor of the second one."""

    writer_address = "10.77.0.1"
    reader_address = "10.77.0.2"

    def __init__(self, reader: int) -> None:
        self._writer = os.open(_OWN, os.O_RDONLY)
        self._reader = reader

    def sent_bytes(self) -> int:
        """What went over the cable so far, in both directions."""
        for line in Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
            name, _, counters = line.partition(":")
            if name.strip() == _CABLE:
                columns = counters.split()
                return int(columns[0]) + int(columns[8])
        raise AssertionError("the cable is there")

    def cut(self) -> None:
        """Nothing passes any more; both ends notice only that the other is silent."""
        _ip("link", "set", _CABLE, "down")

    def mend(self) -> None:
        """Everything passes again."""
        _ip("link", "set", _CABLE, "up")

    @contextmanager
    def at_reader(self) -> Iterator[None]:
        """Within the block this thread's new sockets and processes are the reader's."""
        _enter(self._reader)
        try:
            yield
        finally:
            _enter(self._writer)


def plug_in() -> Cable | None:
    """Leave this process's network for two private ones; None where that is not permitted."""
    before = os.open(_OWN, os.O_RDONLY)
    try:
        _call(_libc.unshare(_NEW_NETWORK))
        reader = os.open(_OWN, os.O_RDONLY)
        _call(_libc.unshare(_NEW_NETWORK))
        cable = Cable(reader)
        _ip("link", "set", "lo", "up")
        _ip("link", "add", _CABLE, "mtu", str(_MTU_BYTES), "type", "veth", "peer", "name", "bench1")
        _ip("link", "set", "bench1", "netns", f"/proc/self/fd/{reader}", pass_fds=(reader,))
        _ip("address", "add", f"{cable.writer_address}/24", "dev", _CABLE)
        _ip("link", "set", _CABLE, "up")
        with cable.at_reader():
            _ip("link", "set", "lo", "up")
            _ip("link", "set", "bench1", "mtu", str(_MTU_BYTES))
            _ip("address", "add", f"{cable.reader_address}/24", "dev", "bench1")
            _ip("link", "set", "bench1", "up")
    except (OSError, subprocess.CalledProcessError):
        _enter(before)
        return None
    finally:
        os.close(before)
    return cable


def _enter(namespace: int) -> None:
    _call(_libc.setns(namespace, _NEW_NETWORK))


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*words: str, pass_fds: tuple[int, ...] = ()) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, pass_fds=pass_fds)
