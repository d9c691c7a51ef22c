"""Multicast DNS of one service, by python-zeroconf, whose threads end with the block.

The form is that of libp2p's mdns specification, under the service name of a private network: a
TXT record with one text `dnsaddr=` for each address; the name is random and says nothing.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import string
import threading
from collections.abc import AsyncIterator, Iterable

import trio
from zeroconf import (
    IPVersion,
    RecordUpdate,
    RecordUpdateListener,
    ServiceBrowser,
    ServiceInfo,
    ServiceStateChange,
    Zeroconf,
)

from covey.errors import ConfigError
from covey.model import limits

__all__ = ["Heard", "announced", "packed_texts", "texts_of"]

_SERVICE = "_p2p-covey._udp.local."
_ENTRY = b"dnsaddr="
_TEXT_BYTES_MAX = 255  # of one string of a TXT record: RFC 1035
_NAME_LETTERS = 32  # the least that the specification allows
_TTL_S = 120  # of the specification


class Heard:
    """What was announced lately, by name: addresses, none where it ended. Bounded.

    `tell` is called by zeroconf's thread, the others in trio.
    """

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._lock = threading.Lock()
        self._names: dict[str, tuple[str, ...]] = {}
        self._news = trio.Event()

    def tell(self, name: str, addresses: tuple[str, ...]) -> None:
        """Something was announced, or ended."""
        with self._lock:
            if name not in self._names and len(self._names) >= limits.LAN_NEWS_MAX:
                return
            self._names[name] = addresses
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._wake, idempotent=True)

    async def take(self) -> dict[str, tuple[str, ...]]:
        """Wait for news and take it."""
        await self._news.wait()
        self._news = trio.Event()
        with self._lock:
            names, self._names = self._names, {}
        return names

    def _wake(self) -> None:
        self._news.set()


class Trimmer(RecordUpdateListener):
    """Has zeroconf forget all records at a bound: it keeps 10,000, of whatever service, for a day.

    Who is still there is heard of again; `LanTable` keeps who is known. Called in its thread.
    """

    def __init__(self, zeroconf: Zeroconf) -> None:
        self._cache = zeroconf.cache

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Of no interest before they are kept."""

    def async_update_records_complete(self) -> None:
        """Records of one packet have been kept."""
        if sum(map(len, self._cache.cache.values())) > limits.LAN_RECORDS_MAX:
            kept = [record for records in self._cache.cache.values() for record in records]
            self._cache.async_remove_records(kept)


@contextlib.asynccontextmanager
async def announced(addresses: Iterable[str]) -> AsyncIterator[Heard]:
    """Full addresses of this node are announced, what others announce is heard.

    Without any this node only listens. Raises ConfigError where the machine does not let it.
    """
    _quieten()
    heard = Heard()
    try:
        zeroconf = await trio.to_thread.run_sync(_open, tuple(addresses), heard)
    except OSError as error:
        raise ConfigError(f"multicast DNS cannot be used here: {error.strerror}") from error
    try:
        yield heard
    finally:
        with trio.CancelScope(shield=True):  # It says goodbye, which takes a third of a second.
            await trio.to_thread.run_sync(zeroconf.close)


def texts_of(record: bytes) -> tuple[str, ...]:
    """The addresses in a TXT record; what is none of them, or cut short, is left out."""
    found: list[str] = []
    at = 0
    while at < len(record):
        text = record[at + 1 : at + 1 + record[at]]
        at += 1 + record[at]
        if text.startswith(_ENTRY) and at <= len(record):
            found.append(text[len(_ENTRY) :].decode("ascii", "replace"))
    return tuple(found)


def packed_texts(addresses: Iterable[str]) -> bytes:
    """The TXT record of some addresses; those too long for one are left out."""
    texts = [_ENTRY + address.encode() for address in addresses]
    return b"".join(bytes((len(text),)) + text for text in texts if len(text) <= _TEXT_BYTES_MAX)


def _open(addresses: tuple[str, ...], heard: Heard) -> Zeroconf:
    zeroconf = Zeroconf(ip_version=IPVersion.V4Only)
    zeroconf.add_listener(Trimmer(zeroconf), None)
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_NAME_LETTERS))
    full_name = f"{name}.{_SERVICE}"
    if addresses:
        info = ServiceInfo(
            _SERVICE,
            full_name,
            port=int(addresses[0].split("/")[4]),
            properties=packed_texts(addresses),
            server=f"{name}.local.",
            host_ttl=_TTL_S,
            other_ttl=_TTL_S,
            parsed_addresses=[addresses[0].split("/")[2]],
        )
        # Names are random, so nobody is asked first whether one is free.
        zeroconf.register_service(info, cooperating_responders=True)

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if name == full_name:
            return
        info = ServiceInfo(service_type, name)
        if state_change is not ServiceStateChange.Removed:
            info.load_from_cache(zeroconf)  # A record that is not there yet is news of its own.
        heard.tell(name, texts_of(info.text or b""))

    ServiceBrowser(zeroconf, _SERVICE, handlers=[changed])
    return zeroconf


def _quieten() -> None:
    """Keep what it says of other programs' packets out of the node's standard error."""
    logger = logging.getLogger("zeroconf")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
